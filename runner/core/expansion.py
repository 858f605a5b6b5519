"""``$(NAME)`` references in commands, arguments, environment values and sub-paths.

Mirrors third_party/forked/golang/expansion/expand.go. A result is not scanned again; ``$$`` stands for one ``$``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

_REFERENCE = re.compile(r"\$(?:\$|\(([^)]*)\))")


class MissingValue(ValueError):
    """A sub-path refers to a variable that is unset or empty."""


def expand(text: str, values: Mapping[str, str]) -> str:
    """Replace references to known variables; unknown and unfinished ones stay as written."""
    return _replace(text, values.get)


def expand_required(text: str, values: Mapping[str, str]) -> str:
    """Replace references in a subPathExpr. Raises MissingValue naming every unset or empty variable."""
    missing: set[str] = set()

    def lookup(name: str, _: str) -> str:
        value = values.get(name, "")
        if not value:
            missing.add(name)
        return value

    result = _replace(text, lookup)
    if missing:
        raise MissingValue(f"missing value for {', '.join(sorted(missing))}")
    return result


def _replace(text: str, lookup: Callable[[str, str], str]) -> str:
    def one(match: re.Match[str]) -> str:
        name = match.group(1)
        return "$" if name is None else lookup(name, match.group(0))

    return _REFERENCE.sub(one, text)
