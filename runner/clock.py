"""Time, injected: the only module that reads a clock.

``SystemClock`` waits for real. ``VirtualClock`` never waits: it jumps to whatever comes first, the caller's deadline or
the next happening on its agenda, and complains when nothing will ever happen, so that a hang is an error with a reason.

Instants are the wall clock's, as the Engine's own are. The wall clock may be set during a wait: waits last as long
as they were meant to, by the ``steady`` clock, and a ``JumpWatch`` tells by how much instants that were kept have to move.
"""

from __future__ import annotations

import heapq
import itertools
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Protocol

VIRTUAL_START = datetime(2000, 1, 1, tzinfo=UTC)


class Wakeup:
    """A flag that ends a wait early; may be set from any thread."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def set(self) -> None:
        """Wake the waiter, now or at its next wait."""
        if not self._event.is_set():
            self._event.set()

    def is_set(self) -> bool:
        return self._event.is_set()

    def clear(self) -> None:
        if self._event.is_set():
            self._event.clear()

    def wait(self, seconds: float | None) -> bool:
        """Wait for the flag; seconds=None waits without end. Returns whether it was set."""
        return self._event.wait(None if seconds is None else min(seconds, threading.TIMEOUT_MAX))


class Flag(Wakeup):
    """A wakeup of one thread, which never waits for real."""

    def __init__(self) -> None:
        self._is_set = False

    def set(self) -> None:
        self._is_set = True

    def is_set(self) -> bool:
        return self._is_set

    def clear(self) -> None:
        self._is_set = False

    def wait(self, seconds: float | None) -> bool:  # noqa: ARG002 - no other thread could set it
        return self._is_set


class Clock(Protocol):
    """What the effects need of time."""

    def now(self) -> datetime:
        """The present instant, aware and in UTC."""
        ...

    def steady(self) -> float:
        """Seconds on a clock that is never set, for measuring; only differences mean something."""
        ...

    def wait(self, until: datetime | None, wakeup: Wakeup) -> bool:
        """Wait for the flag or the instant, whichever is first; clears the flag and returns whether it was set.

        The wait lasts as long as it takes to the instant now, even when the clock is set meanwhile.
        """
        ...

    def sleep(self, seconds: float) -> None:
        """Let seconds pass (for retries of single Engine calls)."""
        ...


def _wall() -> datetime:
    return datetime.now(UTC)


class SystemClock:
    """The machine's clocks: ``wall`` may be set, ``monotonic`` (seconds) only goes on."""

    def __init__(self, wall: Callable[[], datetime] = _wall, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._wall = wall
        self._monotonic = monotonic

    def now(self) -> datetime:
        return self._wall()

    def steady(self) -> float:
        return self._monotonic()

    def wait(self, until: datetime | None, wakeup: Wakeup) -> bool:
        seconds = None if until is None else max(0.0, (until - self.now()).total_seconds())
        if not wakeup.wait(seconds):
            return False  # What is set from now on is for the next wait.
        wakeup.clear()
        return True

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


class JumpWatch:
    """Notices that the wall clock was set. What a machine's correction of its rate does stays below the limit."""

    _LIMIT_SECONDS = 1.0

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._difference = self._measure()

    def _measure(self) -> float:
        return self._clock.now().timestamp() - self._clock.steady()

    def jump(self) -> timedelta:
        """By how much the clock was set since the last time, forwards or (negative) backwards; zero when it was not."""
        difference = self._measure()
        seconds = difference - self._difference
        if abs(seconds) < self._LIMIT_SECONDS:
            return timedelta()
        self._difference = difference
        return timedelta(seconds=seconds)


class Countdown:
    """So many seconds from now on, None: for ever. However the wall clock is set meanwhile, it lasts as long as it was meant to.

    For code that waits more than once until something is over: an instant that is kept would have to be moved.
    """

    _LONGEST_SECONDS = 100 * 366 * 86400.0
    """No more than an instant can say."""
    _SHORTEST_SECONDS = 1e-6
    """What is less than an instant can say is nothing: who waited for it would wait for no time at all, again and again."""

    def __init__(self, clock: Clock, seconds: float | None) -> None:
        self._clock = clock
        self._end = None if seconds is None else clock.steady() + seconds

    @property
    def left(self) -> float | None:
        """Seconds, not below 0; None: it never ends."""
        if self._end is None:
            return None
        left = self._end - self._clock.steady()
        return left if left >= self._SHORTEST_SECONDS else 0.0

    @property
    def is_over(self) -> bool:
        return self.left == 0

    def within(self, seconds: float) -> float:
        """What is left, but no more than so many seconds."""
        left = self.left
        return seconds if left is None else min(seconds, left)

    @property
    def until(self) -> datetime | None:
        """When it ends, as the wall clock is set now, for the wait that begins now; None: never."""
        left = self.left
        return None if left is None else self._clock.now() + timedelta(seconds=min(left, self._LONGEST_SECONDS))


class NothingWillHappen(RuntimeError):
    """A virtual wait without a deadline on an empty agenda: in real life this would hang for ever."""


class VirtualClock:
    """A clock whose waits take no time. Not thread-safe: simulations run in one thread."""

    def __init__(self, start: datetime = VIRTUAL_START) -> None:
        self._start = self._now = start
        self._agenda: list[tuple[datetime, int, Callable[[], None]]] = []
        self._order = itertools.count()

    def now(self) -> datetime:
        return self._now

    def steady(self) -> float:
        return (self._now - self._start).total_seconds()

    def at(self, when: datetime, happening: Callable[[], None]) -> None:
        """Put a happening on the agenda; one that lies in the past happens at the next wait."""
        heapq.heappush(self._agenda, (when, next(self._order), happening))

    def after(self, seconds: float, happening: Callable[[], None]) -> None:
        """Put a happening on the agenda, seconds from now."""
        self.at(self._now + timedelta(seconds=seconds), happening)

    def next_happening(self) -> datetime | None:
        """When the next happening is due; None when the agenda is empty."""
        return self._agenda[0][0] if self._agenda else None

    def advance(self, until: datetime) -> None:
        """Go to an instant, letting everything on the agenda up to it happen in order."""
        while self._agenda and self._agenda[0][0] <= until:
            when, _, happening = heapq.heappop(self._agenda)
            if when > self._now:
                self._now = when
            happening()
        if until > self._now:
            self._now = until

    def wait(self, until: datetime | None, wakeup: Wakeup) -> bool:
        while not wakeup.is_set():
            following = self.next_happening()
            if following is None and until is None:
                raise NothingWillHappen("waiting without a deadline, and nothing is on the agenda")
            if following is None or (until is not None and until < following):
                assert until is not None
                self.advance(until)
                return False
            self.advance(following)
        wakeup.clear()
        return True

    def sleep(self, seconds: float) -> None:
        self.advance(self.now() + timedelta(seconds=seconds))


_LONGEST_CALL = 1_000_000.0
"""Seconds that a socket may be told to wait at most, rounded down: a C int of milliseconds, 24 days."""


class Deadline:
    """How long a blocking call may still take, on the machine's monotonic clock; made without seconds, for ever.

    What is longer than a socket can be told, which is weeks, is for ever too.
    """

    def __init__(self, seconds: float | None) -> None:
        self._end = None if seconds is None or seconds > _LONGEST_CALL else time.monotonic() + seconds

    def remaining(self) -> float | None:
        """Seconds left, not below 0; None for ever."""
        return None if self._end is None else max(0.0, self._end - time.monotonic())
