"""Carries out one plan, step by step. Mirrors kuberuntime_manager.go (SyncPod): one operation, one thing done.

A regular init container that cannot be started ends the sync; a sidecar or an app container that cannot does not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import assert_never

from runner.clock import Clock
from runner.core.labels import SANDBOX_CONTAINER
from runner.core.model import Container
from runner.core.narration import RetryScheduled
from runner.core.observed import RuntimeState
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
from runner.core.sync.outcome import Aftermath, SyncOutcome
from runner.core.text.times import format_duration
from runner.engine.protocol import Engine
from runner.errors import EngineRefusal
from runner.kubelet.containers.wiring import Containers
from runner.kubelet.loop.podcache import PodCache
from runner.kubelet.loop.reporter import Reporter
from runner.kubelet.loop.restarts import Restarts
from runner.kubelet.loop.status import StatusManager
from runner.kubelet.loop.tasks import Task
from runner.kubelet.loop.troubles import SANDBOX, Troubles
from runner.kubelet.options import WorkerOptions
from runner.kubelet.podworkers.retrytext import retry_text


@dataclass(frozen=True, slots=True, kw_only=True)
class Syncer:
    """Carries out the plans for one pod."""

    cache: PodCache
    statuses: StatusManager
    restarts: Restarts
    reporter: Reporter
    troubles: Troubles
    engine: Engine
    clock: Clock
    containers: Containers
    options: WorkerOptions

    def run(self, plan: Plan) -> Task[SyncOutcome]:
        """Do what the plan says, in its order."""
        outcome = SyncOutcome(sandbox_id=plan.sandbox_id)
        for operation in plan.steps(self.clock.now):
            match operation:
                case Start():
                    if not (yield from self._start(operation, outcome)):
                        return outcome
                case Discard():
                    if not self._discard(operation):
                        outcome.done()
                        return outcome
                case Hold():
                    self._hold(operation, outcome)
                case HoldSandbox():
                    self._hold_sandbox(operation, outcome)
                case KillPod():
                    yield from self._kill_pod(operation)
                    outcome.done()
                case CreateSandbox():
                    if not (yield from self._create_sandbox(operation, plan.first_start, outcome)):
                        return outcome
                case Kill():
                    yield from self._kill(operation)
                    outcome.done()
                case Remove():
                    yield from self._remove(operation)
                    outcome.done()
                case GiveUp():
                    outcome.give_up(operation.target)
                    return outcome
                case _:
                    assert_never(operation)
        return outcome

    def _create_sandbox(self, operation: CreateSandbox, following: Start | None, outcome: SyncOutcome) -> Task[bool]:
        try:
            sandbox_id = yield from self.containers.sandboxes.create(operation, following)
        except EngineRefusal as error:
            text = f"Failed to create pod sandbox: {error.message}"
            self.reporter.event(warning(EventReason.FAILED_CREATE_SANDBOX, text))
            outcome.no_sandbox(may_pass=error.recoverable)
            if not error.recoverable:
                self.troubles.failed(SANDBOX, EventReason.FAILED_CREATE_SANDBOX, error.message)
            return False
        self.troubles.is_over(SANDBOX)
        if operation.again is not None:
            self.restarts.remember(*operation.again)
        for old in operation.replaces:
            self.engine.of(container=SANDBOX_CONTAINER, attempt=old.attempt).remove_container(old.id)
            self.cache.observer.forget(old.id)
        outcome.done(sandbox_id)
        # PodReadyToStartContainers is published before any image is pulled.
        self.cache.look()
        self.statuses.publish()
        return True

    def _kill_pod(self, operation: KillPod) -> Task[None]:
        if operation.message:
            self.reporter.event(normal(EventReason.SANDBOX_CHANGED, operation.message))
        yield from self.containers.killer.kill_pod()

    def _kill(self, operation: Kill) -> Task[None]:
        record = self.cache.observed.by_id(operation.container_id)
        assert record is not None
        yield from self.containers.killer.kill_container(record, operation.message, grace=operation.grace)

    def _remove(self, operation: Remove) -> Task[None]:
        record = self.cache.observed.by_id(operation.container_id)
        if record is None:
            return
        if operation.running:
            yield from self.containers.killer.kill_container(record, "killing", grace=0)
        self.statuses.waits_no_more(record.name)
        self.containers.remover.remove(record, keep=operation.keep)
        self._remember(operation)

    def _discard(self, operation: Discard) -> bool:
        """Remove an instance that is not needed. Returns whether the sync goes on: what runs by now is not removed."""
        container_id = operation.container_id
        record = self.cache.observed.by_id(container_id)
        if record is not None and record.state is RuntimeState.CREATED:
            self.cache.observer.suspect(record.id, record.name, record.attempt)
            self.cache.look()  # A start that was not answered may have come since.
            record = self.cache.observed.by_id(container_id)
            if record is not None and record.state is not RuntimeState.CREATED:
                return False
        if record is not None:
            self.containers.remover.remove(record, keep=operation.keep)
            self.cache.drop(container_id)
        elif container_id in {one.id for one in self.cache.observed.kept}:
            self.containers.remover.drop(operation)
        return True

    def _remember(self, operation: Start | Remove) -> None:
        crash = operation.remember or operation.again
        if crash is not None:
            self.restarts.remember(*crash)
        if operation.at_once:
            self._announce_retry(operation)

    def _hold(self, operation: Hold, outcome: SyncOutcome) -> None:
        """A start that back-off holds: the waiting reason, the event, and when to look again."""
        outcome.held_until(operation.ready_at)
        self.containers.remover.volumes.settle()
        container = self._container(operation.target)
        self.reporter.event(crash_loop_event(self.cache.pod.full_name, container.name), container)
        message = crash_loop_message(self.cache.pod.full_name, container.name, operation.delay)
        failure = StartFailure(reason=WaitingReason.CRASH_LOOP_BACK_OFF, message=message)
        self.statuses.waits(container.name, failure)
        self._announce_retry(operation)

    def _hold_sandbox(self, operation: HoldSandbox, outcome: SyncOutcome) -> None:
        """A sandbox that was made anew too often: the event, and when the next one comes."""
        outcome.held_until(operation.ready_at)
        self.reporter.event(
            warning(EventReason.BACK_OFF, f"Back-off re-creating the sandbox of pod {self.cache.pod.full_name}")
        )
        seconds = format_duration(round(operation.delay / self.options.speed, 3))
        self.reporter.tell(
            RetryScheduled(
                at=self.clock.now(),
                ref=self.reporter.ref,
                container="",
                text=f"{operation.cause}; back-off {seconds}, then a new sandbox",
                next_attempt_at=operation.ready_at,
            )
        )

    def _announce_retry(self, operation: Start | Remove | Hold) -> None:
        """Say that something runs again: why, when, and in which scope."""
        text, note = retry_text(self.cache.pod, self._container(operation.target), operation, self.options)
        self.reporter.tell(
            RetryScheduled(
                at=self.clock.now(),
                ref=self.reporter.ref,
                container=operation.target,
                text=text,
                next_attempt_at=operation.ready_at if isinstance(operation, Hold) else None,
                note=note,
            )
        )

    def _container(self, name: str) -> Container:
        found = self.cache.pod.any_container(name)
        assert found is not None
        return found

    def _start(self, operation: Start, outcome: SyncOutcome) -> Task[bool]:
        """Start a container. Returns whether the sync goes on."""
        container = self._container(operation.target)
        self._remember(operation)
        self.containers.remover.volumes.before_start(container, operation.attempt)
        result = yield from self.containers.starter.start(
            container, attempt=operation.attempt, sandbox_id=outcome.sandbox_id
        )
        if result.failure is None:
            self.troubles.is_over(container.name)
            self.statuses.waits_no_more(container.name)
            outcome.done()
            return True
        if result.is_endless:
            self.troubles.failed(container.name, result.failure.reason, result.failure.message)
        aftermath = outcome.not_started(result, is_news=self.statuses.waits(container.name, result.failure))
        if aftermath is not Aftermath.NOTHING:
            self.cache.look()
            latest = self.cache.observed.latest(container.name)
            if aftermath is Aftermath.LOOK:
                outcome.tried(is_ended=latest is None or latest.state is not RuntimeState.CREATED)
            elif latest is not None:
                yield from self.containers.killer.kill_container(latest, EventReason.FAILED_POST_START_HOOK)
        return not operation.blocks
