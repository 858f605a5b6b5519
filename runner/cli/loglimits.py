"""Which part of containers' output ``logs`` prints, by kubectl's flags and its words for those that cannot be.

Mirrors kubectl's pkg/cmd/logs/logs.go (ToLogOptions, Validate).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import replace

from runner.core.text.times import parse_time
from runner.errors import UsageError

if TYPE_CHECKING:
    from runner.core.narration import LogLine

EVERY = "all"
SELECTED_TAIL = 10
"""So many last lines of each pod are printed when pods are selected and nothing is said."""


class LogLimits(Struct, frozen=True, kw_only=True):
    """What is printed of each container: ``tail`` in lines, ``since`` in seconds ago or an instant, ``most`` in bytes (0: all).

    ``attempt`` is a number that counts from 0, "all", or None for the newest.
    """

    tail: int | None
    since: float | datetime | None
    most: int
    attempt: int | str | None

    @classmethod
    def of(cls, flags: dict[str, Any], *, is_selected: bool) -> LogLimits:
        """Read the flags. Raises UsageError."""
        tail = flags["tail"]
        if tail is not None and tail < -1:
            raise UsageError("--tail must be greater than or equal to -1")
        if flags["limit_bytes"] < 0:
            raise UsageError("--limit-bytes must be greater than 0")
        if tail is None and is_selected:
            tail = SELECTED_TAIL
        return cls(
            tail=None if tail == -1 else tail, since=_since(flags), most=flags["limit_bytes"], attempt=_attempt(flags)
        )

    def cut(self, found: Iterator[Sequence[LogLine]]) -> Iterator[Sequence[LogLine]]:
        """The output of one container up to as many bytes as are wanted."""
        left = self.most
        for lines in found:
            if not self.most:
                yield lines
                continue
            kept = []
            for line in lines:
                content = line.content[:left]
                left -= len(content)
                kept.append(line if content == line.content else replace(line, data=content, has_end=False))
                if not left:
                    yield kept
                    return
            yield kept


def _since(flags: dict[str, Any]) -> float | datetime | None:
    seconds: float | None = flags["since"]
    text: str | None = flags["since_time"]
    if text and seconds:
        raise UsageError("at most one of `sinceTime` or `sinceSeconds` may be specified")
    if seconds is not None and seconds < 0:
        raise UsageError("--since must be greater than 0")
    if not text:
        return seconds or None
    instant = parse_time(text)
    if instant is None:
        raise UsageError(f'invalid time "{text}"', hint="RFC 3339, such as 2030-08-30T06:00:00Z")
    return instant


def _attempt(flags: dict[str, Any]) -> str | int | None:
    word = flags["attempt"]
    if word is None:
        return None
    if flags["previous"]:
        raise UsageError("only one of --attempt and --previous is allowed")
    if word == EVERY:
        if flags["follow"]:
            raise UsageError("--attempt all cannot be followed", hint="--attempt N can")
        return EVERY
    if not (word.isascii() and word.isdecimal()):
        raise UsageError(f'invalid attempt "{word}"', hint="a number that counts from 0, or all")
    return int(word)
