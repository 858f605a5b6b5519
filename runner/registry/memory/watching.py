"""Watches over the registry in memory."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable
from typing import Self

from runner.clock import Wakeup
from runner.registry.contract import Change, Expired, Selection, Touch


class MemoryWatch:
    """A watch that is handed what changes."""

    def __init__(
        self,
        selection: Selection,
        wake: Callable[[], None] | None,
        lock: threading.RLock,
        on_close: Callable[[MemoryWatch], None],
    ) -> None:
        self._lock = lock
        self._on_close = on_close
        self.selection = selection
        self._wake = wake
        self._news = Wakeup()
        self._is_closed = False
        self.found: deque[Change] = deque()
        self.problem: Expired | None = None

    def begin(self, present: Iterable[Change]) -> None:
        """Give what there is already."""
        self.found.extend(present)

    def fail(self, problem: Expired) -> None:
        """It cannot go on from where it was to."""
        self.problem = problem

    def hear(self, change: Change, touch: Touch, *, is_old: bool = False) -> None:
        """Take a change in, if it concerns the watch."""
        if not self.selection.takes(touch):
            return
        seen = self.selection.sees(change.type, touch)
        self.found.append(change if seen is change.type else change.as_type(seen, touch))
        if self._wake is None:
            self._news.set()
        elif not is_old:
            self._wake()

    def next(self, timeout: float | None = None) -> list[Change]:
        if self._wake is None and not self.found and self.problem is None and not self._is_closed:
            self._news.wait(timeout)
        with self._lock:
            if self.problem is not None:
                raise self.problem
            self._news.clear()
            changes = [*self.found]
            self.found.clear()
            return changes

    def close(self) -> None:
        self._is_closed = True
        self._on_close(self)
        self._news.set()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()
