"""Has a container's image present before the container is created. Mirrors pkg/kubelet/images/image_manager.go."""

from __future__ import annotations

from msgspec import Struct

from runner.core.images.progress import PullProgress
from runner.core.model import Container, PullPolicy
from runner.core.narration import PullEnded, Pulling
from runner.core.objects import ConfigError
from runner.core.reasons import start_failed
from runner.core.sync.backoff import pull_key
from runner.core.sync.pulling import (
    Presence,
    Pull,
    Refuse,
    Use,
    as_runtimes_say,
    needs_inspection,
    plan_image,
    pull_failed,
    pulled,
)
from runner.engine.protocol import Engine, ImageDetails
from runner.errors import EngineRefusal, ImagePullError, NotFound, PullFailure
from runner.kubelet.images.credentials import pod_keyring, pull_with, registry_auths
from runner.kubelet.images.pullonce import pull_once
from runner.kubelet.images.pullqueue import PullTicket
from runner.kubelet.loop.context import PodContext
from runner.kubelet.loop.jobs import run_job
from runner.kubelet.loop.lanes import Lane
from runner.kubelet.loop.tasks import Task


class ImageReady(Struct, frozen=True, kw_only=True):
    """The image is there."""

    reference: str
    details: ImageDetails


def ensure_image(context: PodContext, container: Container, queue: PullTicket) -> Task[ImageReady | Refuse]:
    """Use, pull or refuse the image, recording the events."""
    image = container.image
    presence = (
        _presence(context.engine.of(container=container.name), image)
        if needs_inspection(container.pull_policy)
        else None
    )
    key = pull_key(context.pod, image)
    entry = context.pulls.get(key)
    step = plan_image(
        image,
        container.pull_policy,
        Presence(present=presence.details is not None, error=presence.error) if presence else None,
        entry,
        context.now(),
        context.backoff,
    )
    for note in step.events:
        context.event(note, container)
    match step:
        case Refuse():
            context.event(start_failed(step.reason), container)
            return step
        case Use(reference=reference):
            assert presence is not None
            assert presence.details is not None
            return ImageReady(reference=reference, details=presence.details)
        case Pull(reference=reference):
            return (yield from _pull(context, container, reference, queue))


class _Found(Struct, frozen=True):
    details: ImageDetails | None
    error: str = ""


def _presence(engine: Engine, image: str) -> _Found:
    try:
        return _Found(engine.inspect_image(image))
    except NotFound:
        return _Found(None)
    except EngineRefusal as error:
        return _Found(None, error.message)


def _pull(context: PodContext, container: Container, reference: str, queue: PullTicket) -> Task[ImageReady | Refuse]:
    image = container.image
    asked_at = context.now()

    def progress(step: PullProgress) -> None:
        context.tell(Pulling(ref=context.ref, container=container.name, image=image, progress=step))

    try:
        keyring = pod_keyring(context)
    except ConfigError as error:
        return _refused(context, container, str(error))
    auths = registry_auths(keyring, image)
    engine = context.engine.of(container=container.name)

    def pull() -> ImageDetails:
        return pull_once(
            engine,
            reference,
            lambda: pull_with(engine, reference, auths, progress),
            locks=context.locks,
            is_wanted_anew=container.pull_policy == PullPolicy.ALWAYS,
        )

    try:
        yield from queue.enter()
        began_at = context.now()
        details = yield from run_job(context.jobs, pull, Lane.PULL)
    except (ImagePullError, NotFound) as error:
        if isinstance(error, ImagePullError) and error.kind in (PullFailure.UNAVAILABLE, PullFailure.OTHER):
            context.troubles.may_pass(container.name)
        is_missing = isinstance(error, NotFound) or error.kind is PullFailure.NOT_FOUND
        return _refused(context, container, as_runtimes_say(error.message, is_missing=is_missing))
    finally:
        queue.leave()
        context.tell(PullEnded(ref=context.ref, container=container.name, image=image))
    now = context.now()
    note = pulled(
        image,
        pulling=(now - began_at).total_seconds(),
        including_waiting=(now - asked_at).total_seconds(),
        size=details.size,
    )
    context.event(note, container)
    return ImageReady(reference=reference, details=details)


def _refused(context: PodContext, container: Container, error: str) -> Refuse:
    """A failed pull: its events, and the back-off from now on."""
    image, key = container.image, pull_key(context.pod, container.image)
    refused, context.pulls[key] = pull_failed(image, error, context.pulls.get(key), context.now(), context.backoff)
    for note in refused.events:
        context.event(note, container)
    context.event(start_failed(refused.reason), container)
    return refused
