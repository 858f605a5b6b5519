"""kubectl's JSONPath templates: ``{.items[*].metadata.name}``, filters, ``range``/``end``, quoted text.

A template is text with expressions in braces. Missing fields yield nothing, several results are joined by blanks,
structures print as compact JSON. Mirrors k8s.io/client-go/util/jsonpath (parser.go, jsonpath.go).
"""

from __future__ import annotations

import json
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from msgspec import Struct


class JSONPathError(ValueError):
    """The template cannot be read, or an index is out of bounds."""


class Field(Struct, frozen=True):
    """``.name``"""

    name: str


class Index(Struct, frozen=True):
    """``[n]``; negative numbers count from the end."""

    number: int


class Slice(Struct, frozen=True):
    """``[start:end:step]``"""

    start: int | None
    end: int | None
    step: int | None


class Wildcard(Struct, frozen=True):
    """``[*]`` or ``.*``"""


class Descend(Struct, frozen=True):
    """``..``: the value and everything below it."""


class Union(Struct, frozen=True):
    """``[a,b]``"""

    paths: tuple[Path, ...]


class Filter(Struct, frozen=True):
    """``[?(left operator right)]``; without an operator: whether left yields anything."""

    left: Operand
    operator: str
    right: Operand | None


class Literal(Struct, frozen=True):
    """A quoted text, a number or a boolean."""

    value: Any


Step = Field | Index | Slice | Wildcard | Descend | Union | Filter


class Path(Struct, frozen=True):
    """Steps from the current value, or from the root (``$``)."""

    steps: tuple[Step, ...]
    from_root: bool = False


Operand = Path | Literal


class Text(Struct, frozen=True):
    """Printed as it is."""

    text: str


class Range(Struct, frozen=True):
    """``{range path}…{end}``"""

    path: Path
    body: tuple[Node, ...]


Node = Text | Path | Range

_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "\\": "\\", '"': '"', "'": "'", "a": "\a", "b": "\b", "f": "\f", "v": "\v"}
_NAME = re.compile(r"(?:\\.|[^\s.\[\]=<>!'\"()])+")
_NUMBER = re.compile(r"-?\d+")
_SLICE = re.compile(r"(-?\d*):(-?\d*)(?::(-?\d*))?")
_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<=": operator.le,
    ">=": operator.ge,
    "<": operator.lt,
    ">": operator.gt,
}


def render(template: str, value: Any) -> str:
    """Print a value through a template. Raises JSONPathError."""
    return _print(parse(template), value, value)


def parse(template: str) -> tuple[Node, ...]:
    """Read a template. Raises JSONPathError."""
    stack: list[tuple[Path | None, list[Node]]] = [(None, [])]
    for is_action, part in _parts(template):
        if not is_action:
            stack[-1][1].append(Text(part))
            continue
        for token in _tokens(part):
            _add(stack, token)
    if len(stack) > 1:
        raise JSONPathError("unterminated range: {end} is missing")
    return tuple(stack[0][1])


def find(path: str, value: Any) -> list[Any]:
    """All values that one path yields: ``{.status.phase}``, or the same without braces. Raises JSONPathError."""
    stripped = path.strip()
    inner = stripped[1:-1] if stripped.startswith("{") and stripped.endswith("}") else stripped
    return _find(_path(inner if inner.startswith((".", "[", "$", "@")) else f".{inner}"), value, value)


def _add(stack: list[tuple[Path | None, list[Node]]], token: str) -> None:
    """Put one token of an action where it belongs; a pending ``range`` waits for its path with a body of its own."""
    if token == "range":
        stack.append((None, []))
    elif token == "end":
        if len(stack) == 1:
            raise JSONPathError("not in range, nothing to end")
        path, body = stack.pop()
        if path is None:
            raise JSONPathError("range without a path")
        stack[-1][1].append(Range(path, tuple(body)))
    elif token[0] in "\"'":
        stack[-1][1].append(Text(_unquote(token)))
    elif len(stack) > 1 and stack[-1][0] is None:
        stack[-1] = (_path(token), [])
    else:
        stack[-1][1].append(_path(token))


