"""YAML text to documents: plain values with the position of every node, and every syntax problem.

The tree is built here from libyaml's event stream, so depth and alias expansion are limited before anything grows.
Documents are split at "---" lines first, as kubectl does: one broken document does not hide the others.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import yaml

from runner.core.manifest.scalars import Scalar, json_key, resolve_plain
from runner.core.manifest.splitting import Part, split
from runner.core.manifest.types import PathKeys, Position

MAX_DEPTH: Final = 100
MAX_ALIASED_NODES: Final = 100_000
_TAG: Final = "tag:yaml.org,2002:"
_SCALAR_TAGS: Final = frozenset(_TAG + name for name in ("str", "int", "float", "bool", "null", "timestamp", "merge"))
_KNOWN_TAGS: Final = _SCALAR_TAGS | {"!"} | {_TAG + name for name in ("seq", "map", "set", "omap", "pairs", "binary")}
_SURROGATES: Final = re.compile(r"\\u([dD][89abAB][0-9a-fA-F]{2})\\u([dD][c-fC-F][0-9a-fA-F]{2})")
# Characters that JSON's strings may hold as they are, and that YAML refuses or takes for the end of a line.
_ONLY_IN_JSON: Final = re.compile("[\x7f-\x9f\u2028\u2029\ufffe\uffff]")
_SLASH: Final = re.compile(r"(?<!\\)(?:\\\\)*\\/")
_Loader: Final[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class Node:
    """One value of the text with its place: `value` is a scalar, a list of nodes or a dict of nodes."""

    __slots__ = ("column", "height", "keys", "line", "size", "source", "value")

    def __init__(self, value: Any, line: int, column: int, source: str | None = None) -> None:
        self.value = value
        self.line = line
        self.column = column
        self.source = source  # the text of an unquoted scalar
        self.keys: dict[str, tuple[Position, str]] = {}  # key positions and spellings of a mapping
        self.size = 1  # nodes in this subtree, aliases expanded
        self.height = 1  # levels in this subtree, aliases expanded

    @property
    def position(self) -> Position:
        """Return where the value starts."""
        return Position(self.line, self.column)

    def grow(self, child: Node) -> None:
        """Count a child that was just added."""
        self.size += child.size
        self.height = max(self.height, child.height + 1)

    def put(self, key: str, place: tuple[Position, str], child: Node) -> None:
        """Add an entry to a mapping; ``place`` is the key's position and spelling."""
        self.keys[key] = place
        self.value[key] = child
        self.grow(child)

    def child(self, step: str | int) -> Node | None:
        """Return the entry or item at one step of a path."""
        value = self.value
        if isinstance(value, dict) and isinstance(step, str):
            return value.get(step)
        if isinstance(value, list) and isinstance(step, int) and 0 <= step < len(value):
            item: Node = value[step]
            return item
        return None

    def plain(self) -> Any:
        """Return the value without positions."""
        if isinstance(self.value, dict):
            return {key: node.plain() for key, node in self.value.items()}
        if isinstance(self.value, list):
            return [node.plain() for node in self.value]
        return self.value


class Positions(Mapping[PathKeys, Position]):
    """The place of every value of a document, found by walking the tree when asked."""

    __slots__ = ("_root",)

    def __init__(self, root: Node) -> None:
        self._root = root

    def _find(self, path: PathKeys) -> tuple[Node, int]:
        node, depth = self._root, 0
        for step in path:
            child = node.child(step)
            if child is None:
                break
            node, depth = child, depth + 1
        return node, depth

    def __getitem__(self, path: PathKeys) -> Position:
        node, depth = self._find(path)
        if depth != len(path):
            raise KeyError(path)
        return node.position

    def nearest(self, path: PathKeys) -> Position:
        """Return the place of the value at a path, or of the innermost existing value that contains it."""
        return self._find(path)[0].position

    def __iter__(self) -> Iterator[PathKeys]:
        stack: list[tuple[PathKeys, Node]] = [((), self._root)]
        while stack:
            path, node = stack.pop()
            yield path
            if isinstance(node.value, dict):
                stack.extend(((*path, key), child) for key, child in reversed(node.value.items()))
            elif isinstance(node.value, list):
                stack.extend(((*path, index), child) for index, child in reversed(list(enumerate(node.value))))

    def __len__(self) -> int:
        return sum(1 for _ in self)


