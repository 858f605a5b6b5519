"""Strict decoding: a document's tree against the schema, giving the JSON object that the API server would see.

What Go's decoder drops is dropped (null, empty lists, zero values of plain fields), quantities get their canonical form.
Problems carry the server's own sentence in `detail` and a hint for people in `message`.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Callable, Iterable, Mapping
from operator import itemgetter
from typing import Any, Final

from runner.core.manifest.gotime import time_error
from runner.core.manifest.paths import FieldPath
from runner.core.manifest.scalars import json_number
from runner.core.manifest.schema import Field, fields_of, load_schema
from runner.core.manifest.types import Position
from runner.core.manifest.yamltext import Node
from runner.core.text.gotext import quote
from runner.core.text.quantity import FORMAT_MESSAGE, QuantityError, canonical

Report = Callable[[FieldPath, Position, str, str], None]

_ABSENT: Final[Any] = object()
_NULL: Final = Node(None, 0, 0)
_GO_NAMES: Final = {
    "s": "string",
    "b": "bool",
    "i": "int32",
    "l": "int64",
    "x": "int32",
    "y": "[]uint8",
    "B": "uint8",
    "t": "string",
}
_ZERO: Final[Mapping[str, Any]] = {"s": "", "b": False, "i": 0, "l": 0, "x": 0, "q": "0", "y": None, "t": None}
_RANGES: Final = {
    "i": range(-(2**31), 2**31),
    "l": range(-(2**63), 2**63),
    "x": range(-(2**31), 2**31),
    "B": range(256),
}
_LONGEST_QUANTITY: Final = 100
# Who tells of a problem first (see Decoder.object); kubectl is before the server.
_FINAL, _WRONG, _SERVERS, _UNKNOWN = 1, 2, 2, 3


class Decoder:
    """Decodes one document; problems go to `report(path, position, server sentence, message)`."""

    def __init__(self, report: Report) -> None:
        self._report_all = report
        self._found: list[tuple[int, FieldPath, Position, str, str]] = []
        self.broken: set[tuple[str | int, ...]] = set()

    def object(self, type_name: str, node: Node) -> dict[str, Any]:
        """Return the decoded object; whatever could not be read is left out.

        Problems are told in the order in which somebody would tell them first: kubectl, which reads an object's metadata
        before it sends anything; then a type with a reader of its own (quantities, times, numbers or names), whose error ends
        Go's reading at once; then the first value of a wrong type; then all unknown fields.
        """
        decoded = self._struct(type_name, node, FieldPath(), "")
        for _, path, position, sentence, message in sorted(self._found, key=itemgetter(0)):
            self._report_all(path, position, sentence, message)
        return decoded

    def _report(self, rank: int, path: FieldPath, position: Position, sentence: str, message: str) -> None:
        ranks = rank if rank == _UNKNOWN or path.keys[:1] != ("metadata",) else rank - _SERVERS
        self._found.append((ranks, path, position, sentence, message))

    def _struct(self, name: str, node: Node, path: FieldPath, go_path: str) -> dict[str, Any]:
        fields = fields_of(name)
        given: dict[str, Node] = node.value or {}
        read: dict[str, Any] = {}
        for key in sorted(given):
            field = fields.get(key)
            child_path = path.child(key)
            if field is None:
                self._unknown(name, key, node, child_path, read_names=given.keys())
                continue
            inside = ".".join(part for part in (go_path, field.embedded, key) if part)
            value = self._value(field.code, given[key], child_path, _Place(name, inside, field))
            if value is not _ABSENT:
                read[key] = value
        result: dict[str, Any] = {}
        for key, field in fields.items():
            value = read.get(key, _ABSENT)
            if value is _ABSENT:
                if (field.required or field.always) and not (field.code[0] == "@" and field.pointer):
                    result[key] = self._zero(field)
            elif field.required or field.always or field.pointer or not _is_zero(field.code, value):
                result[key] = value
        return result

    def _zero(self, field: Field) -> Any:
        code = field.code
        if field.pointer:
            return None
        if code[0] == "@":
            return self._struct(code[1:], _NULL, FieldPath(), "")
        return None if code[0] in "[{f" else _ZERO[code]

    def _unknown(self, name: str, key: str, node: Node, path: FieldPath, read_names: Iterable[str]) -> None:
        position, spelling = node.keys[key]
        sentence = f"unknown field {quote(str(path))}"
        hint = ""
        near = nearest(key, [field for field in fields_of(name) if field not in read_names])
        if near:
            hint = f', did you mean "{near}"?'
            self.broken.add((*path.keys[:-1], near))
        elif spelling != key:
            hint = f" (the key {spelling} means {key} in YAML: quote it)"
        else:
            inner = _found_inside(name, key)
            if inner:
                hint = f', did you mean "{inner}"?'
        self._report(_UNKNOWN, path, position, sentence, sentence + hint)

    def _value(self, code: str, node: Node, path: FieldPath, place: _Place) -> Any:
        if node.value is None:
            return None if code == "y" and place.in_map else _ABSENT
        kind = code[0]
        if kind == "@":
            if not isinstance(node.value, dict):
                return self._mismatch(code, node, path, place)
            return self._struct(code[1:], node, path, place.path)
        if kind == "[":
            return self._list(code, node, path, place)
        if kind == "{":
            return self._map(code, node, path, place)
        return self._scalar(kind, node, path, place)

    def _list(self, code: str, node: Node, path: FieldPath, place: _Place) -> Any:
        if not isinstance(node.value, list):
            return self._mismatch(code, node, path, place)
        items = []
        for index, child in enumerate(node.value):
            value = self._value(code[1:], child, path.index(index), place.item(in_map=False))
            items.append(self._empty(code[1:]) if value is _ABSENT else value)
        return items

    def _map(self, code: str, node: Node, path: FieldPath, place: _Place) -> Any:
        if not isinstance(node.value, dict):
            return self._mismatch(code, node, path, place)
        entries: dict[str, Any] = {}
        for key in sorted(node.value):
            value = self._value(code[1:], node.value[key], path.key(key), place.item(in_map=True))
            entries[key] = self._empty(code[1:]) if value is _ABSENT else value
        return entries

    def _empty(self, code: str) -> Any:
        """Return what a null (or unreadable) list item or map value becomes."""
        if code[0] == "@":
            return self._struct(code[1:], _NULL, FieldPath(), "")
        return _ZERO.get(code)

    def _scalar(self, code: str, node: Node, path: FieldPath, place: _Place) -> Any:
        value = node.value
        if code == "f":
            return node.plain()
        if code == "q":
            return self._quantity(node, path)
        if code in "st" and isinstance(value, str):
            return value if code == "s" else self._time(node, path)
        if code == "y" and isinstance(value, str):
            return self._bytes(node, path)
        if code == "y" and isinstance(value, list):
            return self._byte_list(node, path, place)
        if code == "x" and isinstance(value, str):
            return value
        if code == "b" and isinstance(value, bool):
            return value
        if code in _RANGES and isinstance(value, int | float) and not isinstance(value, bool):
            whole = int(value) if isinstance(value, float) and value.is_integer() and abs(value) < 1e21 else value
            if isinstance(whole, int) and whole in _RANGES[code]:
                return whole
            return self._mismatch(code, node, path, place, shown=json_number(value))
        return self._mismatch(code, node, path, place)

    def _quantity(self, node: Node, path: FieldPath) -> Any:
        value = node.value
        text = value if isinstance(value, str) else _json_text(node)
        try:
            if len(text) > _LONGEST_QUANTITY:
                raise QuantityError(FORMAT_MESSAGE)
            return canonical(text)
        except QuantityError as error:
            hint = _quantity_hint(text)
            return self._fail(path, node, str(error), f'"{text[:60]}" is not a quantity{hint}: {error}')

    def _time(self, node: Node, path: FieldPath) -> Any:
        text: str = node.value
        sentence = time_error(text)
        if not sentence:
            return text
        hint = "" if "out of range" in sentence else " (write it like 2026-01-31T12:00:00Z)"
        return self._fail(path, node, sentence, sentence + hint)

    def _bytes(self, node: Node, path: FieldPath) -> Any:
        text = node.value.replace("\r", "").replace("\n", "")
        try:
            return base64.b64encode(base64.b64decode(text, validate=True)).decode()
        except (binascii.Error, ValueError):
            sentence = f"illegal base64 data at input byte {_base64_fault(text)}"
            hint = " (plain text belongs in stringData)" if path.keys[:1] == ("data",) else ""
            return self._fail(path, node, sentence, sentence + hint, rank=_WRONG)

    def _byte_list(self, node: Node, path: FieldPath, place: _Place) -> Any:
        """Bytes may be written as a list of numbers, too, as any slice in Go."""
        numbers = [
            0 if one.value is None else self._value("B", one, path.index(index), place)
            for index, one in enumerate(node.value)
        ]
        return _ABSENT if _ABSENT in numbers else base64.b64encode(bytes(numbers)).decode()

    def _mismatch(self, code: str, node: Node, path: FieldPath, place: _Place, shown: str = "") -> Any:
        found = _json_kind(node.value) + (f" {shown}" if shown else "")
        wanted = _go_type(code, place.field)
        # kubectl reads the metadata of any object on its own first, through a type of that name.
        struct = "metadataOnlyObject" if path.keys == ("metadata",) else place.struct
        sentence = f"json: cannot unmarshal {found} into Go struct field {struct}.{place.path} of type {wanted}"
        hint = _type_hint(code, node, secret=place.struct == "Secret")
        return self._fail(path, node, sentence, sentence + hint, rank=_FINAL if code in "xt" else _WRONG)

    def _fail(self, path: FieldPath, node: Node, sentence: str, message: str, *, rank: int = 0) -> Any:
        self.broken.add(path.keys)
        self._report(rank or _FINAL, path, node.position, sentence, message)
        return _ABSENT


class _Place:
    """Where a value is for Go's decode errors: the struct, the path without indices, the field's table entry."""

    __slots__ = ("field", "in_map", "path", "struct")

    def __init__(self, struct: str, path: str, field: Field, *, in_map: bool = False) -> None:
        self.struct = struct
        self.path = path
        self.field = field
        self.in_map = in_map

    def item(self, *, in_map: bool) -> _Place:
        return _Place(self.struct, self.path, self.field, in_map=in_map)


def nearest(word: str, candidates: Iterable[str], *, cutoff: float = 0.72) -> str:
    """Return the candidate most like a word ("" when none is close: 1 is the word itself)."""
    import difflib  # only needed when something is wrong

    by_letters: dict[str, str] = {}
    for candidate in candidates:
        by_letters.setdefault(_letters(candidate), candidate)
    found = difflib.get_close_matches(_letters(word), by_letters, n=1, cutoff=cutoff)
    return by_letters[found[0]] if found else ""


def _letters(word: str) -> str:
    return word.replace("_", "").replace("-", "").lower()


def _found_inside(type_name: str, key: str) -> str:
    """Return the path of a field of this name one level deeper, for values that were put one level too high."""
    for name, field in fields_of(type_name).items():
        if field.code[0] == "@" and key in load_schema().types[field.code[1:]]:
            return f"{name}.{key}"
    return ""


def _is_zero(code: str, value: Any) -> bool:
    if code[0] in "[{":
        return not value
    return code in _ZERO and code not in "xq" and not value


def _json_kind(value: Any) -> str:
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, dict):
        return "object"
    if isinstance(value, list):
        return "array"
    return "string" if isinstance(value, str) else "number"


def _json_text(node: Node) -> str:
    if isinstance(node.value, int | float) and not isinstance(node.value, bool):
        return json_number(node.value)
    return json.dumps(node.plain())


def _go_type(code: str, field: Field) -> str:
    if code[0] == "[":
        return "[]" + _go_type(code[1:], field)
    if code == "{q":
        return "v1.ResourceList"
    if code[0] == "{":
        return f"map[string]{_go_type(code[1:], field)}"
    if code[0] == "@":
        return "v1." + code[1:]
    return field.go_name or _GO_NAMES.get(code, "string")


def _type_hint(code: str, node: Node, *, secret: bool) -> str:
    value = node.value
    if secret and not isinstance(value, dict | list):
        return " (quote it)"  # a secret's values are never shown
    if code == "s" and not isinstance(value, dict | list):
        shown = node.source if node.source is not None else json_number(value)
        return f' (quote it: "{shown}")'
    if code in ("i", "l", "b") and isinstance(value, str):
        plain = "true or false" if code == "b" else "a number"
        return f" (write {plain} without quotes)"
    if code[0] == "[" and not isinstance(value, list):
        return " (a list is wanted: start each item with a dash)"
    if code[0] in "@{" and not isinstance(value, dict):
        return " (a mapping of fields is wanted)"
    return ""


def _quantity_hint(text: str) -> str:
    match = re.match(r"\s*([0-9.]+)\s*([kmgtpKMGTP])(i?)[bB]?\s*\Z", text)
    if match is None:
        return ""
    number, letter, binary = match.groups()
    suffix = letter.upper() + "i" if binary else ("k" if letter in "kK" else letter.upper())
    return f' (did you mean "{number}{suffix}"?)'


def _base64_fault(text: str) -> int:
    """Return the byte at which Go's decoder gives up: quanta of four, padding only at the end."""
    alphabet = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
    for index, character in enumerate(text):
        if character in alphabet:
            continue
        if character != "=":
            return len(text[:index].encode())
        start = index % 4
        if start < 2:
            return index
        rest = text[index + 1 :]
        if start == 2:
            if not rest.startswith("="):
                return index if rest else len(text)
            return index + 2
        return index + 1
    return len(text) - len(text) % 4