def _parts(template: str) -> list[tuple[bool, str]]:
    """Split into text and the insides of braces; braces within quotes do not count."""
    parts: list[tuple[bool, str]] = []
    at = 0
    while at < len(template):
        start = template.find("{", at)
        if start < 0:
            parts.append((False, template[at:]))
            break
        if start > at:
            parts.append((False, template[at:start]))
        end = _closing(template, start + 1)
        parts.append((True, template[start + 1 : end]))
        at = end + 1
    return parts


def _closing(template: str, start: int) -> int:
    quote, at = "", start
    while at < len(template):
        character = template[at]
        if quote and character == "\\":
            at += 1
        elif quote:
            quote = "" if character == quote else quote
        elif character in "\"'":
            quote = character
        elif character == "}":
            return at
        at += 1
    raise JSONPathError(f"error parsing jsonpath {template}, unclosed action")


def _tokens(action: str) -> list[str]:
    """Split the inside of braces at blanks that are in no bracket and no quotes."""
    tokens: list[str] = []
    quote, depth, token, at = "", 0, "", 0
    while at < len(action):
        character = action[at]
        starts_text = character in "\"'" and not quote and depth == 0 and not token
        if quote and character == "\\":
            token += character + action[at + 1 : at + 2]
            at += 2
            continue
        if quote:
            quote = "" if character == quote else quote
        elif character in "\"'":
            quote = character
        elif character in "[(":
            depth += 1
        elif character in "])":
            depth -= 1
        if character.isspace() and not quote and depth == 0:
            tokens.append(token)
            token = ""
        else:
            token += character
        if not quote and not starts_text and character in "\"'" and depth == 0 and token[:1] in "\"'":
            tokens.append(token)
            token = ""
        at += 1
    if quote:
        raise JSONPathError("unterminated quoted string")
    if depth:
        raise JSONPathError("unterminated array")
    return [t for t in [*tokens, token] if t]


def _unquote(token: str) -> str:
    return re.sub(r"\\(.)", lambda match: _ESCAPES.get(match.group(1), match.group(0)), token[1:-1], flags=re.DOTALL)


def _path(text: str) -> Path:
    rest, from_root = text, text.startswith("$")
    if rest[:1] in ("$", "@"):
        rest = rest[1:]
    steps: list[Step] = []
    while rest:
        if rest.startswith(".."):
            steps.append(Descend())
            rest = rest[1:] if len(rest) > 2 and rest[2] not in "[." else rest[2:]
        elif rest.startswith("["):
            inner, rest = _bracketed(rest)
            steps.extend(_bracket(inner))
        elif rest.startswith(".*"):
            steps.append(Wildcard())
            rest = rest[2:]
        elif rest.startswith(".["):
            rest = rest[1:]
        elif rest == ".":
            rest = ""
        elif rest.startswith(".") and (name := _NAME.match(rest, 1)):
            steps.append(Field(re.sub(r"\\(.)", r"\1", name.group())))
            rest = rest[name.end() :]
        else:
            raise JSONPathError(f'unrecognized identifier {text}: a path starts with "." or "["')
    return Path(tuple(steps), from_root)


def _bracketed(text: str) -> tuple[str, str]:
    """The inside of the bracket that a text starts with, and what follows it."""
    quote, depth = "", 0
    for at, character in enumerate(text):
        if quote:
            quote = "" if character == quote and text[at - 1] != "\\" else quote
        elif character in "\"'":
            quote = character
        elif character in "[(":
            depth += 1
        elif character in "])":
            depth -= 1
            if depth == 0:
                return text[1:at], text[at + 1 :]
    raise JSONPathError("unterminated array")


def _bracket(inner: str) -> tuple[Step, ...]:
    text = inner.strip()
    if text == "*":
        return (Wildcard(),)
    if text.startswith("?(") and text.endswith(")"):
        return (_filter(text[2:-1]),)
    if _NUMBER.fullmatch(text):
        return (Index(int(text)),)
    if match := _SLICE.fullmatch(text):
        start, end, step = (int(part) if part else None for part in match.groups())
        return (Slice(start, end, step),)
    members = _split_outside_quotes(text, ",")
    if len(members) > 1:
        return (Union(tuple(Path(_bracket(member)) for member in members)),)
    if len(text) >= 2 and text[0] == text[-1] and text[0] in "\"'":
        return _path("." + text[1:-1]).steps
    raise JSONPathError(f"invalid array index {inner}")