@dataclass(frozen=True, slots=True)
class Document:
    """One document of a text: its tree (None when nothing could be read or it is empty) and what is wrong with it."""

    root: Node | None = None
    errors: list[tuple[Position, str, str]] = field(default_factory=list)  # place, our text, kubectl's text
    warnings: list[tuple[Position, str]] = field(default_factory=list)


class _TextError(Exception):
    """A problem that ends the reading of a document."""

    def __init__(self, position: Position, message: str, detail: str = "", *, teller: str = "yaml: ") -> None:
        super().__init__(message)
        self.position = position
        self.message = message
        self.detail = teller + (detail or message)


def read_documents(text: str) -> list[Document]:
    """Return the documents of a YAML or JSON text; empty documents are left out. Never raises."""
    return [document for document in map(_read_part, split(text)) if _worth_keeping(document)]


def _worth_keeping(document: Document) -> bool:
    return document.root is not None or bool(document.errors) or bool(document.warnings)


def _read_part(part: Part) -> Document:
    text, first_line = part.text, part.first_line
    if part.error is not None:
        line, column, message = part.error
        return Document(errors=[(Position(line, column), message, message)])
    warnings: list[tuple[Position, str]] = []
    try:
        if part.is_json:
            text = _SURROGATES.sub(_join_surrogates, text)
            text = _ONLY_IN_JSON.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
        _check_characters(text, first_line)
        return Document(_Composer(text, first_line, warnings, is_json=part.is_json).compose(), warnings=warnings)
    except _TextError as error:
        problem = (error.position, error.message, part.fault or error.detail)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        position = Position(mark.line + 1 + first_line, mark.column + 1) if mark else Position(first_line + 1, 1)
        problem = (position, _sentence(error), part.fault or _go_sentence(error))
    return Document(errors=[problem], warnings=warnings)


def _sentence(error: yaml.MarkedYAMLError) -> str:
    problem = error.problem or "cannot be parsed"
    if problem.startswith("found character") and "cannot start any token" in problem:
        return "found character that cannot start any token (a tab, or one of % @ `: quote the value)"
    if problem == "did not find expected <document start>":
        return f"{problem} (a document ends at ---: leave out lines that begin with %)"
    return f"{error.context}, {problem}" if error.context else problem


def _go_sentence(error: yaml.MarkedYAMLError) -> str:
    """Return the error as kubectl's parser words it; its line counts differ between scanner and parser."""
    line = error.problem_mark.line if error.problem_mark else 0
    if line:
        line += isinstance(error, yaml.scanner.ScannerError)
    elif error.context_mark:
        line = error.context_mark.line
    return f"yaml: line {line}: {error.problem}" if line else f"yaml: {error.problem}"


def _go_value(node: Node) -> str:
    """Return a value as Go's %#v shows it."""
    value = node.value
    if isinstance(value, dict):
        entries = ", ".join(f"{_go_text(key)}:{_go_value(child)}" for key, child in value.items())
        return f"map[interface {{}}]interface {{}}{{{entries}}}"
    if isinstance(value, list):
        return f"[]interface {{}}{{{', '.join(map(_go_value, value))}}}"
    if value is None:
        return "interface {}(nil)"
    return _go_text(value) if isinstance(value, str) else str(value).lower()


