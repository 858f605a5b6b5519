"""postStart and preStop: what runs, for how long, and what a failure says.

Mirrors pkg/kubelet/lifecycle/handlers.go and kuberuntime_container.go (executePreStopHook).
"""

from __future__ import annotations

from runner.core.model import Container, Handler, SleepAction
from runner.core.reasons import EventReason, warning
from runner.core.text.times import later
from runner.kubelet.loop.context import PodContext
from runner.kubelet.loop.lanes import Lane
from runner.kubelet.loop.tasks import Task, Wait
from runner.kubelet.prober.handlers import HookOutcome, Target


def run_post_start(context: PodContext, container: Container, container_id: str) -> Task[str | None]:
    """Run the hook to its end, however long it takes. Returns the error text, None when it went well."""
    assert container.post_start is not None
    outcome = yield from _run(context, container, container_id, container.post_start, None)
    assert outcome is not None
    return None if outcome.ok else outcome.message


def run_pre_stop(context: PodContext, container: Container, container_id: str, grace: float) -> Task[None]:
    """Run the hook for at most the grace period (seconds); its failure is an event, nothing more."""
    assert container.pre_stop is not None
    outcome = yield from _run(context, container, container_id, container.pre_stop, grace)
    if outcome is not None and not outcome.ok:
        context.event(warning(EventReason.FAILED_PRE_STOP_HOOK, "PreStopHook failed"), container)


def _run(
    context: PodContext, container: Container, container_id: str, handler: Handler, limit: float | None
) -> Task[HookOutcome | None]:
    end = None if limit is None else later(context.now(), limit)
    if isinstance(handler, SleepAction):
        over = later(context.now(), handler.seconds)
        yield Wait(until=over if end is None else min(over, end), ready=lambda: _has_ended(context, container_id))
        return HookOutcome(ok=True)
    sandboxes, record = context.observed.sandboxes, context.observed.by_id(container_id)
    target = Target(
        pod=context.pod,
        container=container,
        container_id=container_id,
        sandbox_id=sandboxes[0].id if sandboxes else "",
        pod_ip=context.facts.pod_ip,
        attempt=None if record is None else record.attempt,
    )
    job = context.jobs.submit(lambda: context.handlers.hook(target, handler, timeout=limit), Lane.EXEC)
    yield Wait(until=end, ready=lambda: job.done)
    if not job.done:
        return None
    outcome = job.result()
    for note in outcome.notes:
        context.event(note, container)
    return outcome


def _has_ended(context: PodContext, container_id: str) -> bool:
    record = context.observed.by_id(container_id)
    return record is not None and record.finished_at is not None
