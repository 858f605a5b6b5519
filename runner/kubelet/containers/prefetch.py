"""Prepares the next container while the Engine is busy with the one before: it checks the image and creates the container.

A kubelet does these things one after the other. Doing them early changes only the time: events are recorded when the
container's turn comes, observers do not see a prepared container that has not started, and a container that was prepared
too long ago is thrown away. ``decide`` chooses the next container, as it chooses everything, by looking at the world in
which the one before has succeeded. Only a container whose configuration depends on its manifest alone is prepared, and
only from an image that is there; everything else, and everything that fails, goes the ordinary way.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial

from msgspec import Struct

from runner.clock import Clock
from runner.core.model import Container
from runner.core.objects import ConfigError
from runner.core.observed import ProbeResults
from runner.core.reasons import Note
from runner.core.sync.foresight import start_after
from runner.core.sync.operations import Start
from runner.engine.protocol import Engine
from runner.errors import EngineError
from runner.kubelet.containers.creation import Creator
from runner.kubelet.images.manager import ImageAhead, ImageManager
from runner.kubelet.loop.jobs import Job, Jobs
from runner.kubelet.loop.podcache import PodCache
from runner.kubelet.loop.restarts import Restarts
from runner.kubelet.loop.tasks import Task, Wait

FRESH_SECONDS = 10.0
"""How long a prepared container may be used."""


class Prepared(Struct, frozen=True, kw_only=True):
    """A container that only has to be started, and the events about its image."""

    container_id: str
    notes: tuple[Note, ...]
    at: float
    """On the steady clock."""


class _Order(Struct, frozen=True):
    container: Container
    attempt: int
    sandbox_id: str
    job: Job[Prepared]


@dataclass(slots=True)
class Prefetcher:
    """The preparations of one pod."""

    cache: PodCache
    results: ProbeResults
    restarts: Restarts
    images: ImageManager
    creator: Creator
    engine: Engine
    clock: Clock
    jobs: Jobs
    is_on: bool = True
    _orders: dict[str, _Order] = field(default_factory=dict)

    def begin(self, start: Start, sandbox_id: str) -> None:
        """Prepare the container that ``decide`` starts first in the sandbox that is being made."""
        container = self.cache.pod.container(start.target)
        if container is not None:
            self._begin(container, start.attempt, sandbox_id)

    def begin_after(self, name: str, attempt: int, sandbox_id: str) -> None:
        """Prepare the container that starts for the first time once this attempt of another one has succeeded."""
        pod, seen, memory = self.cache.pod, self.cache.observed, self.restarts.memory
        if not self.is_on or len(pod.containers) + len(pod.init_containers) == 1:
            return
        following = start_after(pod, seen, self.results, memory, self.clock.now(), name=name, attempt=attempt)
        if following is not None:
            self.begin(following, sandbox_id)

    def _begin(self, container: Container, attempt: int, sandbox_id: str) -> None:
        if not self.is_on or container.name in self._orders or not _is_static(container) or self.cache.pod.is_deleted:
            return
        image = self.images.ahead(container, self.engine.of(container=container.name, attempt=attempt))
        if image is None:
            return
        job = self.jobs.submit(partial(self._prepare, container, attempt, sandbox_id, image), image.lane)
        self._orders[container.name] = _Order(container, attempt, sandbox_id, job)

    def take(self, container: Container, attempt: int, sandbox_id: str) -> Task[Prepared | None]:
        """Take the container that was prepared for this start; None when there is no usable one."""
        order = self._orders.pop(container.name, None)
        if order is None:
            return None
        if not order.job.done:
            yield Wait(ready=lambda: order.job.done)
        try:
            prepared = order.job.result()
        except (EngineError, ConfigError):
            return None
        age = self.clock.steady() - prepared.at
        wanted = (container, attempt, sandbox_id)
        if (order.container, order.attempt, order.sandbox_id) != wanted or age > FRESH_SECONDS:
            self.engine.of(container=container.name, attempt=attempt).remove_container(prepared.container_id)
            return None
        self.cache.observer.reveal(prepared.container_id)
        return prepared

    def _prepare(self, container: Container, attempt: int, sandbox_id: str, image: ImageAhead) -> Prepared:
        """Check the image and create the container, in a thread. EngineError and ConfigError mean: not prepared."""
        details, notes = image.work()
        made = self.creator.create(container, attempt=attempt, sandbox_id=sandbox_id, image=details, is_ahead=True)
        return Prepared(container_id=made, notes=notes, at=self.clock.steady())


def _is_static(container: Container) -> bool:
    """Whether the container's configuration depends on its manifest alone."""
    manifest = container.manifest
    dynamic = manifest.get("envFrom") or any(entry.get("valueFrom") for entry in manifest.get("env") or ())
    return not dynamic and not any(mount.sub_path_expr or mount.sub_path for mount in container.volume_mounts)
