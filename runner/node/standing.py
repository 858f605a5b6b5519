"""The breakpoints of one node: what its pods stand at, and for how long any of them has stood."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

from runner.clock import Clock
from runner.core.faults.breakpoints import Breakpoint
from runner.kubelet.loop.podcache import PodCache
from runner.kubelet.loop.reporter import Reporter
from runner.kubelet.loop.restarts import Restarts
from runner.kubelet.loop.standstill import Passed, Standstill
from runner.registry.contract import Registry


class Standing:
    """The breakpoints of all pods of a node, for all threads."""

    def __init__(self, breakpoints: Sequence[Breakpoint], clock: Clock) -> None:
        self._breakpoints = tuple(breakpoints)
        self._clock = clock
        self._passed: dict[str, Passed] = {}
        self._count = 0
        self._began = self._total = 0.0
        self._news: Callable[[], None] = lambda: None
        self._lock = threading.Lock()

    def tell(self, news: Callable[[], None]) -> None:
        """Have this called, from any thread, when a pod begins to stand, and when it goes on."""
        self._news = news

    def of(self, cache: PodCache, reporter: Reporter, registry: Registry, restarts: Restarts) -> Standstill:
        """What holds one pod."""
        pod = cache.pod
        with self._lock:
            passed = self._passed.setdefault(pod.uid, Passed())
        mine = [one for one in self._breakpoints if one.is_in(pod.name)]
        return Standstill(mine, passed, cache, reporter, registry, restarts, self._clock, self._changed)

    def forget(self, uid: str) -> None:
        """A pod is let go of."""
        with self._lock:
            self._passed.pop(uid, None)

    @property
    def is_anywhere(self) -> bool:
        """Whether some pod stands now."""
        return self._count > 0

    @property
    def seconds(self) -> float:
        """For how many seconds in all some pod has stood."""
        with self._lock:
            now = self._clock.steady()
            return self._total + (max(0.0, now - self._began) if self._count else 0.0)

    def _changed(self, stands: bool) -> None:
        with self._lock:
            now = self._clock.steady()
            if stands:
                self._began = now if self._count == 0 else self._began
                self._count += 1
            else:
                self._count -= 1
                self._total += max(0.0, now - self._began) if self._count == 0 else 0.0
        self._news()
