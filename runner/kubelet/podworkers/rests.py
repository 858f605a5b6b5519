"""The waits of one pod's worker: each ends early when something may have changed, or when the pod comes to its end."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from runner.clock import Clock, Countdown
from runner.core.status.podstatus import Phase
from runner.core.status.status import deadline_at
from runner.kubelet.loop.podcache import PodCache
from runner.kubelet.loop.status import StatusManager
from runner.kubelet.loop.tasks import Handle, Task, Wait
from runner.kubelet.podworkers.patience import Patience


class Rests:
    """Where the worker of one pod waits, seeing what happens meanwhile."""

    def __init__(self, cache: PodCache, statuses: StatusManager, patience: Patience, clock: Clock) -> None:
        self._cache = cache
        self._statuses = statuses
        self._patience = patience
        self._clock = clock

    def is_ending(self) -> bool:
        """Whether the pod is stopped for good: deleted, final by its containers, or past its active deadline."""
        pod, status = self._cache.pod, self._statuses.status
        if pod.is_deleted or status is None:
            return pod.is_deleted
        end = None if pod.active_deadline is None else deadline_at(pod, status.start_time, self._cache.stood)
        return status.phase.is_terminal or (end is not None and end <= self._clock.now())

    def deadline(self) -> datetime | None:
        """When the pod is past its active deadline, while it may still reach it."""
        pod, status = self._cache.pod, self._statuses.status
        if pod.active_deadline is None or status is None or status.phase not in (Phase.RUNNING, Phase.PENDING):
            return None
        return deadline_at(pod, status.start_time, self._cache.stood)

    def accompany(self, handle: Handle[Any], interrupted: Callable[[], bool]) -> Task[None]:
        """Wait for a task; meanwhile keep seeing what happens, without deciding anything."""
        cache = self._cache
        hinted = False
        while not handle.done and not interrupted():
            yield Wait(until=self.deadline(), ready=lambda: handle.done or interrupted() or cache.dirty)
            if cache.dirty and not handle.done:
                hinted = True
                yield from self._patience.steadily(cache.look)
        if hinted:
            cache.poke()  # what was seen meanwhile has not been decided upon yet

    def rest(self, until: datetime | None) -> Task[None]:
        """Wait for an instant, a hint, or the end of the pod."""
        end = self.deadline()
        if end is not None:
            until = end if until is None else min(until, end)
        yield Wait(until, self._is_stirred)

    def _is_stirred(self) -> bool:
        return self._cache.dirty or self.is_ending()

    def rest_after_failure(self, until: datetime) -> Task[None]:
        """The same; but what a failed attempt itself stirs up is no reason for the next one to come earlier."""
        cache = self._cache
        rest = Countdown(self._clock, (until - self._clock.now()).total_seconds())
        before = (cache.pod, cache.observed.sandboxes, cache.observed.containers)
        while True:
            yield from self.rest(rest.until)
            if not cache.dirty or self.is_ending():
                return
            yield from self._patience.steadily(cache.look)
            self._statuses.publish()
            if (cache.pod, cache.observed.sandboxes, cache.observed.containers) != before:
                cache.poke()
                return

    def until(self, condition: Callable[[], bool]) -> Task[None]:
        """Wait for a condition, keeping the status true meanwhile."""
        cache = self._cache
        while not condition():
            yield Wait(until=self.deadline(), ready=lambda: condition() or cache.dirty)
            if cache.dirty and not condition():
                yield from self._patience.steadily(cache.look)
                self._statuses.publish()
