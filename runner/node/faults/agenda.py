"""When faults happen: on the machine's clock, in one thread that is there when the first one has to wait."""

from __future__ import annotations

import heapq
import itertools
import logging
import threading
from collections.abc import Callable
from datetime import datetime
from typing import Protocol

from runner.clock import Clock, Wakeup
from runner.core.text.times import later

_log = logging.getLogger("runner.node")


class Agenda(Protocol):
    """Gives faults their time."""

    def after(self, seconds: float, act: Callable[[], None]) -> None:
        """Have something done so many seconds from now, by nobody who waits for it."""
        ...

    def spend(self, seconds: float) -> None:
        """Let a call to the Engine take so much longer; blocks."""
        ...

    def close(self) -> None:
        """Let nothing happen any more, and nobody wait."""
        ...


class ThreadAgenda:
    """On a clock that waits for real."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._acts: list[tuple[datetime, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self._lock = threading.Lock()
        self._wakeup = Wakeup()
        self._waiting: set[Wakeup] = set()
        self._thread: threading.Thread | None = None
        self._is_closed = False

    def after(self, seconds: float, act: Callable[[], None]) -> None:
        with self._lock:
            if self._is_closed:
                return
            heapq.heappush(self._acts, (later(self._clock.now(), seconds), next(self._order), act))
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="podrunner-faults", daemon=True)
                self._thread.start()
        self._wakeup.set()

    def spend(self, seconds: float) -> None:
        wakeup = Wakeup()
        with self._lock:
            if self._is_closed:
                return
            self._waiting.add(wakeup)
        self._clock.wait(later(self._clock.now(), seconds), wakeup)
        with self._lock:
            self._waiting.discard(wakeup)

    def close(self) -> None:
        with self._lock:
            self._is_closed = True
            self._acts.clear()
            waiting, thread = tuple(self._waiting), self._thread
        for wakeup in (self._wakeup, *waiting):
            wakeup.set()
        if thread is not None and thread is not threading.current_thread():
            thread.join()

    def _run(self) -> None:
        while True:
            with self._lock:
                if self._is_closed:
                    return
                due = self._acts[0][0] if self._acts else None
                act = None
                if due is not None and due <= self._clock.now():
                    _, _, act = heapq.heappop(self._acts)
            if act is None:
                self._clock.wait(due, self._wakeup)
                continue
            try:
                act()
            except Exception:  # The others still have their time.
                _log.exception("a fault could not be injected")
