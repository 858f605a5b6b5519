"""The entry to validation: which checks an object of a kind gets."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from runner.core.manifest.validation.errors import Errors
from runner.core.manifest.validation.pod import validate_pod

_BY_KIND: dict[str, Callable[[Errors, dict[str, Any]], None]] = {
    "Pod": validate_pod,
}


def validate(kind: str, value: dict[str, Any]) -> Errors:
    """Return every error and warning of a defaulted object, in the server's order."""
    errors = Errors()
    check = _BY_KIND.get(kind)
    if check is not None:
        check(errors, value)
    return errors
