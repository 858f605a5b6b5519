"""What of one pod is being made in the Engine, by whichever thread: whoever removes the pod waits for it.

A create that is under way when a pod is removed would leave its container behind, because nobody looks again. So every one
of them stands in here as long as it lasts, and none begins once the removal has.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from types import TracebackType

from runner.errors import Withdrawn


class Making:
    """The creations of one pod. ``wake`` is called when the last of them is over."""

    def __init__(self, wake: Callable[[], None] = lambda: None) -> None:
        self._wake = wake
        self._count = 0
        self._is_closed = False
        self._lock = threading.Lock()
        self._idle: threading.Condition | None = None
        """Made by who waits, which hardly anybody does: containers are made all the time."""

    def one(self) -> Making:
        """Make something within the block of this. Raises Withdrawn when nothing is to be made any more."""
        return self

    def __enter__(self) -> None:
        with self._lock:
            if self._is_closed:
                raise Withdrawn("the pod is being removed")
            self._count += 1

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        with self._lock:
            self._count -= 1
            if self._count:
                return
            if self._idle is not None:
                self._idle.notify_all()
        self._wake()

    def close(self) -> None:
        """Begin nothing any more; what was begun goes on."""
        with self._lock:
            self._is_closed = True

    @property
    def is_idle(self) -> bool:
        """Whether nothing is being made now."""
        with self._lock:
            return self._count == 0

    def wait(self, seconds: float) -> bool:
        """Wait until nothing is being made, at most so many seconds; whether it is so."""
        with self._lock:
            if self._idle is None:
                self._idle = threading.Condition(self._lock)
            return self._idle.wait_for(lambda: self._count == 0, seconds)