def _split_outside_quotes(text: str, separator: str) -> list[str]:
    members, quote = [""], ""
    for character in text:
        if quote:
            quote = "" if character == quote else quote
        elif character in "\"'":
            quote = character
        if character == separator and not quote:
            members.append("")
        else:
            members[-1] += character
    return members


def _filter(text: str) -> Filter:
    quote = ""
    for at, character in enumerate(text):
        if quote:
            quote = "" if character == quote else quote
        elif character in "\"'":
            quote = character
        elif character in "=!<>":
            sign = text[at : at + 2] if text[at : at + 2] in _OPERATORS else character
            if sign not in _OPERATORS:
                raise JSONPathError(f"unrecognized filter operator {sign}")
            return Filter(_operand(text[:at]), sign, _operand(text[at + len(sign) :]))
    return Filter(_operand(text), "", None)


def _operand(text: str) -> Operand:
    stripped = text.strip()
    if len(stripped) >= 2 and stripped[0] == stripped[-1] and stripped[0] in "\"'":
        return Literal(_unquote(stripped))
    if stripped in ("true", "false"):
        return Literal(stripped == "true")
    if re.fullmatch(r"-?\d+(\.\d+)?", stripped):
        return Literal(float(stripped) if "." in stripped else int(stripped))
    return _path(stripped)


def _print(nodes: Sequence[Node], current: Any, root: Any) -> str:
    parts: list[str] = []
    for node in nodes:
        match node:
            case Text(text):
                parts.append(text)
            case Path():
                parts.append(" ".join(_shown(value) for value in _find(node, current, root)))
            case Range(path, body):
                parts.extend(_print(body, item, root) for item in _ranged(path, current, root))
    return "".join(parts)


def _ranged(path: Path, current: Any, root: Any) -> list[Any]:
    """What a range goes over: the results, or the members of the one list among them."""
    found = _find(path, current, root)
    return found[0] if len(found) == 1 and isinstance(found[0], list) else found


def _find(path: Path, current: Any, root: Any) -> list[Any]:
    values = [root if path.from_root else current]
    for step in path.steps:
        values = [found for value in values for found in _step(step, value, root)]
    return values


def _step(step: Step, value: Any, root: Any) -> list[Any]:
    match step:
        case Field(name):
            return [value[name]] if isinstance(value, Mapping) and name in value else []
        case Index(number):
            return _indexed(value, number)
        case Slice(start, end, pace):
            return value[start:end:pace] if isinstance(value, list) else []
        case Wildcard():
            return _members(value)
        case Descend():
            return [value, *(below for member in _members(value) for below in _step(step, member, root))]
        case Union(paths):
            return [found for path in paths for found in _find(path, value, root)]
        case Filter():
            return [member for member in _members(value) if _holds(step, member, root)]


def _indexed(value: Any, number: int) -> list[Any]:
    if not isinstance(value, list):
        return []
    if not -len(value) <= number < len(value):
        raise JSONPathError(f"array index out of bounds: index {number}, length {len(value)}")
    return [value[number]]


def _members(value: Any) -> list[Any]:
    if isinstance(value, Mapping):
        return [value[key] for key in sorted(value)]
    return list(value) if isinstance(value, list) else []


def _holds(condition: Filter, member: Any, root: Any) -> bool:
    left = _operand_values(condition.left, member, root)
    if condition.right is None:
        return bool(left)
    right = _operand_values(condition.right, member, root)
    if len(left) != 1 or len(right) != 1:
        return False
    first, second = left[0], right[0]
    if isinstance(first, bool) != isinstance(second, bool) or isinstance(first, str) != isinstance(second, str):
        return condition.operator == "!="
    try:
        return _OPERATORS[condition.operator](first, second)
    except TypeError as error:
        raise JSONPathError(f"cannot compare {_shown(first)} with {_shown(second)}") from error


def _operand_values(operand: Operand, member: Any, root: Any) -> list[Any]:
    return [operand.value] if isinstance(operand, Literal) else _find(operand, member, root)


def _shown(value: Any) -> str:
    if isinstance(value, str):
        return value
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False, sort_keys=True)
