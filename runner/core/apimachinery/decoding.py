"""Decoded JSON to objects of the schema: what Go's decoder drops is dropped, what it refuses is told in its words.

Two readers have two languages: bodies are read by sigs.k8s.io/json, patched objects by the converter in
k8s.io/apimachinery/pkg/runtime/converter.go.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import count
from typing import Any

from msgspec import Struct

from runner.core.apimachinery.gojson import go_kind, go_type
from runner.core.manifest.decode import Decoder
from runner.core.manifest.paths import FieldPath
from runner.core.manifest.schema import Field, fields_of, load_schema
from runner.core.manifest.types import Position
from runner.core.manifest.yamltext import Node
from runner.core.model import Json

_UNKNOWN = "unknown field "


class Decoded(Struct, frozen=True):
    """An object as the server would hold it. ``fault``: why it cannot be read; ``unknown``: a sentence a field."""

    value: dict[str, Any]
    fault: str = ""
    unknown: tuple[str, ...] = ()


def type_of(api_version: str, kind: str) -> str:
    """The schema's type for a kind that is served ("v1", "Pod"). Raises KeyError."""
    schema, key = load_schema(), f"{api_version}/{kind}"
    return schema.kinds.get(key) or schema.served[key]


def decode(given: Json, type_name: str) -> Decoded:
    """Decode a JSON object, with the sentences of the reader of bodies."""
    faults: list[str] = []
    unknown: list[tuple[Position, str]] = []

    def report(_: FieldPath, at: Position, sentence: str, __: str) -> None:
        if sentence.startswith(_UNKNOWN):
            unknown.append((at, sentence))
        else:
            faults.append(sentence.replace("metadataOnlyObject", type_name))

    found = Decoder(report).object(type_name, _node(given, count(1)))
    fields = fields_of(type_name)
    head = {key: given[key] for key in ("kind", "apiVersion") if key in fields and given.get(key)}
    ordered = tuple(sentence for _, sentence in sorted(unknown))
    value = {**head, **{key: one for key, one in found.items() if key not in head}}
    return Decoded(value, faults[0] if faults else "", ordered)


def _node(value: Any, lines: Iterator[int]) -> Node:
    """A plain value as the decoder reads it; the lines number its parts in their order."""
    line = next(lines)
    if isinstance(value, list):
        return Node([_node(one, lines) for one in value], line, 1)
    if not isinstance(value, Mapping):
        return Node(value, line, 1)
    node = Node({}, line, 1)
    for key, one in value.items():
        place = (Position(next(lines), 1), key)
        node.put(key, place, _node(one, lines))
    return node


def restore(value: Json, type_name: str) -> Decoded:
    """Decode a patched object, with the sentences of the converter."""
    restoring = _Restoring()
    try:
        restoring.struct(value, type_name, "")
    except _Fault as fault:
        return Decoded({}, str(fault))
    decoded = decode(value, type_name)
    return Decoded(decoded.value, decoded.fault, tuple(sorted(restoring.unknown)))


class _Fault(Exception):
    """A value that has no place in its field."""


_SCALARS = {"s": "string", "b": "bool", "i": "int32", "l": "int64"}
_CONVERTIBLE = {"s": ("int64",), "b": (), "i": ("float64",), "l": ("float64",)}
"""Between these types Go could convert, and the converter does not."""
_FITTING = {"s": ("string",), "b": ("bool",), "i": ("int64",), "l": ("int64",)}


class _Restoring:
    """One walk over a patched object."""

    def __init__(self) -> None:
        self.unknown: list[str] = []

    def struct(self, value: Any, name: str, path: str) -> None:
        if not isinstance(value, Mapping):
            raise _Fault(f"cannot restore struct from: {go_kind(value)}")
        fields = fields_of(name)
        for key, field in fields.items():
            if value.get(key) is not None:
                self.field(value[key], field.code, field, f"{path}.{key}" if path else key)
        for key in value:
            if key not in fields:
                inside = f"{path}.{key}" if path else key
                self.unknown.append(f'{_UNKNOWN}"{inside}"')

    def field(self, value: Any, code: str, field: Field, path: str) -> None:
        if value is None:
            return
        kind = code[0]
        if kind == "@":
            self.struct(value, code[1:], path)
        elif kind == "[":
            if not isinstance(value, list):
                raise _Fault(f"cannot restore slice from {go_kind(value)}")
            for number, one in enumerate(value):
                self.field(one, code[1:], field, f"{path}[{number}]")
        elif kind == "{":
            if not isinstance(value, Mapping):
                raise _Fault(f"cannot restore map from {go_kind(value)}")
            for one in value.values():
                self.field(one, code[1:], field, path)
        elif kind == "y":
            if not isinstance(value, str):
                raise _Fault(f"cannot restore slice from {go_kind(value)}")
        elif kind in _SCALARS:  # Quantities, times and the like have readers of their own, the same as in bodies.
            _check_scalar(value, kind, field)


def _check_scalar(value: Any, code: str, field: Field) -> None:
    found, wanted = go_type(value), field.go_name or _SCALARS[code]
    if found in _FITTING[code] or (found == "float64" and code in "il" and value.is_integer()):
        return
    if found in _CONVERTIBLE[code]:
        raise _Fault(f"cannot convert {found} to {wanted}")
    raise _Fault(f"unrecognized type: {_SCALARS[code]}")
