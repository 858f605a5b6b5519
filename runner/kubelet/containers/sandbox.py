"""Creates a pod's sandbox with all its volumes. Mirrors kuberuntime_sandbox.go and the Docker shim's RunPodSandbox."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from runner.clock import Clock
from runner.core.container.containerconfig import ContainerConfig
from runner.core.container.messages import MESSAGES
from runner.core.container.sandboxconfig import sandbox_config
from runner.core.labels import SANDBOX_CONTAINER, volume_name
from runner.core.model import Pod
from runner.core.network.clusterdns import ZONE
from runner.core.objects import ConfigError
from runner.core.sync.operations import CreateSandbox, Start
from runner.core.volumes import VolumePlan, volumes_archive
from runner.engine.creating import create
from runner.engine.localvolumes import sibling
from runner.engine.protocol import Engine
from runner.errors import EngineError, EngineRefusal
from runner.kubelet.containers.prefetch import Prefetcher
from runner.kubelet.loop.jobs import Job, Jobs
from runner.kubelet.loop.lanes import Lane
from runner.kubelet.loop.making import Making
from runner.kubelet.loop.podcache import PodCache
from runner.kubelet.loop.restarts import Restarts
from runner.kubelet.loop.tasks import Task, Wait
from runner.kubelet.network.zonefile import write_zone, zone_directory
from runner.kubelet.volumes.fsgroup import give_locally
from runner.kubelet.volumes.local import set_up_locally
from runner.kubelet.volumes.planning import Plans
from runner.kubelet.volumes.sharing import fill_shared

Zone = Callable[[Pod], str]
"""The cluster's zone as text, for the resolver of a pod's sandbox; "" where nobody maintains one."""


def NO_ZONE(_: Pod) -> str:  # noqa: N802 - a value
    return ""


@dataclass(slots=True, kw_only=True)
class SandboxCreation:
    """One sandbox being made. ``id`` is known as soon as it is created; ``run`` blocks until it is ready.

    A sandbox that did not become ready lacks content of its volumes: it is removed, and must not be used if that fails.
    """

    engine: Engine
    pod: Pod
    attempt: int
    image: str
    volumes: tuple[VolumePlan, ...]
    owner: str
    now: Callable[[], datetime]
    making: Making
    is_ahead: bool = False
    zone: Zone = NO_ZONE
    id: str = ""
    _on_created: Callable[[], None] = lambda: None

    def call_when_created(self, callback: Callable[[], None]) -> None:
        """Call this as soon as ``id`` is known, at once if it is known already."""
        self._on_created = callback

    def run(self) -> str:
        """Create the sandbox and with it the volumes, start it, fill the volumes. Returns its id. Raises EngineError."""
        config = self._config()
        with self.making.one():
            self.id = create(self.engine, config.ahead if self.is_ahead else config)
            self._on_created()
            try:
                self._make_ready()
            except EngineError:
                with suppress(EngineError):  # The removal of the pod finds it again.
                    self.engine.remove_container(self.id)
                raise
        return self.id

    def _make_ready(self) -> None:
        engine = self.engine
        engine.start_container(self.id)
        # tmpfs volumes exist only while something that mounts them runs, so everything is filled after the start.
        own = zone_directory(engine, self.pod)
        plans = tuple(plan for plan in self.volumes if not self._is_filled(plan, own))
        # Each upload costs the Engine a process: the zone goes along with the volumes, and files that this process can write
        # need no upload.
        zone = self.zone(self.pod)
        if zone and write_zone(own, zone):
            zone = ""
        archive = volumes_archive(plans, self.now(), {ZONE: zone} if zone else {})
        if archive is not None:
            engine.upload(self.id, "/", archive)

    def _config(self) -> ContainerConfig:
        """The sandbox's configuration. Raises EngineError for what this Engine cannot provide."""
        if self.pod.spec.get("hostUsers") is False and "userns" not in self.engine.info().confinement:
            hint = "start dockerd with --userns-remap"
            raise EngineRefusal("user namespaces is not supported by the runtime", hint=hint)
        try:
            return sandbox_config(
                self.pod, attempt=self.attempt, image=self.image, volumes=self.volumes, owner=self.owner
            )
        except ConfigError as error:
            raise EngineRefusal(str(error)) from error

    def _is_filled(self, plan: VolumePlan, own: Path | None) -> bool:
        """Whether a volume needs no upload: it has its content already, or each container brings its own.

        ``own`` is the directory of the pod's termination messages, if it lies on this machine.
        """
        if plan.name == MESSAGES:
            return own is not None
        if plan.is_shared:
            return fill_shared(self.engine, plan)
        if plan.keep and plan.group is not None and self.attempt == 0:
            return give_locally(self.engine, plan)
        if plan.keep:
            return self.attempt > 0
        return set_up_locally(plan, sibling(own, volume_name(self.pod, MESSAGES), plan.source))


