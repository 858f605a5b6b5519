"""Syncs one pod until it comes to its end: look, decide, carry out, publish.

Mirrors pkg/kubelet/pod_workers.go and kubelet.go (SyncPod). Every pass derives everything from what exists; whatever ends
a wait is only a hint.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

from runner.clock import Clock
from runner.core.images.pullsecrets import missing_note
from runner.core.model import Json
from runner.core.observed import ProbeResults
from runner.core.reasons import EventReason, warning
from runner.core.sync.decide import Plan, decide
from runner.core.sync.outcome import SyncOutcome
from runner.core.text.times import later
from runner.errors import EngineUnavailable, RunnerError
from runner.kubelet.containers.sandbox import Ahead
from runner.kubelet.images.manager import ImageManager
from runner.kubelet.loop.podcache import PodCache
from runner.kubelet.loop.reporter import Reporter
from runner.kubelet.loop.restarts import Restarts
from runner.kubelet.loop.status import StatusManager
from runner.kubelet.loop.tasks import Task, TaskSet
from runner.kubelet.podworkers.patience import Patience
from runner.kubelet.podworkers.rests import Rests
from runner.kubelet.podworkers.sync import Syncer
from runner.kubelet.volumes.manager import VolumeManager
from runner.registry.contract import Registry

MOUNT_BACKOFF = (0.5, 122.0)
"""First and longest wait before a volume is tried again (volume/util exponentialbackoff)."""


@dataclass(slots=True, kw_only=True)
class SyncLoop:
    """The syncs of one pod. ``gave_up`` names the container that was restarted too often; nothing more is started then.

    ``relist``: seconds after which the Engine is looked at although nothing happened, None: never.
    """

    cache: PodCache
    statuses: StatusManager
    restarts: Restarts
    reporter: Reporter
    results: ProbeResults
    registry: Registry
    clock: Clock
    tasks: TaskSet
    images: ImageManager
    volumes: VolumeManager
    ahead: Ahead
    syncer: Syncer
    patience: Patience
    rests: Rests
    relist: float | None
    on_give_up: Callable[[], None] = lambda: None
    gave_up: str = field(default="", init=False)
    last_plan: Plan | None = field(default=None, init=False)
    """The last decision that had something to do."""
    _failures: int = field(default=0, init=False)
    """Syncs in a row that an error has ended."""

    def run(self) -> Task[None]:
        """Sync until the pod is stopped for good."""
        cache, rests = self.cache, self.rests
        mount_failures = 0
        rested = False
        while True:
            if not rested or cache.dirty or self._must_look():
                yield from self.patience.steadily(cache.look)
                self.statuses.publish()
            rested = False
            if rests.is_ending():
                return
            if self.gave_up:
                yield from rests.until(rests.is_ending)
                continue
            if not cache.observed.sandboxes or not self.volumes.plans:
                if self._mount():
                    mount_failures = 0
                else:
                    mount_failures += 1
                    first, longest = MOUNT_BACKOFF
                    seconds = min(first * 2 ** (mount_failures - 1), longest)
                    yield from rests.rest(later(self.clock.now(), seconds))
                    continue
            plan = decide(cache.pod, cache.to_decide, self.results, self.restarts.memory, self.clock.now())
            if not plan.operations:
                relist = self.relist
                yield from rests.rest(None if relist is None else self.clock.now() + timedelta(seconds=relist))
                continue
            self.last_plan = plan
            outcome = yield from self._carry_out(plan)
            if outcome is not None:
                rested = yield from self._after(outcome)

    def _must_look(self) -> bool:
        """Whether time alone may have changed what there is to see: something was not told of, or the deadline came."""
        return self.relist is not None or self.rests.deadline() is not None

    def _mount(self) -> bool:
        """Set the volumes up. Returns whether that went well."""
        planned = self.ahead.volumes
        if planned is None:
            return self.volumes.mount()
        self.volumes.take(planned)
        return True

    def _carry_out(self, plan: Plan) -> Task[SyncOutcome | None]:
        """Run a sync; a deletion or the deadline cuts it short. None: it did not come to its end."""
        missing = missing_note(self.cache.pod, self._lookup)
        if missing is not None:
            self.reporter.event(missing)
        sync = self.tasks.start(self.syncer.run(plan), "sync")
        sync.advance(self.clock.now())
        if not sync.done:
            yield from self.rests.accompany(sync, self.rests.is_ending)
        if not sync.done:
            sync.cancel()
            self.cache.observer.mistrust()
            return None
        try:
            outcome = sync.result
            self._failures = self._failures if outcome.may_pass else 0
            return outcome
        except RunnerError as error:
            if error.is_final:
                raise
            self._failures += 1
            if not isinstance(error, EngineUnavailable):
                self.reporter.event(warning(EventReason.FAILED_SYNC, f"error syncing pod: {error.message}"))
            due = self.patience.failed(error, self._failures, "the pod cannot be synced")
            yield from self.rests.rest_after_failure(due)
        return None

    def _lookup(self, kind: str, name: str) -> Json | None:
        return self.registry.get(kind, self.cache.pod.namespace, name)

    def _after(self, outcome: SyncOutcome) -> Task[bool]:
        """Show what the sync did, and wait for the time of the next one. Returns whether there was one to wait for."""
        if outcome.gave_up:
            self.gave_up = outcome.gave_up
            self.on_give_up()
            return False
        if outcome.acted:
            return False
        self.statuses.publish()
        self._failures += outcome.failed and outcome.may_pass
        now, has_failed_pulls = self.clock.now(), self.images.has_failed
        due = outcome.next_at(now, failures=self._failures, has_failed_pulls=has_failed_pulls)
        if outcome.failed:
            self.cache.observer.mistrust()
            assert due is not None
            yield from self.rests.rest_after_failure(due)
        else:
            yield from self.rests.rest(due)
        return True
