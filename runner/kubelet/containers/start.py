"""Starts one container: image, configuration, creation, start, postStart. Mirrors kuberuntime_container.go (startContainer)."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from runner.clock import Clock
from runner.core.model import Container
from runner.core.narration import AttemptStarted
from runner.core.objects import ConfigError
from runner.core.reasons import EventReason, WaitingReason, normal, start_failed, warning
from runner.core.status.containerstatus import StartFailure
from runner.core.sync.outcome import StartResult
from runner.core.sync.pulling import Refuse
from runner.engine.protocol import Engine
from runner.errors import EngineRefusal
from runner.kubelet.containers.creation import Creator
from runner.kubelet.containers.hooks import Hooks
from runner.kubelet.containers.managedfiles import ManagedFiles
from runner.kubelet.containers.prefetch import Prefetcher
from runner.kubelet.images.imagevolumes import ImageVolumes
from runner.kubelet.images.manager import ImageManager
from runner.kubelet.loop.jobs import Jobs, run_job
from runner.kubelet.loop.lanes import Lane
from runner.kubelet.loop.making import Making
from runner.kubelet.loop.observer import Observer
from runner.kubelet.loop.reporter import Reporter
from runner.kubelet.loop.restarts import Restarts
from runner.kubelet.loop.secrecy import Secrets
from runner.kubelet.loop.tasks import Task

if TYPE_CHECKING:
    from runner.kubelet.loop.standstill import Standstill

_CREATED = normal(EventReason.CREATED, "Container created")
_STARTED = normal(EventReason.STARTED, "Container started")


@dataclass(frozen=True, slots=True, kw_only=True)
class Starter:
    """Starts the containers of one pod."""

    observer: Observer
    engine: Engine
    clock: Clock
    jobs: Jobs
    making: Making
    reporter: Reporter
    restarts: Restarts
    secrets: Secrets
    images: ImageManager
    image_volumes: ImageVolumes
    creator: Creator
    prefetcher: Prefetcher
    managed_files: ManagedFiles
    hooks: Hooks
    standstill: Standstill | None = None

    def start(self, container: Container, *, attempt: int, sandbox_id: str) -> Task[StartResult]:
        """Start a container. An expected failure is a result, and its events are recorded."""
        name, event = container.name, self.reporter.event
        created = yield from self._created(container, attempt, sandbox_id)
        if isinstance(created, StartResult):
            return created
        standstill = self.standstill
        try:
            self.restarts.note_attempt(name, attempt)
            event(_CREATED, container)
            if standstill is not None and (yield from self._stands_created(standstill, name, attempt, created)):
                return StartResult(name=name)
            if not container.is_ephemeral:
                self.prefetcher.begin_after(name, attempt, sandbox_id)
            self.managed_files.write(sandbox_id)
            yield from run_job(self.jobs, partial(self._start, name, attempt, created), Lane.START)
        except EngineRefusal as error:
            return self._failed(container, WaitingReason.RUN_CONTAINER_ERROR, error.message, may_pass=error.recoverable)
        finally:
            self.observer.started(created, name, attempt)
        event(_STARTED, container)
        self._announce(container, attempt, created)
        if standstill is not None and (yield from self._stands_running(standstill, name, attempt, created)):
            return StartResult(name=name)
        if container.post_start is None:
            return StartResult(name=name)
        hook_error = yield from self.hooks.run_post_start(container, created)
        if hook_error is None:
            return StartResult(name=name)
        event(warning(EventReason.FAILED_POST_START_HOOK, "PostStartHook failed"), container)
        failure = StartFailure(reason=WaitingReason.POST_START_HOOK_ERROR, message=hook_error)
        return StartResult(name=name, failure=failure)

    @staticmethod
    def _stands_created(standstill: Standstill, name: str, attempt: int, container_id: str) -> Task[bool]:
        """Stand still if that is asked for. Returns whether the attempt is over without a start."""
        from runner.core.faults.breakpoints import Resume
        from runner.core.faults.kinds import Place

        how = yield from standstill.reach(name, attempt, Place.CREATED, container_id)
        return how in (Resume.SKIP, Resume.FAIL)

    def _stands_running(self, standstill: Standstill, name: str, attempt: int, container_id: str) -> Task[bool]:
        """Stand still if that is asked for. Returns whether the attempt is over: it is killed, however it counts."""
        from runner.core.faults.breakpoints import Resume
        from runner.core.faults.kinds import Place

        how = yield from standstill.reach(name, attempt, Place.RUNNING, container_id)
        if how is Resume.CONTINUE:
            return False
        engine = self.engine.of(container=name, attempt=attempt)
        with suppress(EngineRefusal):  # It has ended by itself.
            yield from run_job(self.jobs, partial(engine.kill_container, container_id, "SIGKILL"), Lane.START)
        return True

    def _start(self, name: str, attempt: int, container_id: str) -> None:
        with self.making.one():
            self.engine.of(container=name, attempt=attempt).start_container(container_id)

    def _announce(self, container: Container, attempt: int, container_id: str) -> None:
        self.reporter.tell(
            AttemptStarted(
                at=self.clock.now(),
                ref=self.reporter.ref,
                container=container.name,
                is_init=container.is_init,
                attempt=attempt,
                container_id=container_id,
            )
        )

    def _created(self, container: Container, attempt: int, sandbox_id: str) -> Task[str | StartResult]:
        """Create the container, with the events about its image. Returns its id, or a result when that failed."""
        try:
            refusal = yield from self.image_volumes.fill(container, sandbox_id)
        except EngineRefusal as error:
            text, may_pass = error.message, error.recoverable
            return self._failed(container, WaitingReason.CREATE_CONTAINER_ERROR, text, may_pass=may_pass)
        if refusal is not None:
            return _refused(container, refusal)
        prepared = yield from self.prefetcher.take(container, attempt, sandbox_id)
        if prepared is not None:
            for note in prepared.notes:
                self.reporter.event(note, container)
            return prepared.container_id
        image = yield from self.images.ensure(container)
        if isinstance(image, Refuse):
            return _refused(container, image)
        make = partial(self.creator.create, container, attempt=attempt, sandbox_id=sandbox_id, image=image.details)
        try:
            return (yield from run_job(self.jobs, make, Lane.START))
        except ConfigError as error:
            return self._failed(container, WaitingReason.CREATE_CONTAINER_CONFIG_ERROR, str(error))
        except EngineRefusal as error:
            text, may_pass = error.message, error.recoverable
            return self._failed(container, WaitingReason.CREATE_CONTAINER_ERROR, text, may_pass=may_pass)

    def _failed(self, container: Container, reason: WaitingReason, text: str, *, may_pass: bool = False) -> StartResult:
        """Record the event of a container that could not be created or started, without secret values."""
        text = self.secrets.hide(text)
        self.reporter.event(start_failed(text), container)
        return StartResult(name=container.name, failure=StartFailure(reason=reason, message=text), may_pass=may_pass)


def _refused(container: Container, refusal: Refuse) -> StartResult:
    failure = StartFailure(reason=refusal.reason, message=refusal.message)
    return StartResult(name=container.name, failure=failure, ready_at=refusal.ready_at)
