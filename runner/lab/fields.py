"""A strict reader of plain values, as they come out of YAML: every complaint names the field that it is about."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from msgspec import Struct

from runner.core.text.gotext import quote
from runner.core.text.times import parse_duration
from runner.errors import UsageError


class Field(Struct, frozen=True):
    """One value and the path to it, such as ``containers.app.attempts[0].exit``."""

    path: str
    value: Any

    def problem(self, text: str) -> UsageError:
        """The error that this field causes, for raising."""
        return UsageError(f"{self.path or 'script'}: {text}")

    def _expected(self, what: str) -> UsageError:
        return self.problem(f"expected {what}, found {_described(self.value)}")

    def entries(self) -> dict[str, Field]:
        """A mapping's values by key, whatever the keys are."""
        if not isinstance(self.value, dict):
            raise self._expected("a mapping")
        return {str(key): Field(_joined(self.path, str(key)), value) for key, value in self.value.items()}

    def fields(self, known: Collection[str]) -> dict[str, Field]:
        """A mapping's values by key, none of them but the known ones; those that are null count as left out."""
        found = self.entries()
        for key, field in found.items():
            if key not in known:
                raise field.problem(f"unknown field; known are {', '.join(known)}")
        return {key: field for key, field in found.items() if field.value is not None}

    def items(self) -> Iterator[Field]:
        """A list's values."""
        if not isinstance(self.value, list):
            raise self._expected("a list")
        for number, value in enumerate(self.value):
            yield Field(f"{self.path}[{number}]", value)

    def text(self) -> str:
        if not isinstance(self.value, str):
            raise self._expected("text")
        return self.value

    def seconds(self) -> float:
        """A duration, Go's (``1m30s``) or plain seconds, not negative."""
        if isinstance(self.value, bool) or not isinstance(self.value, int | float | str):
            raise self._expected("a duration such as 3s")
        try:
            seconds = parse_duration(str(self.value))
        except ValueError as problem:
            raise self.problem(str(problem)) from problem
        if seconds < 0:
            raise self.problem("a time must not be negative")
        return seconds

    def integer(self, low: int, high: int) -> int:
        if isinstance(self.value, bool) or not isinstance(self.value, int):
            raise self._expected("a number")
        if not low <= self.value <= high:
            raise self.problem(f"{self.value} is not between {low} and {high}")
        return self.value

    def flag(self) -> bool:
        if not isinstance(self.value, bool):
            raise self._expected("true or false")
        return self.value

    def choice(self, allowed: Collection[str]) -> str:
        word = self.text()
        if word not in allowed:
            raise self.problem(f"{quote(word)} is none of {', '.join(allowed)}")
        return word


def _joined(path: str, key: str) -> str:
    simple = key.replace("-", "").replace("_", "").isalnum()
    step = key if simple else f"[{key}]"
    return f"{path}.{step}" if path and simple else f"{path}{step}"


def _described(value: object) -> str:
    match value:
        case None:
            return "nothing"
        case dict():
            return "a mapping"
        case list():
            return "a list"
        case bool():
            return str(value).lower()
        case str():
            return f"the text {quote(value)}"
        case _:
            return f"the number {value}"
