"""The values that loading a manifest produces: sources, positions, problems, loaded objects."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from msgspec import Struct

PathKeys = tuple[str | int, ...]


class Source(Struct, frozen=True, kw_only=True):
    """One text to load; `name` is what messages show ("-" is shown as "<stdin>")."""

    name: str
    text: str

    @property
    def shown_name(self) -> str:
        """Return the name as it appears in messages."""
        return "<stdin>" if self.name == "-" else self.name


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """A place in a source, both numbers counted from 1; columns count characters."""

    line: int
    column: int


class ProblemType(StrEnum):
    """What is wrong: two kinds of ours (the text, its shape), the rest are the API server's error types."""

    SYNTAX = "Syntax"
    DECODE = "Decode"
    REQUIRED = "Required"
    INVALID = "Invalid"
    NOT_SUPPORTED = "NotSupported"
    DUPLICATE = "Duplicate"
    FORBIDDEN = "Forbidden"
    NOT_FOUND = "NotFound"
    TOO_LONG = "TooLong"
    TOO_MANY = "TooMany"
    WARNING = "Warning"


class Subject(Struct, frozen=True, kw_only=True):
    """Which object of the sources a complaint is about: its place among all objects, counted from 0, and what it calls itself."""

    number: int
    api_version: str
    kind: str
    name: str


class Problem(Struct, frozen=True, kw_only=True):
    """One complaint about a manifest.

    `message` is for people. `detail` is what the API server says: for validation the text after the body kind
    ("must be unique"), for decoding the server's sentence without our hints. `order` is the place the problem
    would have in the server's own list; lists of problems are sorted by position instead. `subject` is the object that
    the server would answer about, None for what is wrong with the text or with naming a kind.
    """

    file: str
    line: int
    column: int
    field: str
    message: str
    type: ProblemType
    detail: str = ""
    order: int = 0
    subject: Subject | None = None

    def __str__(self) -> str:
        """Return "file:line:column: field: message"; a message that names the field itself stands alone."""
        place = f"{self.file}:{self.line}:{self.column}: "
        if not self.field or f'"{self.field}"' in self.message:
            return place + self.message
        return f"{place}{self.field}: {self.message}"


class LoadedObject(Struct, frozen=True, kw_only=True):
    """One object of a manifest.

    `value` is the v1 JSON object with all defaults, as an API server would store it but without what the server
    itself adds (uid, times, generation, status). `raw` is what the text says. `positions` maps paths such as
    ("spec", "containers", 0, "image") to places in the source.
    """

    file: str
    kind: str
    api_version: str
    namespace: str
    name: str
    value: Mapping[str, Any]
    raw: Mapping[str, Any]
    positions: Mapping[PathKeys, Position]


class LoadResult(Struct, frozen=True, kw_only=True):
    """What the sources hold: objects in order, problems and warnings sorted by file order and position.

    `ignored` are the objects of kinds that have no effect on one node: not looked at, told about once.

    An object with problems is still listed in `objects` when its shape could be read; callers must not use the
    objects while `problems` is not empty.
    """

    objects: tuple[LoadedObject, ...]
    problems: tuple[Problem, ...]
    warnings: tuple[Problem, ...]
    ignored: tuple[Problem, ...] = ()

    @property
    def ok(self) -> bool:
        """Return whether nothing is wrong (warnings allowed)."""
        return not self.problems
