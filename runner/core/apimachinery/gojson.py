"""JSON bodies as Go reads and prints them: whole numbers stay whole, fields that come twice are told.

Mirrors sigs.k8s.io/json (kjson) and what fmt makes of the maps that come out of it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from runner.core.text.gojson import object_fault

_LARGEST = 2**63


class JsonFault(ValueError):
    """A text that is no JSON; the message is Go's."""


class _Twice(dict[str, Any]):
    """An object with the keys that its text had more than once."""

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        super().__init__(pairs)
        self.twice = () if len(self) == len(pairs) else _repeated(pairs)


def _repeated(pairs: list[tuple[str, Any]]) -> tuple[str, ...]:
    seen: set[str] = set()
    found: dict[str, None] = {}
    for key, _ in pairs:
        if key in seen:
            found[key] = None
        seen.add(key)
    return tuple(found)


def _whole(text: str) -> int | float:
    number = int(text) if len(text) < 40 else float(text)
    return number if -_LARGEST <= number < _LARGEST else float(number)


def _constant(text: str) -> float:
    raise JsonFault(f"invalid character '{text[0]}' looking for beginning of value")


def parse(body: bytes) -> tuple[Any, list[str]]:
    """The value of a JSON text, and a sentence for each field that comes twice. Raises JsonFault."""
    try:
        text = body.decode("utf-8", "replace")
        value = json.loads(text, object_pairs_hook=_Twice, parse_int=_whole, parse_constant=_constant, strict=True)
    except RecursionError as error:
        raise JsonFault("exceeded max depth") from error
    except ValueError as error:
        raise JsonFault(object_fault(body) or str(error)) from error
    found: list[str] = []
    return _plain(value, "", found), found


def _plain(value: Any, path: str, found: list[str]) -> Any:
    if isinstance(value, _Twice):
        found += (f'duplicate field "{_inside(path, key)}"' for key in value.twice)
        return {key: _plain(one, _inside(path, key), found) for key, one in value.items()}
    if isinstance(value, list):
        return [_plain(one, f"{path}[{index}]", found) for index, one in enumerate(value)]
    return value


def _inside(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


def parse_object(body: bytes, target: str = "map[string]interface {}") -> tuple[dict[str, Any], list[str]]:
    """The same of a text that has to be an object; null is an empty one. Raises JsonFault."""
    value, found = parse(body)
    if value is None:
        return {}, found
    if not isinstance(value, dict):
        raise JsonFault(f"json: cannot unmarshal {kind_of(value)} into Go value of type {target}")
    return value, found


def kind_of(value: object) -> str:
    """What Go's decoder calls a JSON value."""
    match value:
        case bool():
            return "bool"
        case str():
            return "string"
        case Mapping():
            return "object"
        case list():
            return "array"
        case _:
            return "number"


def compact(value: Any) -> str:
    """A value as Go's encoder writes it: keys sorted, no spaces, what HTML could take for markup escaped."""
    text = json.dumps(value, separators=(",", ":"), sort_keys=True, ensure_ascii=False)
    return text.translate(_ESCAPED)


_ESCAPED = str.maketrans({character: f"\\u{ord(character):04x}" for character in "<>&\u2028\u2029"})


def printed(value: Any) -> str:
    """A value by ``%v``: ``map[a:1 b:[x y]]``."""
    match value:
        case None:
            return "<nil>"
        case bool():
            return "true" if value else "false"
        case Mapping():
            return f"map[{' '.join(f'{key}:{printed(value[key])}' for key in sorted(value))}]"
        case list():
            return f"[{' '.join(printed(one) for one in value)}]"
        case float():
            return go_float(value)
        case _:
            return str(value)


def go_float(value: float) -> str:
    """A float by ``%v``: the shortest text that reads back, with an exponent from 1e+21 on."""
    text = repr(value)
    mantissa, _, exponent = text.partition("e")
    if not exponent and value.is_integer() and abs(value) < 1e16:
        return text.removesuffix(".0")
    if exponent and 0 < int(exponent) < 21:
        return f"{value:.0f}"
    return f"{mantissa.removesuffix('.0')}e{int(exponent):+03d}" if exponent else text


def go_type(value: Any) -> str:
    """The Go type of a decoded value, as ``%s`` of its reflect.Type."""
    match value:
        case None:
            return "%!s(<nil>)"
        case bool():
            return "bool"
        case int():
            return "int64"
        case float():
            return "float64"
        case str():
            return "string"
        case list():
            return "[]interface {}"
        case _:
            return "map[string]interface {}"


def go_kind(value: Any) -> str:
    """The kind of that type (reflect.Kind)."""
    return {"[]interface {}": "slice", "map[string]interface {}": "map"}.get(go_type(value), go_type(value))


def same(left: Any, right: Any) -> bool:
    """Whether two decoded scalars are equal in Go: of one type and one value."""
    return type(left) is type(right) and bool(left == right)
