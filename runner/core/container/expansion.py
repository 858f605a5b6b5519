"""``$(NAME)`` references in commands, arguments, environment values and sub-paths.

Mirrors third_party/forked/golang/expansion/expand.go. A result is not scanned again; ``$$`` stands for one ``$``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

from runner.core.objects import ConfigError

_REFERENCE = re.compile(r"\$(?:\$|\(([^)]*)\))")


MAX_EXPANDED = 4 * 2**20
"""Characters that references may expand to, together for one container. No process can be started with more (execve(2)), while
sixty variables that double each other would fill any memory; a kubelet has no such limit."""


class TooLong(ValueError):
    """References expand to more than what is left of the limit."""

    def __init__(self) -> None:
        super().__init__(f"references expand to more than {MAX_EXPANDED} characters")


class MissingValue(ValueError):
    """A sub-path refers to a variable that is unset or empty."""


def expand(text: str, values: Mapping[str, str], limit: int = MAX_EXPANDED) -> str:
    """Replace references to known variables; unknown and unfinished ones stay as written. Raises TooLong.

    ``limit``: how many characters the values that are put in may have together.
    """
    return _replace(text, values.get, limit)


def expand_each(texts: Sequence[str], values: Mapping[str, str], path: str) -> tuple[str, ...]:
    """Expand a list at a path of the manifest. Raises ConfigError with the path of what becomes too long."""
    result: list[str] = []
    left = MAX_EXPANDED
    for index, text in enumerate(texts):
        try:
            result.append(expand(text, values, left))
        except TooLong as error:
            raise ConfigError(f"{path}[{index}]: {error}") from error
        left -= max(0, len(result[-1]) - len(text))
    return tuple(result)


def expand_required(text: str, values: Mapping[str, str]) -> str:
    """Replace references in a subPathExpr. Raises MissingValue naming every unset or empty variable, TooLong."""
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


def _replace(text: str, lookup: Callable[[str, str], str], limit: int = MAX_EXPANDED) -> str:
    left = limit

    def one(match: re.Match[str]) -> str:
        nonlocal left
        name = match.group(1)
        value = "$" if name is None else lookup(name, match.group(0))
        left -= len(value)
        if left < 0:
            raise TooLong
        return value

    return _REFERENCE.sub(one, text)
