"""Plans the volumes of one pod before its sandbox is made, and keeps them up to date while the pod runs.

Mirrors pkg/kubelet/volumemanager: WaitForAttachAndMount, which runs before a sync, and the reconciler, which runs beside it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from functools import partial

from runner.clock import Clock
from runner.core.labels import SANDBOX_CONTAINER
from runner.core.reasons import EventReason, warning
from runner.core.volumes import MountError, VolumePlan, plan_volume, renewed
from runner.engine.protocol import Engine
from runner.errors import EngineError
from runner.kubelet.loop.jobs import Jobs, run_job
from runner.kubelet.loop.podcache import PodCache
from runner.kubelet.loop.reporter import Reporter
from runner.kubelet.loop.tasks import Task, Wait
from runner.kubelet.loop.troubles import VOLUMES, Troubles
from runner.kubelet.volumes.planning import prepare_volumes, surroundings
from runner.kubelet.volumes.reconciler import bring, follows
from runner.registry.contract import Registry

PERIOD_SECONDS = 60.0
"""How often to look at volumes although nothing was written to the store: tokens expire."""


class VolumeManager:
    """The volumes of one pod."""

    def __init__(
        self,
        cache: PodCache,
        engine: Engine,
        registry: Registry,
        reporter: Reporter,
        troubles: Troubles,
        jobs: Jobs,
        clock: Clock,
        *,
        owner: str,
        is_timed: bool,
    ) -> None:
        """``is_timed``: also look at them every minute; in virtual time only writes to the store change anything."""
        self.plans: tuple[VolumePlan, ...] = ()
        """The volumes of the last plan; none before the first one."""
        self._cache = cache
        self._engine = engine
        self._registry = registry
        self._reporter = reporter
        self._troubles = troubles
        self._jobs = jobs
        self._clock = clock
        self._owner = owner
        self._is_timed = is_timed

    def take(self, plans: tuple[VolumePlan, ...]) -> None:
        """Take over a plan that was made, with its claims bound, a moment ago."""
        self.plans = plans

    def mount(self) -> bool:
        """Plan them, check host paths, bind claims. Returns whether that succeeded; failures become events."""
        try:
            self.plans = prepare_volumes(self._cache.pod, self._engine, self._registry, self._clock, self._owner)
        except MountError as error:
            for text in error.texts:
                self._reporter.event(warning(EventReason.FAILED_MOUNT, text))
            self._troubles.failed(VOLUMES, EventReason.FAILED_MOUNT, "; ".join(error.texts))
            return False
        self._troubles.is_over(VOLUMES)
        return True

    def refresh(self) -> Task[None]:
        """Write changed content into the volumes, at once after a write to the store, and every minute."""
        if not follows(self._cache.pod):
            return
        while True:
            due = self._clock.now() + timedelta(seconds=PERIOD_SECONDS) if self._is_timed else None
            yield Wait(until=due, ready=partial(self._is_newer_than, self._registry.version()))
            sandbox = next((sandbox for sandbox in self._cache.observed.sandboxes if sandbox.ready), None)
            if sandbox is None:
                continue
            engine = self._engine.of(container=SANDBOX_CONTAINER)
            for plan in list(self._changed()):
                with suppress(EngineError):  # The Engine does not answer: the next look finds the same difference.
                    yield from run_job(self._jobs, partial(bring, engine, plan, sandbox.id, self._clock.now()))
                    self.plans = tuple(plan if old.name == plan.name else old for old in self.plans)

    def _is_newer_than(self, version: int) -> bool:
        return self._registry.version() != version

    def _changed(self) -> Iterator[VolumePlan]:
        """The volumes whose content has changed since it was written."""
        pod = self._cache.pod
        around = surroundings(pod, self._engine, self._registry, self._clock, self._owner)
        sources = {str(volume.get("name")): volume for volume in pod.spec.get("volumes") or ()}
        for plan in self.plans:
            if plan.refreshes:
                with suppress(MountError):
                    fresh = renewed(plan, plan_volume(pod, sources[plan.name], around))
                    if fresh is not None:
                        yield fresh
