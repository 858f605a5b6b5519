"""Carries out one plan, step by step. Mirrors kuberuntime_manager.go (SyncPod): one operation, one thing done.

A regular init container that cannot be started ends the sync; a sidecar or an app container that cannot does not.
"""

from __future__ import annotations

from datetime import datetime
from typing import assert_never

from msgspec import Struct

from runner.core.labels import SANDBOX_CONTAINER
from runner.core.model import Container
from runner.core.narration import AttemptEnding, RetryScheduled
from runner.core.observed import ContainerRecord, RuntimeState
from runner.core.reasons import EventReason, WaitingReason, normal, warning
from runner.core.status.containerstatus import StartFailure
from runner.core.sync.backoff import crash_loop_event, crash_loop_message
from runner.core.sync.decide import Plan
from runner.core.sync.operations import (
    CreateSandbox,
    Discard,
    GiveUp,
    Hold,
    HoldSandbox,
    Kill,
    KillPod,
    Remove,
    Start,
)
from runner.core.sync.termination import grace_period
from runner.core.text.times import format_duration
from runner.errors import EngineRefusal
from runner.kubelet.containers.kill import kill_container, kill_pod
from runner.kubelet.loop.context import PodContext
from runner.kubelet.loop.retrytext import retry_text
from runner.kubelet.loop.tasks import Task
from runner.kubelet.loop.troubles import ENDLESS, SANDBOX

REQUEUE_SECONDS = 10
"""When a sync that failed for no back-off's reason is tried again (pod_workers.go backOffPeriod, without its jitter)."""


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


def run_sync(context: PodContext, plan: Plan) -> Task[SyncOutcome]:
    """Do what the plan says, in its order."""
    outcome = SyncOutcome(sandbox_id=plan.sandbox_id)
    for operation in plan.steps(context.now):
        match operation:
            case Start():
                if not (yield from _start(context, operation, outcome)):
                    return outcome
            case Discard():
                _discard(context, operation.container_id)
            case Hold():
                _hold(context, operation, outcome)
            case HoldSandbox():
                _hold_sandbox(context, operation, outcome)
            case KillPod():
                if operation.message:
                    context.event(normal(EventReason.SANDBOX_CHANGED, operation.message))
                yield from kill_pod(context)
                outcome.acted = True
            case CreateSandbox():
                if not (yield from _create_sandbox(context, operation, plan.first_start, outcome)):
                    return outcome
            case Kill():
                yield from _kill(context, operation)
                outcome.acted = True
            case Remove():
                yield from _remove(context, operation)
                outcome.acted = True
            case GiveUp():
                outcome.gave_up = operation.target
                return outcome
            case _:
                assert_never(operation)
    return outcome


def _create_sandbox(
    context: PodContext, operation: CreateSandbox, following: Start | None, outcome: SyncOutcome
) -> Task[bool]:
    try:
        outcome.sandbox_id = yield from context.containers.sandboxes.create(operation, following)
    except EngineRefusal as error:
        text = f"Failed to create pod sandbox: {error.message}"
        context.event(warning(EventReason.FAILED_CREATE_SANDBOX, text))
        # Whatever was killed before: nothing has changed that would make the next attempt go better at once.
        outcome.failed, outcome.acted, outcome.may_pass = True, False, error.recoverable
        if not error.recoverable:
            context.troubles.failed(SANDBOX, EventReason.FAILED_CREATE_SANDBOX, error.message)
        return False
    context.troubles.is_over(SANDBOX)
    if operation.again is not None:
        context.restarts.remember(*operation.again)
    for old in operation.replaces:
        context.engine.of(container=SANDBOX_CONTAINER, attempt=old.attempt).remove_container(old.id)
        context.observer.forget(old.id)
    outcome.acted = True
    # PodReadyToStartContainers is published before any image is pulled.
    context.look()
    context.publish()
    return True


def _kill(context: PodContext, operation: Kill) -> Task[None]:
    record = context.observed.by_id(operation.container_id)
    assert record is not None
    container = context.pod.container(operation.target)
    probe = container.probe(operation.probe) if container is not None and operation.probe is not None else None
    yield from kill_container(context, record, operation.message, grace=grace_period(context.pod, probe))


def _remove(context: PodContext, operation: Remove) -> Task[None]:
    record = context.observed.by_id(operation.container_id)
    if record is None:
        return
    if operation.running:
        yield from kill_container(context, record, "killing", grace=0)
    _remember(context, operation)
    context.statuses.waits_no_more(record.name)
    remove_instance(context, record)


def _discard(context: PodContext, container_id: str) -> None:
    record = context.observed.by_id(container_id)
    if record is not None:
        remove_instance(context, record)
        context.cache.drop(container_id)


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
    context.observer.forget(record.id)
    context.probes.forget(record.id)


def _remember(context: PodContext, operation: Start | Remove) -> None:
    crash = operation.remember or operation.again
    if crash is not None:
        context.restarts.remember(*crash)
    if operation.at_once:
        _announce_retry(context, operation)


def _hold(context: PodContext, operation: Hold, outcome: SyncOutcome) -> None:
    """A start that back-off holds: the waiting reason, the event, and when to look again."""
    outcome.held_until(operation.ready_at)
    container = _container(context, operation.target)
    context.event(crash_loop_event(context.pod.full_name, container.name), container)
    message = crash_loop_message(context.pod.full_name, container.name, operation.delay)
    failure = StartFailure(reason=WaitingReason.CRASH_LOOP_BACK_OFF, message=message)
    context.statuses.waits(container.name, failure)
    _announce_retry(context, operation)


def _hold_sandbox(context: PodContext, operation: HoldSandbox, outcome: SyncOutcome) -> None:
    """A sandbox that was made anew too often: the event, and when the next one comes."""
    outcome.held_until(operation.ready_at)
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


def _announce_retry(context: PodContext, operation: Start | Remove | Hold) -> None:
    """Say that something runs again: why, when, and in which scope."""
    text, note = retry_text(context, _container(context, operation.target), operation)
    context.tell(
        RetryScheduled(
            at=context.now(),
            ref=context.ref,
            container=operation.target,
            text=text,
            next_attempt_at=operation.ready_at if isinstance(operation, Hold) else None,
            note=note,
        )
    )


def _container(context: PodContext, name: str) -> Container:
    pod = context.pod
    return pod.container(name) or next(c for c in pod.ephemeral_containers if c.name == name)


def _start(context: PodContext, operation: Start, outcome: SyncOutcome) -> Task[bool]:
    """Start a container. Returns whether the sync goes on."""
    container = _container(context, operation.target)
    _remember(context, operation)
    sandbox_id = outcome.sandbox_id
    starter = context.containers.starter
    result = yield from starter.start(container, attempt=operation.attempt, sandbox_id=sandbox_id)
    if result.failure is None:
        context.troubles.is_over(container.name)
        context.statuses.waits_no_more(container.name)
        outcome.acted = True
        return True
    if result.failure.reason in ENDLESS and not result.may_pass:
        context.troubles.failed(container.name, result.failure.reason, result.failure.message)
    outcome.fresh_failure |= context.statuses.waits(container.name, result.failure)
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
