"""The threads of a process that wait for the Engine, shared by all of its pods.

Short calls share a few threads: an Engine that is asked for more at once takes longer for each. What goes on with a pod
that has begun comes before what begins another one. Pulls, commands in containers and SIGKILLs, which the Engine answers
when the process is dead, have lanes of their own, so that nothing waits behind a call that blocks.
"""

from __future__ import annotations

import heapq
import itertools
import logging
import threading
from collections.abc import Callable
from enum import Enum
from typing import Final

_log: Final = logging.getLogger("runner.node")

SHORT_THREADS: Final = 8
"""As many short calls are under way at once."""
PULL_THREADS: Final = 16
LOG_THREADS: Final = 4
BLOCKING_THREADS: Final = 256
"""A bound for commands, which wait for processes in containers: each has a thread as long as it lasts."""
KILL_THREADS: Final = 8
IDLE_SECONDS: Final = 5.0
"""How long a thread without work waits for some before it ends."""


class Lane(Enum):
    """Where a job waits for its turn, and its rank there: the lower goes first."""

    START = ("short", 0)
    PREPARE = ("short", 1)
    BEGIN = ("short", 2)
    PULL = ("pulls", 0)
    EXEC = ("execs", 0)
    KILL = ("kills", 0)
    LOG = ("logs", 0)

    @property
    def pool(self) -> str:
        return self.value[0]

    @property
    def rank(self) -> int:
        return self.value[1]


class Lanes:
    """The pools. Their threads do not keep the process from ending: a pull may hang for minutes."""

    def __init__(self, *, short: int = SHORT_THREADS) -> None:
        self._pools = {
            "short": _Pool("short", short),
            "pulls": _Pool("pull", PULL_THREADS),
            "execs": _Pool("exec", BLOCKING_THREADS),
            "kills": _Pool("kill", KILL_THREADS),
            "logs": _Pool("log", LOG_THREADS),
        }

    def put(self, lane: Lane, job: Callable[[], None]) -> None:
        """Have a job done, which raises nothing."""
        self._pools[lane.pool].put(lane.rank, job)


class _Pool:
    """Threads as they are needed, up to ``most``; each ends when it has had nothing to do for a while."""

    def __init__(self, name: str, most: int) -> None:
        self._name = name
        self._most = most
        self._waiting: list[tuple[int, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self._changed = threading.Condition()
        self._threads = 0
        self._idle = 0

    def put(self, rank: int, job: Callable[[], None]) -> None:
        with self._changed:
            heapq.heappush(self._waiting, (rank, next(self._order), job))
            if self._idle >= len(self._waiting):
                self._changed.notify()
            elif self._threads < self._most:
                self._threads += 1
                name = f"podrunner-{self._name}-{self._threads}"
                threading.Thread(target=self._work, name=name, daemon=True).start()

    def _work(self) -> None:
        while (job := self._next()) is not None:
            try:
                job()
            except Exception:  # It is to raise nothing; the others need this thread.
                _log.exception("a job broke")
            del job

    def _next(self) -> Callable[[], None] | None:
        """The job whose turn it is; None when there was none for a while."""
        with self._changed:
            self._idle += 1
            has_work = self._changed.wait_for(lambda: bool(self._waiting), IDLE_SECONDS)
            self._idle -= 1
            if has_work:
                return heapq.heappop(self._waiting)[2]
            self._threads -= 1
            return None


SHARED: Final = Lanes()
"""The lanes of this process."""
