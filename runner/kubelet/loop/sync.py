"""Carries out one plan, step by step. Mirrors kuberuntime_manager.go (SyncPod): one operation, one thing done.

A regular init container that cannot be started ends the sync; a sidecar or an app container that cannot does not.
"""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct

from runner.core.labels import SANDBOX_CONTAINER
from runner.core.model import Container
from runner.core.narration import AttemptEnding, RetryScheduled
from runner.core.observed import ContainerRecord, RuntimeState
from runner.core.reasons import EventReason, WaitingReason, normal, warning
from runner.core.status.containerstatus import StartFailure
from runner.core.sync.backoff import crash_loop_event, crash_loop_message
from runner.core.sync.decide import Operation, OperationKind, Plan
from runner.core.sync.termination import grace_period
from runner.core.text.times import format_duration
from runner.errors import EngineRefusal
from runner.kubelet.containers.kill import forget, kill_container, kill_pod
from runner.kubelet.containers.sandbox import create_sandbox
from runner.kubelet.containers.start import start_container
from runner.kubelet.images.pullqueue import PullTicket
from runner.kubelet.loop.context import PodContext
from runner.kubelet.loop.retrytext import retry_text
from runner.kubelet.loop.tasks import Task
from runner.kubelet.loop.troubles import ENDLESS, SANDBOX

REQUEUE_SECONDS = 10
"""When a sync that failed for no back-off's reason is tried again (pod_workers.go backOffPeriod, without its jitter)."""
KEPT_INSTANCES = 1
"""Dead instances of a container that stay beside a new one (kuberuntime_gc.go, maxPerPodContainer)."""


class SyncOutcome(Struct):
    """What a sync did. ``ready_at``: the earliest end of a back-off that held something. ``failed``: something else did.

    ``may_pass``: that was the Engine, which may do better in a moment.
    """

    acted: bool = False
    failed: bool = False
    may_pass: bool = False
    ready_at: datetime | None = None
    gave_up: str = ""
    fresh_failure: bool = False
    sandbox_id: str = ""

    def held_until(self, instant: datetime) -> None:
        self.ready_at = instant if self.ready_at is None else min(self.ready_at, instant)


def run_sync(context: PodContext, plan: Plan, queue: PullTicket) -> Task[SyncOutcome]:
    """Do what the plan says, in its order."""
    outcome = SyncOutcome(sandbox_id=plan.sandbox_id)
    for operation in plan.operations:
        match operation.kind:
            case OperationKind.HOLD if operation.is_held(context.now()):
                _hold(context, operation, outcome)
            case OperationKind.START | OperationKind.HOLD:
                if not (yield from _start(context, operation, outcome, queue)):
                    return outcome
            case OperationKind.KILL_POD:
                if plan.actions.create_sandbox and plan.sandbox_id:
                    text = "Pod sandbox changed, it will be killed and re-created."
                    context.event(normal(EventReason.SANDBOX_CHANGED, text))
                yield from kill_pod(context)
                outcome.acted = True
            case OperationKind.CREATE_SANDBOX:
                if not (yield from _create_sandbox(context, operation, outcome)):
                    return outcome
            case OperationKind.KILL:
                yield from _kill(context, operation)
                outcome.acted = True
            case OperationKind.REMOVE:
                yield from _remove(context, operation)
                outcome.acted = True
            case OperationKind.GIVE_UP:
                outcome.gave_up = operation.target
                return outcome
    return outcome


def _create_sandbox(context: PodContext, operation: Operation, outcome: SyncOutcome) -> Task[bool]:
    assert operation.attempt is not None
    try:
        outcome.sandbox_id = yield from create_sandbox(context, operation.attempt)
    except EngineRefusal as error:
        text = f"Failed to create pod sandbox: {error.message}"
        context.event(warning(EventReason.FAILED_CREATE_SANDBOX, text))
        # Whatever was killed before: nothing has changed that would make the next attempt go better at once.
        outcome.failed, outcome.acted, outcome.may_pass = True, False, error.recoverable
        if not error.recoverable:
            context.troubles.failed(SANDBOX, EventReason.FAILED_CREATE_SANDBOX, error.message)
        return False
    context.troubles.is_over(SANDBOX)
    _remember(context, operation)
    # The new one may have been seen already, if something happened while it was being made.
    for old in context.observed.sandboxes:
        if old.id != outcome.sandbox_id:
            context.engine.of(container=SANDBOX_CONTAINER, attempt=old.attempt).remove_container(old.id)
    outcome.acted = True
    # PodReadyToStartContainers is published before any image is pulled.
    context.look()
    context.publish()
    return True


def _kill(context: PodContext, operation: Operation) -> Task[None]:
    record = context.observed.by_id(operation.container_id)
    assert record is not None
    container = context.pod.container(operation.target)
    probe = container.probe(operation.probe) if container is not None and operation.probe is not None else None
    yield from kill_container(context, record, operation.message, grace=grace_period(context.pod, probe))


