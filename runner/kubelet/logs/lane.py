"""Lets few threads read the output of many containers: one waits for all connections, some others call the Engine."""

from __future__ import annotations

import heapq
import itertools
import logging
import os
import selectors
import threading
from collections.abc import Callable, Generator
from contextlib import suppress
from functools import partial
from typing import Final

from msgspec import Struct

from runner.clock import Clock, Wakeup
from runner.kubelet.loop.lanes import SHARED, Lane, Lanes

_CLOSE_SECONDS: Final = 1.0
_log: Final = logging.getLogger("runner.logs")


def _never() -> bool:
    return False


class Step(Struct, frozen=True):
    """What somebody who reads is about to do: to call the Engine, if nothing else is said.

    ``place``: to read from this file descriptor, when something has come there. ``rest``: to go on in so many seconds, or as
    soon as ``is_over`` says so, which is asked when the lane is woken.
    ``blocks``: to read where nobody can see whether something has come, so that it takes a thread of its own.
    """

    place: int = -1
    rest: float = 0.0
    blocks: bool = False
    is_over: Callable[[], bool] = _never


Steps = Generator[Step, None, None]
"""Somebody who reads, step by step. Closing it gives back what it has, wherever it stands."""


class LogLane:
    """Advances those who read, each in one thread at a time. They raise nothing."""

    def __init__(self, clock: Clock, lanes: Lanes = SHARED) -> None:
        self._clock = clock
        self._lanes = lanes
        self._lock = threading.Lock()
        self._arriving: list[tuple[Steps, Step]] = []
        self._resting: list[tuple[float, int, Steps, Callable[[], bool]]] = []
        self._order = itertools.count()
        self._bell: int | None = None
        self._watcher: threading.Thread | None = None
        self._is_closed = False

    def follow(self, steps: Steps) -> None:
        """Take somebody in, until there are no more steps."""
        self._lanes.put(Lane.LOG, partial(self._advance, steps))

    def wake(self) -> None:
        """The rest of somebody may be over before its time."""
        with self._lock:
            if not self._is_closed:
                self._ring()

    def close(self) -> None:
        """End. Whoever is still here is advanced no more: it is closed where it stands, and gives back what it has."""
        with self._lock:
            self._is_closed = True
            self._ring()
            watcher = self._watcher
        if watcher is not None:
            watcher.join(_CLOSE_SECONDS)

    def _advance(self, steps: Steps) -> None:
        if self._is_closed:
            _close(steps)
        else:
            self._go_on(steps, _next(steps))

    def _go_on(self, steps: Steps, step: Step | None) -> None:
        if step is None:
            return
        if self._is_closed:
            _close(steps)
        elif step.blocks:
            threading.Thread(target=_advance_alone, args=(steps,), name="podrunner-log", daemon=True).start()
        elif step.place < 0 and not step.rest:
            self.follow(steps)
        else:
            self._park(steps, step)

    def _park(self, steps: Steps, step: Step) -> None:
        with self._lock:
            if not self._is_closed:
                self._arriving.append((steps, step))
                self._have_watcher()
                self._ring()
                return
        _close(steps)

    def _have_watcher(self) -> None:
        if self._bell is None:
            ear, self._bell = os.pipe()
            os.set_blocking(ear, False)
            os.set_blocking(self._bell, False)
            self._watcher = threading.Thread(target=self._watch, args=(ear,), name="podrunner-logs", daemon=True)
            self._watcher.start()

    def _ring(self) -> None:
        if self._bell is not None:
            with suppress(BlockingIOError):  # It is full of rings that nobody has heard yet.
                os.write(self._bell, b"!")

    def _watch(self, ear: int) -> None:
        """Wait for all places at once, and advance whom something has come for."""
        with selectors.DefaultSelector() as selector:
            selector.register(ear, selectors.EVENT_READ)
            while not self._is_closed:
                for key, _ in selector.select(self._rest()):
                    if key.fd == ear:
                        self._take_in(selector, ear)
                    else:
                        self._read(selector, key)
                while self._resting and self._resting[0][0] <= self._clock.steady():
                    self.follow(heapq.heappop(self._resting)[2])
            left = [key.data for key in selector.get_map().values() if key.fd != ear]
        with self._lock:
            os.close(ear)
            if self._bell is not None:
                os.close(self._bell)
            self._bell = None
            left += [steps for steps, _ in self._arriving] + [steps for _, _, steps, _ in self._resting]
            self._arriving, self._resting = [], []
        for steps in left:
            _close(steps)

    def _rest(self) -> float | None:
        return max(0.0, self._resting[0][0] - self._clock.steady()) if self._resting else None

    def _take_in(self, selector: selectors.BaseSelector, ear: int) -> None:
        with suppress(BlockingIOError):
            os.read(ear, 4096)
        with self._lock:
            arriving, self._arriving = self._arriving, []
        for steps, step in arriving:
            if step.rest:
                due = self._clock.steady() + step.rest
                heapq.heappush(self._resting, (due, next(self._order), steps, step.is_over))
                continue
            try:
                selector.register(step.place, selectors.EVENT_READ, steps)
            except (OSError, ValueError, KeyError):  # It was closed on the way: the next step meets the end.
                self.follow(steps)

        woken = [one for one in self._resting if one[3]()]
        if woken:
            self._resting = [one for one in self._resting if one not in woken]
            heapq.heapify(self._resting)
            for one in woken:
                self.follow(one[2])

    def _read(self, selector: selectors.BaseSelector, key: selectors.SelectorKey) -> None:
        step = _next(key.data)
        if step is not None and step.place == key.fd:
            return
        selector.unregister(key.fd)
        self._go_on(key.data, step)


def _next(steps: Steps) -> Step | None:
    try:
        return next(steps, None)
    except Exception:
        _log.exception("output cannot be read")
        return None


def _close(steps: Steps) -> None:
    try:
        steps.close()
    except Exception:
        _log.exception("output cannot be read")


def _advance_alone(steps: Steps) -> None:
    never = Wakeup()
    while (step := _next(steps)) is not None:
        if step.rest:
            never.wait(step.rest)
