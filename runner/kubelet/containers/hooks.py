"""Runs postStart and preStop hooks: for how long, and with which text when they fail.

Mirrors pkg/kubelet/lifecycle/handlers.go and kuberuntime_container.go (executePreStopHook).
"""

from __future__ import annotations

from dataclasses import dataclass

from runner.clock import Clock
from runner.core.model import Container, Handler, SleepAction
from runner.core.reasons import EventReason, warning
from runner.core.text.times import later
from runner.kubelet.loop.jobs import Jobs
from runner.kubelet.loop.lanes import Lane
from runner.kubelet.loop.podcache import PodCache
from runner.kubelet.loop.reporter import Reporter
from runner.kubelet.loop.tasks import Task, Wait
from runner.kubelet.prober.handlers import Handlers, HookOutcome, Target


@dataclass(frozen=True, slots=True)
class Hooks:
    """The hooks of one pod's containers."""

    cache: PodCache
    handlers: Handlers
    reporter: Reporter
    clock: Clock
    jobs: Jobs

    def run_post_start(self, container: Container, container_id: str) -> Task[str | None]:
        """Run the hook to its end, however long it takes. Returns the error text, None on success."""
        assert container.post_start is not None
        outcome = yield from self._run(container, container_id, container.post_start, None)
        assert outcome is not None
        return None if outcome.ok else outcome.message

    def run_pre_stop(self, container: Container, container_id: str, grace: float) -> Task[None]:
        """Run the hook for at most the grace period (seconds). A failure only records an event."""
        assert container.pre_stop is not None
        outcome = yield from self._run(container, container_id, container.pre_stop, grace)
        if outcome is not None and not outcome.ok:
            self.reporter.event(warning(EventReason.FAILED_PRE_STOP_HOOK, "PreStopHook failed"), container)

    def _run(
        self, container: Container, container_id: str, handler: Handler, limit: float | None
    ) -> Task[HookOutcome | None]:
        now = self.clock.now()
        end = None if limit is None else later(now, limit)
        if isinstance(handler, SleepAction):
            over = later(now, handler.seconds)
            yield Wait(until=over if end is None else min(over, end), ready=lambda: self._has_ended(container_id))
            return HookOutcome(ok=True)
        cache = self.cache
        record = cache.observed.by_id(container_id)
        target = Target(
            pod=cache.pod,
            container=container,
            container_id=container_id,
            sandbox_id=cache.sandbox_id,
            pod_ip=cache.facts.pod_ip,
            attempt=None if record is None else record.attempt,
        )
        job = self.jobs.submit(lambda: self.handlers.hook(target, handler, timeout=limit), Lane.EXEC)
        yield Wait(until=end, ready=lambda: job.done)
        if not job.done:
            return None
        outcome = job.result()
        for note in outcome.notes:
            self.reporter.event(note, container)
        return outcome

    def _has_ended(self, container_id: str) -> bool:
        record = self.cache.observed.by_id(container_id)
        return record is not None and record.finished_at is not None
