"""Narration of ``run`` on standard error: which renderer listens, and what all of them share.

Renderers are listeners: they are called from several threads, print whole lines and decide nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from runner.core.narration import LogLine, LogLines, Narration
from runner.render.logs import LogPrinter
from runner.render.streams import Output
from runner.render.style import Paint


class Progress(StrEnum):
    """How ``run`` narrates; ``auto`` is ``tty`` on a terminal, else ``plain``."""

    AUTO = "auto"
    TTY = "tty"
    PLAIN = "plain"
    JSON = "json"
    QUIET = "quiet"


class Narrator(Protocol):
    """A renderer of narration."""

    def __call__(self, narration: Narration) -> None:
        """Show one message."""
        ...

    def note(self, text: str) -> None:
        """Show a line of our own."""
        ...

    def close(self) -> None:
        """Leave the terminal as it was."""
        ...


class QuietNarrator:
    """Shows the containers' logs and nothing else."""

    def __init__(self, logs: LogPrinter) -> None:
        self._logs = logs

    def __call__(self, narration: Narration) -> None:
        if isinstance(narration, LogLine | LogLines):
            self._logs.lines(narration.lines if isinstance(narration, LogLines) else (narration,))

    def note(self, text: str) -> None:
        """Nothing is said."""

    def close(self) -> None:
        """Nothing is held."""


def narrator(
    progress: Progress,
    err: Output,
    paint: Paint,
    logs: LogPrinter,
    *,
    now: Callable[[], datetime],
    verbose: bool,
    dumb: bool,
) -> Narrator:
    """The renderer for a choice; ``dumb``: the terminal cannot move its cursor. ``now`` is what seconds are counted by."""
    if progress is Progress.QUIET:
        return QuietNarrator(logs)
    if progress is Progress.JSON:
        from runner.render.narrate_json import JsonNarrator

        return JsonNarrator(err, logs)
    if progress is Progress.TTY or (progress is Progress.AUTO and err.is_terminal and not dumb):
        from runner.render.narrate_tty import TtyNarrator

        return TtyNarrator(err, paint, logs, now=now, verbose=verbose)
    from runner.render.narrate_plain import PlainNarrator

    return PlainNarrator(err, paint, logs, verbose=verbose)
