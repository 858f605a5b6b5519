"""Where a text stops being JSON, in the words of Go's decoder.

Mirrors encoding/json scanner.go and stream.go, whose offsets count bytes and include the offending one.
"""

from __future__ import annotations

import json
import re
from typing import Final

from runner.core.text.gotext import quote

_BLANKS: Final = re.compile(r"[ \t\r\n]*")
_STRING: Final = re.compile(r'"(?:[^"\\\x00-\x1f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*')
_ESCAPE: Final = re.compile(r"\\u[0-9a-fA-F]*")
_LITERALS: Final = {"t": "true", "f": "false", "n": "null"}
# The parts of a number: what begins one, what must follow, and what Go says where that is missing.
_NUMBER: Final = (
    (re.compile("-|(?=[0-9])"), re.compile("0|[1-9][0-9]*"), "in numeric literal"),
    (re.compile(r"\."), re.compile("[0-9]+"), "after decimal point in numeric literal"),
    (re.compile("[eE][-+]?"), re.compile("[0-9]+"), "in exponent of numeric literal"),
)


class JsonFault(Exception):
    """The text is no JSON from a character on; the message is Go's, with the offset in bytes."""

    def __init__(self, text: str, at: int, context: str) -> None:
        self.at = min(at, len(text))
        if at >= len(text):
            super().__init__("unexpected EOF")
            return
        # Go looks at one byte, not at the whole character.
        byte = chr(text[at].encode(errors="surrogatepass")[0])
        shown = {"'": "\\'", '"': '"'}.get(byte) or quote(byte)[1:-1]
        offset = len(text[:at].encode(errors="surrogatepass")) + 1
        super().__init__(f"json: offset {offset}: invalid character '{shown}' {context}")


def value_end(text: str, at: int) -> int:
    """Return where the JSON value ends that begins at or after `at`. Raises JsonFault."""
    try:
        return _DECODER.raw_decode(text, _blanks(text, at))[1]
    except (ValueError, RecursionError):
        return _scan(text, at)


def _refuse(name: str) -> None:
    raise ValueError(name)  # NaN and Infinity, which Python reads


_DECODER: Final = json.JSONDecoder(parse_constant=_refuse)


def _blanks(text: str, at: int) -> int:
    match = _BLANKS.match(text, at)
    assert match is not None
    return match.end()


def _scan(text: str, at: int) -> int:
    """Read a value as Go does, with the brackets that are open on a stack."""
    closers: list[str] = []
    wanted = "value"
    while wanted != "end" or closers:
        at = _blanks(text, at)
        found = text[at : at + 1]
        if wanted == "end":
            at, wanted = _after(text, at, closers)
        elif wanted in ("first value", "first key") and found == closers[-1]:
            closers.pop()
            at, wanted = at + 1, "end"
        elif wanted in ("first key", "key"):
            at, wanted = _key(text, at), "value"
        elif found in ("{", "["):
            closers.append("}" if found == "{" else "]")
            at, wanted = at + 1, "first key" if found == "{" else "first value"
        else:
            at, wanted = _scalar(text, at), "end"
    return at


def _after(text: str, at: int, closers: list[str]) -> tuple[int, str]:
    """What may follow a value inside a bracket: a comma or the bracket's end."""
    closer, found = closers[-1], text[at : at + 1]
    if found == ",":
        return at + 1, "key" if closer == "}" else "value"
    if found == closer:
        closers.pop()
        return at + 1, "end"
    raise JsonFault(text, at, "after object key:value pair" if closer == "}" else "after array element")


def _key(text: str, at: int) -> int:
    if text[at : at + 1] != '"':
        raise JsonFault(text, at, "looking for beginning of object key string")
    at = _blanks(text, _string(text, at))
    if text[at : at + 1] != ":":
        raise JsonFault(text, at, "after object key")
    return at + 1


def _scalar(text: str, at: int) -> int:
    first = text[at : at + 1]
    if first == '"':
        return _string(text, at)
    if first in _LITERALS:
        return _literal(text, at, _LITERALS[first])
    if not re.match("[-0-9]", first):
        raise JsonFault(text, at, "looking for beginning of value")
    for start, rest, context in _NUMBER:
        begun = start.match(text, at)
        if begun is None:
            continue
        match = rest.match(text, begun.end())
        if match is None:
            raise JsonFault(text, begun.end(), context)
        at = match.end()
    return at


def _literal(text: str, at: int, word: str) -> int:
    for index, letter in enumerate(word):
        if text[at + index : at + index + 1] != letter:
            raise JsonFault(text, at + index, f"in literal {word} (expecting '{letter}')")
    return at + len(word)


def _string(text: str, at: int) -> int:
    match = _STRING.match(text, at)
    assert match is not None
    end = match.end()
    if text.startswith('"', end):
        return end + 1
    if not text.startswith("\\", end):
        raise JsonFault(text, end, "in string literal")
    escape = _ESCAPE.match(text, end)
    if escape is None:
        raise JsonFault(text, end + 1, "in string escape code")
    raise JsonFault(text, escape.end(), "in \\u hexadecimal character escape")