def _remove(context: PodContext, operation: Operation) -> Task[None]:
    record = context.observed.by_id(operation.container_id)
    if record is None:
        return
    if operation.running:
        yield from kill_container(context, record, operation.message, grace=0)
    _remember(context, operation)
    context.reasons.pop(record.name, None)
    remove_instance(context, record)


def remove_instance(context: PodContext, record: ContainerRecord) -> None:
    """Remove one instance, after its logs have been read to the end."""
    container = context.pod.container(record.name)
    context.tell(
        AttemptEnding(
            ref=context.ref,
            container=record.name,
            is_init=container is not None and container.is_init,
            attempt=record.attempt,
            container_id=record.id,
        )
    )
    context.engine.of(container=record.name, attempt=record.attempt).remove_container(record.id)
    forget(context, record.id)


def _remember(context: PodContext, operation: Operation) -> None:
    if operation.again is not None:
        context.crashes[operation.again[0]] = operation.again[1]
    if operation.remember is None:
        return
    key, entry = operation.remember
    context.crashes[key] = entry
    if operation.at_once:
        _announce_retry(context, operation)


def _hold(context: PodContext, operation: Operation, outcome: SyncOutcome) -> None:
    """A start that back-off holds: the waiting reason, the event, and when to look again."""
    assert operation.ready_at is not None
    outcome.held_until(operation.ready_at)
    if operation.target == SANDBOX_CONTAINER:
        _hold_sandbox(context, operation)
        return
    container = _container(context, operation.target)
    context.event(crash_loop_event(context.pod.full_name, container.name), container)
    context.reasons[container.name] = StartFailure(
        reason=WaitingReason.CRASH_LOOP_BACK_OFF,
        message=crash_loop_message(context.pod.full_name, container.name, operation.delay),
    )
    _announce_retry(context, operation)


def _hold_sandbox(context: PodContext, operation: Operation) -> None:
    """A sandbox that was made anew too often: the event, and when the next one comes."""
    context.event(warning(EventReason.BACK_OFF, f"Back-off re-creating the sandbox of pod {context.pod.full_name}"))
    seconds = format_duration(round(operation.delay / context.options.speed, 3))
    context.tell(
        RetryScheduled(
            at=context.now(),
            ref=context.ref,
            container="",
            text=f"{operation.cause}; back-off {seconds}, then a new sandbox",
            next_attempt_at=operation.ready_at,
        )
    )


def _announce_retry(context: PodContext, operation: Operation) -> None:
    """Say that something runs again: why, when, and in which scope."""
    text, note = retry_text(context, _container(context, operation.target), operation)
    context.tell(
        RetryScheduled(
            at=context.now(),
            ref=context.ref,
            container=operation.target,
            text=text,
            next_attempt_at=operation.ready_at,
            note=note,
        )
    )


def _container(context: PodContext, name: str) -> Container:
    pod = context.pod
    return pod.container(name) or next(c for c in pod.ephemeral_containers if c.name == name)


def _start(context: PodContext, operation: Operation, outcome: SyncOutcome, queue: PullTicket) -> Task[bool]:
    """Start a container. Returns whether the sync goes on."""
    container = _container(context, operation.target)
    assert operation.attempt is not None
    _remember(context, operation)
    sandbox_id = outcome.sandbox_id
    result = yield from start_container(
        context, container, attempt=operation.attempt, sandbox_id=sandbox_id, queue=queue
    )
    if result.failure is None:
        context.troubles.is_over(container.name)
        context.reasons.pop(container.name, None)
        outcome.acted = True
        for record in context.observed.instances(container.name)[KEPT_INSTANCES:]:
            remove_instance(context, record)
        return True
    if result.failure.reason in ENDLESS and not result.may_pass:
        context.troubles.failed(container.name, result.failure.reason, result.failure.message)
    outcome.fresh_failure |= context.reasons.get(container.name) != result.failure
    context.reasons[container.name] = result.failure
    if result.failure.reason == WaitingReason.POST_START_HOOK_ERROR:
        yield from _kill_after_hook(context, container)
        outcome.acted = True
    elif result.failure.reason == WaitingReason.RUN_CONTAINER_ERROR:
        # What the runtime could not start has ended, and back-off looks at that; what the Engine did not even try has not.
        context.look()
        latest = context.observed.latest(container.name)
        outcome.acted = latest is None or latest.state is not RuntimeState.CREATED
        outcome.may_pass |= not outcome.acted
    if result.ready_at is not None:
        outcome.held_until(result.ready_at)
    else:
        outcome.failed = True
        outcome.may_pass |= result.may_pass
    return not container.is_regular_init


def _kill_after_hook(context: PodContext, container: Container) -> Task[None]:
    context.look()
    record = context.observed.latest(container.name)
    if record is not None:
        yield from kill_container(context, record, EventReason.FAILED_POST_START_HOOK)
