"""Bodies in protobuf, as kubectl sends those that it makes itself (``create configmap``), to JSON objects.

Mirrors k8s.io/apimachinery/pkg/runtime/serializer/protobuf and the generated.proto files; the data file has the fields' numbers.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, Final

from runner.core.apimachinery.statuses import StatusError, bad_request
from runner.core.text.times import format_time

_MAGIC: Final = b"k8s\x00"
_TIMES: Final = ("meta.v1.Time", "meta.v1.MicroTime")
_RAW: Final = ("meta.v1.FieldsV1", "runtime.RawExtension")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5

Message = Mapping[str, list[str]]


class _Fault(ValueError):
    """Bytes that are no message."""


@cache
def _messages() -> Mapping[str, Message]:
    import pkgutil

    packed = pkgutil.get_data(__package__ or "", "protobuf.bin")
    assert packed is not None
    read: dict[str, Message] = json.loads(zlib.decompress(packed))
    return read


def parse_body(body: bytes) -> dict[str, Any]:
    """The object of a body, with kind and apiVersion; zero values that Go has written are in it. Raises StatusError (400)."""
    if not body.startswith(_MAGIC):
        raise _unreadable("provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]")
    try:
        outer = {number: value for number, _, value in _fields(body[len(_MAGIC) :])}
        head = {number: _bytes(value).decode() for number, _, value in _fields(_bytes(outer.get(1, b"")))}
        version, kind = head.get(1, ""), head.get(2, "")
        name = _message_name(version, kind)
        if name not in _messages():
            raise _unreadable(f'no kind "{kind}" is registered for version "{version}"')
        return {"apiVersion": version, "kind": kind, **_message(name, _bytes(outer.get(2, b"")))}
    except (ValueError, OverflowError) as fault:
        raise _unreadable(f"proto: {fault}") from fault


def _unreadable(text: str) -> StatusError:
    return bad_request(f"the object provided is unrecognized (must be of type protobuf): {text}")


def _message_name(version: str, kind: str) -> str:
    group, slash, number = version.partition("/")
    return f"{group.partition('.')[0]}.{number}.{kind}" if slash else f"core.{version}.{kind}"


def _bytes(value: int | bytes) -> bytes:
    if isinstance(value, int):
        raise _Fault("wrong wireType")
    return value


def _fields(data: bytes) -> Iterator[tuple[int, int, int | bytes]]:
    """Number, wire type and value of each field."""
    at = 0
    while at < len(data):
        tag, at = _varint(data, at)
        number, wire = tag >> 3, tag & 7
        if wire == _VARINT:
            value, at = _varint(data, at)
            yield number, wire, value
            continue
        if wire == _BYTES:
            length, at = _varint(data, at)
        elif wire in (_FIXED64, _FIXED32):
            length = 8 if wire == _FIXED64 else 4
        else:
            raise _Fault(f"illegal wireType {wire}")
        if at + length > len(data):
            raise _Fault("unexpected EOF")
        yield number, wire, data[at : at + length]
        at += length


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(data):
            raise _Fault("unexpected EOF")
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & (2**64 - 1), at
    raise _Fault("integer overflow")


def _message(name: str, data: bytes) -> dict[str, Any]:
    known, found = _messages()[name], {}
    for number, _, value in _fields(data):
        field = known.get(str(number))
        if field is None:
            continue
        key, shape, kind = field[:3]
        if len(field) > 3:
            found.update(_message(kind, _bytes(value)))
        elif shape == "list":
            found.setdefault(key, []).append(_value(kind, value))
        elif shape == "map":
            entry = {part: one for part, _, one in _fields(_bytes(value))}
            inside = entry.get(2, 0 if kind in ("bool", "int32", "int64") else b"")
            found.setdefault(key, {})[_bytes(entry.get(1, b"")).decode()] = _value(kind, inside)
        else:
            found[key] = _value(kind, value)
    return found


def _value(kind: str, value: int | bytes) -> Any:
    if kind in ("int32", "int64", "bool"):
        if not isinstance(value, int):
            raise _Fault("wrong wireType")
        return bool(value) if kind == "bool" else value - 2**64 if value >= 2**63 else value
    data = _bytes(value)
    if kind == "string":
        return data.decode()
    if kind == "bytes":
        return base64.b64encode(data).decode()
    return _special(kind, data) if kind in _SPECIAL else _compound(kind, data)


_SPECIAL: Final = (*_TIMES, *_RAW, "api.resource.Quantity", "util.intstr.IntOrString")


def _special(kind: str, data: bytes) -> Any:
    """What is something else in JSON than its message."""
    parts = {number: value for number, _, value in _fields(data)}
    if kind in _TIMES:
        return _time(parts, kind) if parts else None
    if kind in _RAW:
        return json.loads(_bytes(parts.get(1, b"null")) or b"null")
    if kind == "api.resource.Quantity":
        return _bytes(parts.get(1, b"0")).decode()
    return _bytes(parts.get(3, b"")).decode() if parts.get(1) else _value("int32", parts.get(2, 0))


def _time(parts: Mapping[int, int | bytes], kind: str) -> str:
    seconds, nanos = (_value("int64", parts.get(number, 0)) for number in (1, 2))
    instant = _EPOCH + timedelta(seconds=seconds, microseconds=nanos // 1000)
    return instant.strftime("%Y-%m-%dT%H:%M:%S.%fZ") if kind == "meta.v1.MicroTime" else format_time(instant)


def _compound(kind: str, data: bytes) -> Any:
    """A message; one whose only field is a list without a name of its own stands for that list."""
    if kind.endswith((".ExtraValue", ".Verbs")):
        return [_bytes(value).decode() for _, _, value in _fields(data)]
    return _message(kind, data)


def without_zeros(value: Any) -> Any:
    """A value without what says nothing: empty texts, lists and objects, zeros, null. For kinds that the schema does not know."""
    if isinstance(value, Mapping):
        kept = {key: without_zeros(one) for key, one in value.items()}
        return {key: one for key, one in kept.items() if one not in ("", 0, None, [], {})}
    return [without_zeros(one) for one in value] if isinstance(value, list) else value