@dataclass(frozen=True, slots=True)
class Begun:
    """A sandbox that is being made, or is made."""

    creation: SandboxCreation
    job: Job[str]

    @property
    def is_there(self) -> bool:
        """Whether it is created, or never will be because making it failed."""
        return bool(self.creation.id) or self.job.done


class Ahead:
    """The sandbox of one pod that was begun ahead of its turn; it is used once."""

    def __init__(self) -> None:
        self._begun: Begun | None = None

    def put(self, begun: Begun | None) -> None:
        self._begun = begun

    def take(self, attempt: int) -> Begun | None:
        """Take the sandbox of this attempt; from now on there is none."""
        begun, self._begun = self._begun, None
        return begun if begun is not None and begun.creation.attempt == attempt else None

    @property
    def volumes(self) -> tuple[VolumePlan, ...] | None:
        """The pod's volumes as they were planned, their claims bound, when it was begun; None: nothing was begun."""
        return None if self._begun is None else self._begun.creation.volumes


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxMaker:
    """Begins the sandboxes of one pod, in their turn and ahead of it."""

    engine: Engine
    image: str
    owner: str
    clock: Clock
    jobs: Jobs
    making: Making
    zone: Zone = NO_ZONE

    def begin(self, pod: Pod, attempt: int, volumes: tuple[VolumePlan, ...], *, is_ahead: bool = False) -> Begun:
        creation = SandboxCreation(
            engine=self.engine.of(container=SANDBOX_CONTAINER, attempt=attempt),
            pod=pod,
            attempt=attempt,
            image=self.image,
            volumes=volumes,
            owner=self.owner,
            now=self.clock.now,
            making=self.making,
            is_ahead=is_ahead,
            zone=self.zone,
        )
        return Begun(creation, self.jobs.submit(creation.run, Lane.BEGIN))


@dataclass(frozen=True, slots=True)
class Sandboxes:
    """Carries out what is decided about the sandbox of one pod. ``wake`` wakes its worker."""

    cache: PodCache
    restarts: Restarts
    maker: SandboxMaker
    ahead: Ahead
    plans: Plans
    prefetcher: Prefetcher
    wake: Callable[[], None]

    def create(self, operation: CreateSandbox, following: Start | None) -> Task[str]:
        """Make the sandbox of this attempt, or use the one that was begun ahead. Raises EngineError.

        ``following`` is the container that starts in it first; it is prepared meanwhile.
        """
        attempt, observer = operation.attempt, self.cache.observer
        begun = self.ahead.take(attempt) or self.maker.begin(self.cache.pod, attempt, self.plans())
        creation, job = begun.creation, begun.job
        self.restarts.begin(SANDBOX_CONTAINER, attempt)
        creation.call_when_created(self.wake)
        if not begun.is_there:
            yield Wait(ready=lambda: begun.is_there)
        if creation.id:
            observer.reveal(creation.id)
            observer.suspect(creation.id, SANDBOX_CONTAINER, attempt)
            if following is not None:
                self.prefetcher.begin(following, creation.id)
        if not job.done:
            yield Wait(ready=lambda: job.done)
        try:
            sandbox_id = job.result()
        except EngineError:
            if creation.id:
                observer.spoil(creation.id, attempt)
            raise
        observer.reveal(sandbox_id)
        observer.started(sandbox_id, SANDBOX_CONTAINER, attempt)
        # A node that takes the pod over takes a sandbox without a record for half made.
        self.restarts.note_attempt(SANDBOX_CONTAINER, attempt)
        return sandbox_id
