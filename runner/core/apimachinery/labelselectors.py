"""Label selectors of requests, refused in the server's words.

Mirrors k8s.io/apimachinery/pkg/labels/selector.go; ``runner.core.selectors`` has the words of the command line.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from runner.core.apimachinery.statuses import StatusError, bad_request
from runner.core.manifest.validation.names import label_value, qualified_name
from runner.core.selectors import Operator, Requirement, Selector
from runner.core.text.gotext import quote

_TOKEN: Final = re.compile(r"[ \t\r\n]*(?:(==|!=|[=!<>(),])|([^ \t\r\n=!<>(),]+)|$)")
_BINARY: Final = {
    "=": Operator.IN,
    "==": Operator.IN,
    "!=": Operator.NOT_IN,
    ">": Operator.GREATER,
    "<": Operator.LESS,
    "in": Operator.IN,
    "notin": Operator.NOT_IN,
}
_OPERATORS: Final = "in, notin, =, ==, !=, gt, lt"
_INTEGER: Final = re.compile(r"[+-]?[0-9]+")


class _Fault(Exception):
    """What is wrong with a selector."""


class _Token(NamedTuple):
    text: str
    is_word: bool = False


def parse_labels(text: str) -> Selector:
    """Read a labelSelector. Raises StatusError (400)."""
    try:
        return _Reading(text).all()
    except _Fault as fault:
        raise _refused(str(fault)) from fault


def _refused(text: str) -> StatusError:
    return bad_request(text)


class _Reading:
    """One walk over the words of a selector."""

    def __init__(self, text: str) -> None:
        found = (_TOKEN.match(text, at) for at in _starts(text))
        self._tokens = [_Token(one[1] or one[2] or "", bool(one[2])) for one in found if one is not None]

    def all(self) -> Selector:
        found: list[Requirement] = []
        while True:
            token = self._tokens[0]
            if not token.is_word and token.text not in ("", "!"):
                raise _Fault(f"found '{token.text}', expected: !, identifier, or 'end of string'")
            if not token.text:
                return tuple(found)
            try:
                found.append(self._requirement())
            except _Fault as fault:
                raise _Fault(f"unable to parse requirement: {fault}") from fault
            separator = self._tokens.pop(0)
            if not separator.text:
                return tuple(found)
            if separator.text != ",":
                raise _Fault(f"found '{separator.text}', expected: ',' or 'end of string'")
            after = self._tokens[0]
            if not after.is_word and after.text != "!":
                raise _Fault(f"found '{after.text}', expected: identifier after ','")

    def _requirement(self) -> Requirement:
        token = self._tokens.pop(0)
        is_absent = token.text == "!"
        if is_absent:
            token = self._tokens.pop(0)
        key = self._word(token)
        for problem in qualified_name(key):
            raise _Fault(f"<nil>: Invalid value: {quote(key)}: {problem}")
        if is_absent:
            return Requirement(key, Operator.DOES_NOT_EXIST)
        if self._tokens[0].text in ("", ","):
            return Requirement(key, Operator.EXISTS)
        sign = self._tokens.pop(0).text
        if sign not in _BINARY:
            raise _Fault(f"found '{sign}', expected: {_OPERATORS}")
        values = self._values() if sign in ("in", "notin") else (self._value(),)
        for value in values:
            _check(key, value, is_number=sign in "<>")
        return Requirement(key, _BINARY[sign], values)

    def _word(self, token: _Token) -> str:
        if not token.is_word:
            raise _Fault(f"found '{token.text}', expected: identifier")
        return token.text

    def _value(self) -> str:
        return "" if self._tokens[0].text in ("", ",") else self._word(self._tokens.pop(0))

    def _values(self) -> tuple[str, ...]:
        """The words between parentheses; a comma with none before or after it stands for an empty one."""
        token = self._tokens.pop(0)
        if token.text != "(":
            raise _Fault(f"found '{token.text}' expected: '('")
        values: list[str] = []
        while True:
            token = self._tokens[0]
            values.append(self._tokens.pop(0).text if token.is_word else "")
            after = self._tokens.pop(0)
            if after.text == ")":
                return tuple(sorted(set(values)))
            if after.text != ",":
                raise _Fault(f"found '{after.text}', expected: ',' or ')'")


def _check(key: str, value: str, *, is_number: bool) -> None:
    if is_number and not _INTEGER.fullmatch(value):
        text = "for 'Gt', 'Lt' operators, the value must be an integer"
        raise _Fault(f"<nil>: Invalid value: [{quote(value)}]: {text}")
    for problem in label_value(value):
        raise _Fault(f"<nil>[{key}]: Invalid value: {quote(value)}: {problem}")


def _starts(text: str) -> list[int]:
    """Where each word begins, and where the text ends."""
    starts, at = [0], 0
    while True:
        found = _TOKEN.match(text, at)
        assert found is not None
        if not (found[1] or found[2]):
            return starts
        at = found.end()
        starts.append(at)