def _go_text(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _check_characters(text: str, first_line: int) -> None:
    """Refuse all that YAML's readers refuse, with its place: NUL and other control characters, halves of surrogate pairs."""
    match = re.search(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufffe\uffff]", text)
    if match is None:
        return
    before = text[: match.start()]
    position = Position(before.count("\n") + 1 + first_line, match.start() - (before.rfind("\n") + 1) + 1)
    code = ord(match[0])
    if 0xD800 <= code <= 0xDFFF:
        raise _TextError(position, "the text is not valid UTF-8")
    said = "control characters are not allowed"
    raise _TextError(position, f"{said} (U+{code:04X})", said)


def _join_surrogates(match: re.Match[str]) -> str:
    """Return one escape for a JSON surrogate pair, which libyaml does not know."""
    return chr(0x10000 + ((int(match[1], 16) - 0xD800) << 10) + (int(match[2], 16) - 0xDC00))


class _Composer:
    """Builds the tree of the first document of a text from the parser's events."""

    def __init__(self, text: str, first_line: int, warnings: list[tuple[Position, str]], *, is_json: bool) -> None:
        self.loader = _Loader(text)
        # Where an escape may stand that only JSON has, and the brackets that are open around what is read.
        self.slashed = text if "\\/" in text and not is_json else ""
        self.closers: list[str] = []
        self.first_line = first_line + 1
        self.warnings = warnings
        self.anchors: dict[str, Node | None] = {}  # None while the anchored value is being read
        self.aliased = 0
        self.written = 0

    def compose(self) -> Node | None:
        """Return the root node, or None when the text holds no document or only a null."""
        try:
            self.loader.get_event()  # stream start
            event = self.loader.get_event()
            if isinstance(event, yaml.StreamEndEvent):
                return None
            node = self.node(self.loader.get_event(), 1)
            self.loader.get_event()  # document end
            self.note_rest()
        finally:
            self.loader.dispose()
        return None if node.value is None else node

    def note_rest(self) -> None:
        """Warn about text after the end of the document (a "..." line, a closed bracket): kubectl ignores it."""
        try:
            event = self.loader.get_event()
            mark = None if isinstance(event, yaml.StreamEndEvent) else event.start_mark
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark
        if mark is not None:
            position = Position(mark.line + self.first_line, mark.column + 1)
            message = 'text after the end of the document is ignored; separate documents with "---"'
            self.warnings.append((position, message))

    def at(self, event: Any) -> Position:
        mark = event.start_mark
        return Position(mark.line + self.first_line, mark.column + 1)

    def node(self, event: Any, depth: int) -> Node:
        if isinstance(event, yaml.AliasEvent):
            return self.alias(event, depth)
        if depth > MAX_DEPTH:
            raise self.too_deep(event)
        self.written += 1
        anchor = event.anchor
        if anchor is not None:
            self.anchors[anchor] = None
        if isinstance(event, yaml.ScalarEvent):
            node = self.scalar(event)
        elif isinstance(event, yaml.SequenceStartEvent):
            node = self.sequence(event, depth)
        else:
            node = self.mapping(event, depth)
        if anchor is not None:
            self.anchors[anchor] = node
        return node

    def too_deep(self, event: Any) -> _TextError:
        return _TextError(self.at(event), f"nested too deeply: more than {MAX_DEPTH} levels")

    def alias(self, event: Any, depth: int) -> Node:
        if event.anchor not in self.anchors:
            raise _TextError(self.at(event), f"unknown anchor '{event.anchor}' referenced")
        target = self.anchors[event.anchor]
        if target is None:
            raise _TextError(self.at(event), f"anchor '{event.anchor}' value contains itself")
        if depth + target.height - 1 > MAX_DEPTH:
            raise self.too_deep(event)
        self.aliased += target.size
        # As in go.yaml.in/yaml/v2 decode.go (unmarshal): no more than 99 of 100 values may come from aliases.
        if self.aliased > min(MAX_ALIASED_NODES, max(1000, 99 * self.written)):
            said = f"aliases expand to more than {MAX_ALIASED_NODES} values, or to 99 times what is written"
            raise _TextError(self.at(event), said, "document contains excessive aliasing")
        return target

    def scalar(self, event: Any) -> Node:
        position = self.at(event)
        value: Scalar = event.value
        source = None
        if (
            self.slashed
            and event.style == '"'
            and _SLASH.search(self.slashed[event.start_mark.index : event.end_mark.index])
        ):
            said, line = "found unknown escape character", event.end_mark.line
            raise _TextError(position, f"{said} (\\/)", f"line {line + 1}: {said}" if line else said)
        if self.closers and not event.style and "?" in event.value:
            raise self.question(position, event.start_mark.line)
        if event.tag is None:
            if not event.style:
                value, source = resolve_plain(event.value), event.value
        elif event.tag != "!":
            value = self.tagged(event.tag, event.value, position)
        return Node(value, position.line, position.column, source)

    def question(self, position: Position, line: int) -> _TextError:
        """A question mark ends an unquoted text between brackets (go.yaml.in/yaml/v2 scannerc.go), and nothing can follow."""
        said = f"did not find expected ',' or '{self.closers[-1]}'"
        return _TextError(position, f"{said} (quote a text that holds a ?)", f"line {line}: {said}" if line else said)

    def tagged(self, tag: str, text: str, position: Position) -> Scalar:
        if tag == _TAG + "binary":
            try:
                return base64.b64decode("".join(text.split()), validate=True).decode(errors="replace")
            except (binascii.Error, ValueError) as error:
                raise _TextError(position, "!!binary value contains invalid base64 data") from error
        name = tag.removeprefix(_TAG)
        if tag not in _SCALAR_TAGS or name in ("str", "timestamp", "merge"):
            self.note_tag(tag, position)
            return text
        value = resolve_plain(text)
        kinds: dict[str, tuple[type, ...]] = {
            "int": (int,),
            "float": (int, float),
            "bool": (bool,),
            "null": (type(None),),
        }
        if not isinstance(value, kinds[name]) or (isinstance(value, bool) and name != "bool"):
            detail = f"cannot decode {_resolved_tag(value)} `{text}` as a {_shown_tag(tag)}"
            raise _TextError(position, f"cannot read {text[:40]!r} as a {_shown_tag(tag)}", detail)
        return value

    def note_tag(self, tag: str, position: Position) -> None:
        """Warn of a tag that kubectl knows nothing of: it reads the value as if the tag were not there."""
        if tag not in _KNOWN_TAGS:
            message = f"the tag {_shown_tag(tag)} is ignored, as kubectl does: the value is taken as it is written"
            self.warnings.append((position, message))

    def sequence(self, event: Any, depth: int) -> Node:
        position = self.at(event)
        self.note_tag(event.tag or "!", position)
        items: list[Node] = []
        node = Node(items, position.line, position.column)
        if event.flow_style:
            self.closers.append("]")
        while not isinstance(item := self.loader.get_event(), yaml.SequenceEndEvent):
            child = self.node(item, depth + 1)
            items.append(child)
            node.grow(child)
        if event.flow_style:
            self.closers.pop()
        return node

    def mapping(self, event: Any, depth: int) -> Node:
        position = self.at(event)
        self.note_tag(event.tag or "!", position)
        node = Node({}, position.line, position.column)
        written: set[str] = set()
        if event.flow_style:
            self.closers.append("}")
        while not isinstance(item := self.loader.get_event(), yaml.MappingEndEvent):
            key_position = self.at(item)
            key_node = self.node(item, depth + 1)
            is_merge = key_node.source == "<<" and isinstance(item, yaml.ScalarEvent)
            value_event = self.loader.get_event()
            child = self.node(value_event, depth + 1)
            if is_merge:
                self.merge(node, child, key_position, written, is_alias=isinstance(value_event, yaml.AliasEvent))
                continue
            if isinstance(key_node.value, dict | list):
                message = 'invalid map key: a key must be a plain value (quote "{{ … }}")'
                raise _TextError(key_position, message, f"invalid map key: {_go_value(key_node)}")
            key = json_key(key_node.value)
            if key is None:
                raise self.no_key(key_position, child)
            if key in written:
                self.duplicate(key, node.keys[key][0], key_position)
            written.add(key)
            node.put(key, (key_position, key_node.source or key), child)
        if event.flow_style:
            self.closers.pop()
        return node

    def no_key(self, position: Position, child: Node) -> _TextError:
        # That is not said by the YAML reader, but by what makes JSON of its values.
        detail = f"unsupported map key of type: %!s(<nil>), key: <nil>, value: {_go_value(child)}"
        return _TextError(position, "invalid map key: null", detail, teller="")

    def duplicate(self, key: str, first: Position, second: Position, counts: str = "last") -> None:
        where = f"first at {first.line}:{first.column}"
        self.warnings.append((second, f'duplicate key "{key}", {where}; the {counts} one counts'))

    def merge(self, node: Node, merged: Node, at: Position, written: set[str], *, is_alias: bool) -> None:
        """Add the entries of a merge value ("<<") to what was written before it; the first of a list wins.

        As in go.yaml.in/yaml/v2 decode.go (merge), it takes the place of what the mapping said before it.
        """
        is_list = isinstance(merged.value, list)
        sources = merged.value if is_list else [merged]
        if (is_list and is_alias) or any(not isinstance(source.value, dict) for source in sources):
            raise _TextError(merged.position, "map merge requires map or sequence of maps as the value")
        for source in reversed(sources):
            for key, child in source.value.items():
                if key in written:
                    self.duplicate(key, node.keys[key][0], at, "merged")
                    written.remove(key)
                node.put(key, source.keys[key], child)


def _resolved_tag(value: Scalar) -> str:
    names = ((bool, "bool"), (int, "int"), (float, "float"), (str, "str"))
    return "!!" + next((name for kind, name in names if isinstance(value, kind)), "null")


def _shown_tag(tag: str) -> str:
    return "!!" + tag.removeprefix(_TAG) if tag.startswith(_TAG) else tag
