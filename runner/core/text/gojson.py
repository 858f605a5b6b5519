"""What Go's encoding/json says of a text that is no JSON object, byte by byte (scanner.go)."""

from __future__ import annotations

import re

from runner.core.text.gotext import quote

_SPACE = b" \t\r\n"
_LITERALS = {ord("t"): b"true", ord("f"): b"false", ord("n"): b"null"}
_KINDS = {ord("["): "array", ord('"'): "string", ord("t"): "bool", ord("f"): "bool"}
_ESCAPES = b'bfnrt\\/"'
_HEXADECIMAL = re.compile(rb"[0-9a-fA-F]")
_AFTER = {"{": "after object key:value pair", "[": "after array element", "": "after top-level value"}
_END = "unexpected end of JSON input"


class _Fault(ValueError):
    pass


def object_fault(data: bytes) -> str:
    """Go's words for why a text cannot be read as a JSON object; empty when it can (null counts as one)."""
    try:
        _scan(data)
    except _Fault as fault:
        return str(fault)
    first = data.lstrip(_SPACE)[0]
    if first in b"{n":
        return ""
    return f"json: cannot unmarshal {_KINDS.get(first, 'number')} into Go value of type map[string]interface {{}}"


def _scan(data: bytes) -> None:
    """Read one value. ``open``: the brackets around the place; ``wanted``: what comes next there."""
    brackets: list[str] = []
    wanted, position = "value", 0
    while True:
        while position < len(data) and data[position] in _SPACE:
            position += 1
        if position == len(data):
            if wanted == "end" and not brackets:
                return
            raise _Fault(_END)
        byte = data[position : position + 1]
        inside = brackets[-1] if brackets else ""
        if wanted == "value" or (wanted == "first" and inside == "[" and byte != b"]"):
            if byte in (b"{", b"["):
                brackets.append(byte.decode())
                wanted, position = "first", position + 1
            else:
                wanted, position = "end", _scalar(data, position)
        elif wanted == "key" or (wanted == "first" and inside == "{" and byte != b"}"):
            if byte != b'"':
                _refuse(data, position, "looking for beginning of object key string")
            wanted, position = "colon", _string(data, position + 1)
        elif wanted == "colon":
            if byte != b":":
                _refuse(data, position, "after object key")
            wanted, position = "value", position + 1
        elif inside and byte == (b"}" if inside == "{" else b"]"):
            brackets.pop()
            wanted, position = "end", position + 1
        elif inside and byte == b",":
            wanted, position = "key" if inside == "{" else "value", position + 1
        else:
            _refuse(data, position, _AFTER[inside])


def _refuse(data: bytes, position: int, where: str) -> None:
    """Raise what Go says of the byte at a place, or of the end."""
    if position >= len(data):
        raise _Fault(_END)
    character = chr(data[position])
    shown = {"'": r"'\''", '"': "'\"'"}.get(character) or f"'{quote(character)[1:-1]}'"
    raise _Fault(f"invalid character {shown} {where}")


def _scalar(data: bytes, position: int) -> int:
    """Read a string, a number or a word, and return the place after it."""
    first = data[position]
    if first == ord('"'):
        return _string(data, position + 1)
    if first in _LITERALS:
        for offset, byte in enumerate(_LITERALS[first]):
            if data[position + offset : position + offset + 1] != bytes([byte]):
                word = _LITERALS[first].decode()
                _refuse(data, position + offset, f"in literal {word} (expecting '{chr(byte)}')")
        return position + len(_LITERALS[first])
    if first != ord("-") and not data[position : position + 1].isdigit():
        _refuse(data, position, "looking for beginning of value")
    return _number(data, position)


def _number(data: bytes, position: int) -> int:
    if data[position] == ord("-"):
        position += 1
        if not data[position : position + 1].isdigit():
            _refuse(data, position, "in numeric literal")
    position = position + 1 if data[position] == ord("0") else _digits(data, position, "in numeric literal")
    if data[position : position + 1] == b".":
        position = _digits(data, position + 1, "after decimal point in numeric literal")
    if data[position : position + 1] in (b"e", b"E"):
        position += 1
        if data[position : position + 1] in (b"+", b"-"):
            position += 1
        position = _digits(data, position, "in exponent of numeric literal")
    return position


def _digits(data: bytes, position: int, where: str) -> int:
    if not data[position : position + 1].isdigit():
        _refuse(data, position, where)
    while data[position : position + 1].isdigit():
        position += 1
    return position


def _string(data: bytes, position: int) -> int:
    """Read a string after its first quote, and return the place after its last."""
    while data[position : position + 1] != b'"':
        if position >= len(data) or data[position] < 0x20:
            _refuse(data, position, "in string literal")
        position += 1
        if data[position - 1] != ord("\\"):
            continue
        if data[position : position + 1] == b"u":
            for place in range(position + 1, position + 5):
                if not _HEXADECIMAL.match(data, place):
                    _refuse(data, place, "in \\u hexadecimal character escape")
            position += 4
        elif data[position : position + 1] not in [bytes([byte]) for byte in _ESCAPES]:
            _refuse(data, position, "in string escape code")
        position += 1
    return position + 1
