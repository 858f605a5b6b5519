"""Field errors: the API server's error types, each with its text.

Mirrors k8s.io/apimachinery/pkg/util/validation/field/errors.go.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from msgspec import Struct

from runner.core.manifest.paths import FieldPath
from runner.core.manifest.scalars import json_number
from runner.core.manifest.types import PathKeys, ProblemType
from runner.core.text.gotext import quote

OMITTED: Final = object()
"""As a value: one that the text leaves out."""


class Named(str):
    """A text of a named Go type, or behind a pointer: printed as JSON (``"\\u003c"``), not by ``%q``."""

    __slots__ = ()


class FieldError(Struct, frozen=True):
    """One error: where, what type, the text after "field: ", and the detail alone."""

    path: FieldPath
    type: ProblemType
    body: str
    detail: str

    def at(self, keys: PathKeys) -> FieldError:
        """The same error at another place of the source."""
        return FieldError(FieldPath(self.path.text, keys), self.type, self.body, self.detail)


@dataclass(slots=True)
class Errors:
    """Collects field errors and warnings in the order in which the checks find them.

    ``raw`` is the object as its text has it: an empty list or map is dropped in decoding, and errors show it.
    """

    raw: Any = None

    items: list[FieldError] = field(default_factory=list)
    warnings: list[tuple[FieldPath | None, str]] = field(default_factory=list)

    def required(self, path: FieldPath, detail: str = "") -> None:
        """Report a field that must be set."""
        self._add(path, ProblemType.REQUIRED, "Required value", detail)

    def invalid(self, path: FieldPath, value: Any, detail: str) -> None:
        """Report a value that breaks a rule."""
        head = "Invalid value" if value is OMITTED else f"Invalid value: {shown(value)}"
        self._add(path, ProblemType.INVALID, head, detail)

    def or_null(self, path: FieldPath, value: Any) -> Any:
        """A list or map as Go shows it: null where the manifest has none, empty where it has an empty one."""
        if value:
            return value
        found = self.raw
        try:
            for key in path.keys:
                found = found[key]
        except (KeyError, IndexError, TypeError):
            return None
        return found

    def not_supported(self, path: FieldPath, value: Any, supported: Iterable[str]) -> None:
        """Report a value that is not one of a fixed set, listed as given: the server's lists are not always sorted."""
        detail = "supported values: " + ", ".join(quote(item) for item in supported)
        printed = shown(Named(value) if isinstance(value, str) else value)
        self._add(path, ProblemType.NOT_SUPPORTED, f"Unsupported value: {printed}", detail)

    def duplicate(self, path: FieldPath, value: Any) -> None:
        """Report a value that may be there only once."""
        self._add(path, ProblemType.DUPLICATE, f"Duplicate value: {shown(value)}", "")

    def forbidden(self, path: FieldPath, detail: str) -> None:
        """Report a field that must not be set here."""
        self._add(path, ProblemType.FORBIDDEN, "Forbidden", detail)

    def not_found(self, path: FieldPath, value: Any, detail: str = "") -> None:
        """Report a reference to something that the object does not have."""
        self._add(path, ProblemType.NOT_FOUND, f"Not found: {shown(value)}", detail)

    def too_many(self, path: FieldPath, actual: int, limit: int) -> None:
        """Report a list that is too long."""
        self._add(path, ProblemType.TOO_MANY, f"Too many: {actual}", f"must have at most {limit} items")

    def too_long(self, path: FieldPath, limit: int) -> None:
        """Report a value that is too long, in bytes."""
        self._add(path, ProblemType.TOO_LONG, "Too long", f"may not be more than {limit} bytes")

    def take(self, others: Errors, written: Callable[[PathKeys], PathKeys]) -> None:
        """Report what checks of something that was made of the object have found, where the manifest has it."""
        self.items += [one.at(written(one.path.keys)) for one in others.items]
        self.warnings += others.warnings

    def warn(self, path: FieldPath | None, text: str) -> None:
        """Note something the server would send as a Warning header."""
        self.warnings.append((path, text))

    def _add(self, path: FieldPath, kind: ProblemType, head: str, detail: str) -> None:
        self.items.append(FieldError(path, kind, f"{head}: {detail}" if detail else head, detail))


# What Go's JSON escapes beside quotes: it is safe inside HTML and JavaScript.
_ESCAPED = str.maketrans({c: f"\\u{ord(c):04x}" for c in "<>&\u2028\u2029"})


def shown(value: Any) -> str:
    """Return a value as error texts show it: plain texts quoted as in Go, all else as Go's JSON; nil is ``null``."""
    if isinstance(value, str) and not isinstance(value, Named):
        return quote(value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return json_number(value)
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).translate(_ESCAPED)
