"""Makes a container's image present before the container is created. Mirrors pkg/kubelet/images/image_manager.go."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import partial
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from runner.clock import Clock
from runner.core.images.images import InvalidReference
from runner.core.images.progress import PullProgress
from runner.core.images.pullsecrets import make_keyring
from runner.core.model import Container, Json, PullPolicy
from runner.core.narration import PullEnded, Pulling
from runner.core.objects import ConfigError
from runner.core.reasons import Note, start_failed
from runner.core.sync.backoff import BackoffEntry, BackoffSettings, pull_key
from runner.core.sync.pulling import (
    ImageStep,
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
from runner.engine.protocol import Engine, ImageDetails, RegistryAuth
from runner.errors import EngineRefusal, ImagePullError, NotFound, PullFailure
from runner.kubelet.images.credentials import pull_with, registry_auths
from runner.kubelet.images.pullonce import pull_once
from runner.kubelet.images.pullqueue import PullTicket
from runner.kubelet.loop.jobs import Jobs, run_job
from runner.kubelet.loop.lanes import Lane
from runner.kubelet.loop.podcache import PodCache
from runner.kubelet.loop.reporter import Reporter
from runner.kubelet.loop.tasks import Task
from runner.kubelet.loop.troubles import Troubles
from runner.registry.contract import Registry

_FRESH_SECONDS = 10.0
"""For how long a look at an image also serves another container of the pod, ahead of its turn."""


class ImageReady(Struct, frozen=True, kw_only=True):
    """The image is there."""

    reference: str
    details: ImageDetails


class ImageAhead(Struct, frozen=True, kw_only=True):
    """Blocking work that checks an image, and the lane in which it runs. Raises EngineError when the image is not usable.

    It returns the image, and the events to record when the container's turn has come.
    """

    lane: Lane
    work: Callable[[], tuple[ImageDetails, tuple[Note, ...]]]


class ImageManager:
    """The images of one pod's containers. It remembers which pulls have failed, and how long each has to back off."""

    def __init__(
        self,
        cache: PodCache,
        engine: Engine,
        registry: Registry,
        reporter: Reporter,
        jobs: Jobs,
        clock: Clock,
        *,
        settings: BackoffSettings,
        troubles: Troubles,
        ticket: PullTicket,
        locks: Path | None,
    ) -> None:
        """``ticket`` is the pod's place in the node's queue; ``locks`` a directory that processes share, or None."""
        self._cache = cache
        self._engine = engine
        self._registry = registry
        self._reporter = reporter
        self._jobs = jobs
        self._clock = clock
        self._settings = settings
        self._troubles = troubles
        self._ticket = ticket
        self._locks = locks
        self._pulls: dict[tuple[str, ...], BackoffEntry] = {}
        self._hurried: set[tuple[str, ...]] = set()
        """Whose next pull need not wait."""
        self._seen: dict[str, tuple[float, ImageDetails]] = {}

    def hurry(self) -> None:
        """What could not be pulled is tried again without a wait; it counts as it would have."""
        self._hurried.update(self._pulls)

    def stood(self, by: timedelta) -> None:
        """The pod stood still for so long: no back-off counts that."""
        for key, entry in self._pulls.items():
            self._pulls[key] = replace(entry, updated_at=entry.updated_at + by)

    @property
    def has_failed(self) -> bool:
        """Whether any pull for this pod has failed so far."""
        return bool(self._pulls)

    def ahead(self, container: Container, engine: Engine) -> ImageAhead | None:
        """Work that checks a present image before the container's turn and records no event. None: it has to wait."""
        image, pod = container.image, self._cache.pod
        if pull_key(pod, image) in self._pulls:
            return None
        try:
            auths = self._auths(image)
        except (ConfigError, InvalidReference):
            return None
        there = Presence(present=True)
        step = plan_image(image, container.pull_policy, there, None, self._clock.now(), self._settings)
        lane = Lane.PULL if isinstance(step, Pull) else Lane.PREPARE
        return ImageAhead(lane=lane, work=partial(self._look_ahead, engine, image, step, auths))

    def _look_ahead(
        self, engine: Engine, image: str, step: ImageStep, auths: Sequence[RegistryAuth | None]
    ) -> tuple[ImageDetails, tuple[Note, ...]]:
        details, notes = self._seen_lately(image) or engine.inspect_image(image), step.events
        if isinstance(step, Pull):
            began = self._clock.steady()
            pull_with(engine, step.reference, auths, _ignore)
            details = engine.inspect_image(step.reference)
            took = self._clock.steady() - began
            notes = (*notes, pulled(image, pulling=took, including_waiting=took, size=details.size))
        self._seen[image] = (self._clock.steady(), details)
        return details, notes

    def _seen_lately(self, image: str) -> ImageDetails | None:
        """The image as it was seen a moment ago for another container of the pod."""
        at, details = self._seen.get(image, (None, None))
        return None if at is None or self._clock.steady() - at > _FRESH_SECONDS else details

    def _auths(self, image: str) -> Sequence[RegistryAuth | None]:
        """Credentials for the image's registry from the pod's current pull secrets. Raises ConfigError, InvalidReference."""
        return registry_auths(make_keyring(self._cache.pod, self._lookup), image)

    def _lookup(self, kind: str, name: str) -> Json | None:
        return self._registry.get(kind, self._cache.pod.namespace, name)

    def ensure(self, container: Container) -> Task[ImageReady | Refuse]:
        """Use, pull or refuse the image, and record the events."""
        image = container.image
        engine = self._engine.of(container=container.name)
        presence = _presence(engine, image) if needs_inspection(container.pull_policy) else None
        step = plan_image(
            image,
            container.pull_policy,
            Presence(present=presence.details is not None, error=presence.error) if presence else None,
            self._awaited(pull_key(self._cache.pod, image)),
            self._clock.now(),
            self._settings,
        )
        for note in step.events:
            self._reporter.event(note, container)
        match step:
            case Refuse():
                self._reporter.event(start_failed(step.reason), container)
                return step
            case Use(reference=reference):
                assert presence is not None
                assert presence.details is not None
                return ImageReady(reference=reference, details=presence.details)
            case Pull(reference=reference):
                return (yield from self._pull(container, engine, reference))

    def _awaited(self, key: tuple[str, ...]) -> BackoffEntry | None:
        """The back-off that the next pull of an image has to wait for."""
        if key in self._hurried:
            self._hurried.discard(key)
            return None
        return self._pulls.get(key)

    def _pull(self, container: Container, engine: Engine, reference: str) -> Task[ImageReady | Refuse]:
        image, ref, tell = container.image, self._reporter.ref, self._reporter.tell
        asked = self._clock.steady()

        def progress(step: PullProgress) -> None:
            tell(Pulling(ref=ref, container=container.name, image=image, progress=step))

        try:
            auths = self._auths(image)
        except ConfigError as error:
            return self._refused(container, str(error))

        def pull() -> ImageDetails:
            return pull_once(
                engine,
                reference,
                lambda: pull_with(engine, reference, auths, progress),
                locks=self._locks,
                is_wanted_anew=container.pull_policy == PullPolicy.ALWAYS,
            )

        try:
            yield from self._ticket.enter()
            began = self._clock.steady()
            details = yield from run_job(self._jobs, pull, Lane.PULL)
        except (ImagePullError, NotFound) as error:
            if isinstance(error, ImagePullError) and error.kind in (PullFailure.UNAVAILABLE, PullFailure.OTHER):
                self._troubles.may_pass(container.name)
            is_missing = isinstance(error, NotFound) or error.kind is PullFailure.NOT_FOUND
            return self._refused(container, as_runtimes_say(error.message, is_missing=is_missing))
        finally:
            self._ticket.leave()
            tell(PullEnded(ref=ref, container=container.name, image=image))
        now = self._clock.steady()
        note = pulled(
            image,
            pulling=now - began,
            including_waiting=now - asked,
            size=details.size,
        )
        self._reporter.event(note, container)
        return ImageReady(reference=reference, details=details)

    def _refused(self, container: Container, error: str) -> Refuse:
        """Handle a failed pull: record its events and begin the back-off."""
        image, key = container.image, pull_key(self._cache.pod, container.image)
        before = self._pulls.get(key)
        refused, self._pulls[key] = pull_failed(image, error, before, self._clock.now(), self._settings)
        for note in refused.events:
            self._reporter.event(note, container)
        self._reporter.event(start_failed(refused.reason), container)
        return refused


def _ignore(progress: PullProgress) -> None:
    """Ignore progress: nobody watches the pull of an image that is there already."""


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
