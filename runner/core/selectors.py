"""Label selectors: as objects hold them, and as a command line writes them (``app=web,tier in (a,b),!debug``).

Mirrors k8s.io/apimachinery/pkg/labels/selector.go (Parse, Requirement.Matches) and pkg/apis/meta/v1/helpers.go
(LabelSelectorAsSelector).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from enum import StrEnum

from msgspec import Struct

from runner.core.model import Json


class Operator(StrEnum):
    """How a requirement looks at a label."""

    IN = "In"
    NOT_IN = "NotIn"
    EXISTS = "Exists"
    DOES_NOT_EXIST = "DoesNotExist"
    GREATER = "Gt"
    LESS = "Lt"


class SelectorError(ValueError):
    """A text that is no label selector; the message says what is wrong with it."""


class Requirement(Struct, frozen=True):
    """One of the requirements of a selector, all of which have to be met."""

    key: str
    operator: Operator
    values: tuple[str, ...] = ()

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether labels meet it. A label that is missing is in no set, and neither above nor below anything."""
        value = labels.get(self.key)
        match self.operator:
            case Operator.EXISTS:
                return value is not None
            case Operator.DOES_NOT_EXIST:
                return value is None
            case Operator.IN:
                return value in self.values
            case Operator.NOT_IN:
                return value not in self.values
            case _:
                if value is None or not _INTEGER.fullmatch(value):
                    return False
                bound = int(self.values[0])
                return int(value) > bound if self.operator is Operator.GREATER else int(value) < bound


Selector = tuple[Requirement, ...]

_INTEGER = re.compile(r"[+-]?\d+")
_SIGNS = {"=": Operator.IN, "==": Operator.IN, "!=": Operator.NOT_IN, ">": Operator.GREATER, "<": Operator.LESS}
_WORDS = {"in": Operator.IN, "notin": Operator.NOT_IN}
_TOKEN = re.compile(r"\s*(==|!=|[=!<>(),]|[^\s=!<>(),]+|$)")


def matches(selector: Sequence[Requirement], labels: Mapping[str, str]) -> bool:
    """Whether labels meet every requirement; an empty selector selects everything."""
    return all(requirement.matches(labels) for requirement in selector)


def labels_of(value: Json) -> Mapping[str, str]:
    """The labels of an object."""
    return (value.get("metadata") or {}).get("labels") or {}


def selector_of(value: Json) -> Selector:
    """A LabelSelector object (``matchLabels``, ``matchExpressions``). One of its operators that is not known matches nothing."""
    named = [Requirement(key, Operator.IN, (text,)) for key, text in (value.get("matchLabels") or {}).items()]
    written = [_expression(one) for one in value.get("matchExpressions") or ()]
    return (*named, *written)


def _expression(value: Json) -> Requirement:
    operator, values = str(value.get("operator")), value.get("values") or ()
    known = operator in (Operator.IN, Operator.NOT_IN, Operator.EXISTS, Operator.DOES_NOT_EXIST)
    return Requirement(str(value.get("key")), Operator(operator), tuple(values)) if known else _NOTHING


_NOTHING = Requirement("", Operator.IN)


def parse_selector(text: str) -> Selector:
    """Read a selector as ``--selector`` takes it. Raises SelectorError."""
    tokens = _tokens(text)
    found: list[Requirement] = []
    while tokens[0]:
        found.append(_requirement(tokens))
        if tokens[0] == ",":
            tokens.pop(0)
            if not tokens[0]:
                raise SelectorError(f"label selector {text!r} ends with a comma")
        elif tokens[0]:
            raise SelectorError(f"label selector {text!r}: {tokens[0]!r} where a comma or the end should be")
    return tuple(found)


def _tokens(text: str) -> list[str]:
    """The words and signs; "" stands for the end."""
    tokens: list[str] = []
    position = 0
    while not tokens or tokens[-1]:
        found = _TOKEN.match(text, position)
        assert found is not None
        tokens.append(found[1])
        position = found.end()
    return tokens


def _requirement(tokens: list[str]) -> Requirement:
    if tokens[0] == "!":
        tokens.pop(0)
        return Requirement(_key(tokens.pop(0)), Operator.DOES_NOT_EXIST)
    key, sign = _key(tokens.pop(0)), tokens[0]
    if sign in ("", ","):
        return Requirement(key, Operator.EXISTS)
    tokens.pop(0)
    if sign in _WORDS:
        return Requirement(key, _WORDS[sign], tuple(_set(key, tokens)))
    if sign not in _SIGNS:
        raise SelectorError(f"label selector: {sign!r} after {key!r}; known are =, ==, !=, >, <, in and notin")
    value = "" if tokens[0] in ("", ",") else tokens.pop(0)
    if sign in "<>" and not _INTEGER.fullmatch(value):
        raise SelectorError(f"label selector: {key!r} is compared with {value!r}, which is no integer")
    return Requirement(key, _SIGNS[sign], (_value(key, value),))


def _set(key: str, tokens: list[str]) -> list[str]:
    """The values between parentheses; two commas have an empty one between them."""
    if tokens[0] != "(":
        raise SelectorError(f"label selector: the values of {key!r} stand in parentheses: {key} in (a,b)")
    tokens.pop(0)
    values: list[str] = []
    while True:
        values.append("" if tokens[0] in (",", ")") else _value(key, tokens.pop(0)))
        sign = tokens[0]
        if sign not in (",", ")"):
            raise SelectorError(f"label selector: the values of {key!r} do not end with a parenthesis")
        tokens.pop(0)
        if sign == ")":
            return values


def _key(text: str) -> str:
    # With it comes all that checks manifests, which a command without a selector does not need.
    from runner.core.manifest.validation.names import qualified_name

    for problem in qualified_name(text):
        raise SelectorError(f"label selector: the name {text!r} is no label's: {problem}")
    return text


def _value(key: str, text: str) -> str:
    from runner.core.manifest.validation.names import label_value

    for problem in label_value(text):
        raise SelectorError(f"label selector: the value {text!r} of {key!r} is no label's: {problem}")
    return text
