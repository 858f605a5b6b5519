"""Starts one container: image, configuration, creation, start, postStart. Mirrors kuberuntime_container.go (startContainer)."""

from __future__ import annotations

from datetime import datetime
from functools import partial

from msgspec import Struct

from runner.core.container.containerconfig import ContainerConfig
from runner.core.model import Container
from runner.core.narration import AttemptStarted
from runner.core.objects import ConfigError
from runner.core.reasons import EventReason, WaitingReason, normal, start_failed, warning
from runner.core.status.containerstatus import StartFailure
from runner.core.sync.pulling import Refuse
from runner.engine.creating import create
from runner.engine.protocol import Engine
from runner.errors import EngineRefusal
from runner.kubelet.containers.config import configure
from runner.kubelet.containers.hooks import run_post_start
from runner.kubelet.containers.managedfiles import write_managed_files
from runner.kubelet.containers.termination_messages import make_message_file
from runner.kubelet.images.imagevolumes import fill_image_volumes
from runner.kubelet.images.manager import ImageReady, ensure_image
from runner.kubelet.images.pullqueue import PullTicket
from runner.kubelet.loop.context import PodContext
from runner.kubelet.loop.jobs import run_job
from runner.kubelet.loop.lanes import Lane
from runner.kubelet.loop.tasks import Task

_CREATED = normal(EventReason.CREATED, "Container created")
_STARTED = normal(EventReason.STARTED, "Container started")


class StartResult(Struct, frozen=True, kw_only=True):
    """How a start went.

    ``ready_at`` is the end of the back-off that held it, None when nothing known holds it; ``may_pass``: the Engine failed, and
    may do better in a moment.
    """

    name: str
    failure: StartFailure | None = None
    ready_at: datetime | None = None
    may_pass: bool = False


def start_container(
    context: PodContext, container: Container, *, attempt: int, sandbox_id: str, queue: PullTicket
) -> Task[StartResult]:
    """Start a container; expected failures are results, with their events recorded."""
    name = container.name
    created = yield from _created(context, container, attempt, sandbox_id, queue)
    if isinstance(created, StartResult):
        return created
    context.note_attempt(name, attempt)
    context.event(_CREATED, container)
    if context.prefetcher is not None:
        context.prefetcher.begin_after(name, attempt, sandbox_id)
    try:
        write_managed_files(context, sandbox_id)
        yield from run_job(context.jobs, partial(_start, context, name, attempt, created), Lane.START)
    except EngineRefusal as error:
        text = context.secrets.hide(error.message)
        context.event(start_failed(text), container)
        failure = StartFailure(reason=WaitingReason.RUN_CONTAINER_ERROR, message=text)
        return StartResult(name=name, failure=failure, may_pass=error.recoverable)
    context.event(_STARTED, container)
    _announce(context, container, attempt, created)
    if container.post_start is None:
        return StartResult(name=name)
    hook_error = yield from run_post_start(context, container, created)
    if hook_error is None:
        return StartResult(name=name)
    context.event(warning(EventReason.FAILED_POST_START_HOOK, "PostStartHook failed"), container)
    failure = StartFailure(reason=WaitingReason.POST_START_HOOK_ERROR, message=hook_error)
    return StartResult(name=name, failure=failure)


def _start(context: PodContext, name: str, attempt: int, container_id: str) -> None:
    with context.making.one():
        context.engine.of(container=name, attempt=attempt).start_container(container_id)


def _announce(context: PodContext, container: Container, attempt: int, container_id: str) -> None:
    context.tell(
        AttemptStarted(
            at=context.now(),
            ref=context.ref,
            container=container.name,
            is_init=container.is_init,
            attempt=attempt,
            container_id=container_id,
        )
    )


def _created(
    context: PodContext, container: Container, attempt: int, sandbox_id: str, queue: PullTicket
) -> Task[str | StartResult]:
    """The id of the created container, with the events about its image; a result when it cannot be had."""
    try:
        refusal = yield from fill_image_volumes(context, container, queue, sandbox_id)
    except EngineRefusal as error:
        context.event(start_failed(error.message), container)
        failure = StartFailure(reason=WaitingReason.CREATE_CONTAINER_ERROR, message=error.message)
        return StartResult(name=container.name, failure=failure, may_pass=error.recoverable)
    if refusal is not None:
        failure = StartFailure(reason=refusal.reason, message=refusal.message)
        return StartResult(name=container.name, failure=failure, ready_at=refusal.ready_at)
    if context.prefetcher is not None:
        prepared = yield from context.prefetcher.take(container, attempt, sandbox_id)
        if prepared is not None:
            for note in prepared.notes:
                context.event(note, container)
            return prepared.container_id
    image = yield from ensure_image(context, container, queue)
    if isinstance(image, Refuse):
        failure = StartFailure(reason=image.reason, message=image.message)
        return StartResult(name=container.name, failure=failure, ready_at=image.ready_at)
    return (yield from _create(context, container, image, attempt=attempt, sandbox_id=sandbox_id))


def _make(context: PodContext, engine: Engine, config: ContainerConfig) -> str:
    with context.making.one():
        return create(engine, config)


def _create(
    context: PodContext, container: Container, image: ImageReady, *, attempt: int, sandbox_id: str
) -> Task[str | StartResult]:
    may_pass = False
    try:
        config = configure(context, container, attempt=attempt, sandbox_id=sandbox_id, image=image.details)
        make_message_file(context, container, attempt, sandbox_id)
        engine = context.engine.of(container=container.name, attempt=attempt)
        return (yield from run_job(context.jobs, partial(_make, context, engine, config), Lane.START))
    except ConfigError as error:
        reason, text = WaitingReason.CREATE_CONTAINER_CONFIG_ERROR, str(error)
    except EngineRefusal as error:
        reason, text, may_pass = WaitingReason.CREATE_CONTAINER_ERROR, error.message, error.recoverable
    text = context.secrets.hide(text)
    context.event(start_failed(text), container)
    return StartResult(name=container.name, failure=StartFailure(reason=reason, message=text), may_pass=may_pass)
