"""What goes into a run from outside while it lasts, and what comes out at its end."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count

from msgspec import Struct

from runner.core.model import Object


class StopRequest:
    """A request to end a run: the first deletes gracefully, the second kills. May be called from a signal handler."""

    def __init__(self) -> None:
        self.requested = False
        self.forced = False
        self._numbers = count(1)
        self.times = 0
        """How often it was asked for."""
        self._listeners: list[Callable[[], None]] = []

    def request(self) -> None:
        """Ask to end; asked twice: at once."""
        number = self.times = next(self._numbers)  # Two threads get different numbers, without a lock.
        if number > 1:
            self.forced = True
        self.requested = True
        for listener in self._listeners:
            listener()

    def subscribe(self, listener: Callable[[], None]) -> None:
        self._listeners.append(listener)


class RunResult(Struct, frozen=True, kw_only=True):
    """How a run ended: the exit code, the pods as they were when it was decided, and one line that says it.

    The line is "" when nothing needs saying.
    """

    exit_code: int
    pods: tuple[Object, ...]
    message: str = ""
