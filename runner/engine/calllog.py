"""Logs every call to an Engine: its name, what it was made for, how long it took and how it ended.

Arguments and texts of errors are not logged: both may hold what is secret.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TypeVar

from runner.clock import Clock
from runner.engine.seam import END, Call

T = TypeVar("T")


class CallLog:
    """Writes a line for each call, and one for the end of each stream with the time since it was opened."""

    def __init__(self, log: logging.Logger, clock: Clock) -> None:
        self._log = log
        self._clock = clock

    def around(self, call: Call, proceed: Callable[[], T]) -> T:
        try:
            result = proceed()
        except BaseException as error:
            self._tell(call, type(error).__name__)
            raise
        if call.step in ("", END):
            self._tell(call, "ok")
        return result

    def _tell(self, call: Call, outcome: str) -> None:
        seconds = self._clock.steady() - (call.opened or call).began
        self._log.debug("%s %s %.3f s %s", call.name, call.target, seconds, outcome)
