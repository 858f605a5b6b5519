"""Creates a pod's sandbox with all its volumes. Mirrors kuberuntime_sandbox.go and the Docker shim's RunPodSandbox."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from runner.core.container.containerconfig import ContainerConfig
from runner.core.container.messages import MESSAGES
from runner.core.container.sandboxconfig import sandbox_config
from runner.core.labels import PREPARED, SANDBOX_CONTAINER, volume_name
from runner.core.model import Pod
from runner.core.network.clusterdns import ZONE
from runner.core.objects import ConfigError
from runner.core.sync.operations import CreateSandbox, Start
from runner.core.volumes import VolumePlan, volumes_archive
from runner.engine.creating import create
from runner.engine.localvolumes import sibling
from runner.engine.protocol import Engine
from runner.errors import EngineError, EngineRefusal, NotFound
from runner.kubelet.loop.lanes import Lane
from runner.kubelet.loop.making import Making
from runner.kubelet.loop.tasks import Task, Wait
from runner.kubelet.network.zonefile import write_zone, zone_directory
from runner.kubelet.volumes.fsgroup import give_locally
from runner.kubelet.volumes.local import set_up_locally
from runner.kubelet.volumes.sharing import fill_shared
from runner.sandbox.image import sandbox_image

if TYPE_CHECKING:
    from runner.kubelet.loop.context import PodContext


def sandbox_reference(engine: Engine, override: str) -> str:
    """The sandbox image's reference, imported into the Engine if it is not there yet."""
    if override:
        return override
    image = sandbox_image(engine.architecture())
    try:
        engine.inspect_image(image.reference)
    except NotFound:
        engine.import_image(image.reference, image.rootfs, changes=image.changes)
    return image.reference


@dataclass(slots=True, kw_only=True)
class SandboxCreation:
    """One sandbox being made. ``id`` is known as soon as it is created; ``run`` blocks until it is ready.

    One that did not become ready lacks content of its volumes: it goes again, and must not be used if it stays.
    """

    engine: Engine
    pod: Pod
    attempt: int
    image: str
    volumes: tuple[VolumePlan, ...]
    owner: str
    now: Callable[[], datetime]
    making: Making
    is_prepared: bool = False
    zone: Callable[[Pod], str] = lambda _: ""
    on_created: Callable[[], None] = lambda: None
    id: str = ""

    def run(self) -> str:
        """Create the sandbox and with it the volumes, start it, fill the volumes. Returns its id. Raises EngineError."""
        config = self._config()
        if self.is_prepared:
            config = replace(config, labels={**config.labels, PREPARED: "1"})
        with self.making.one():
            self.id = create(self.engine, config)
            self.on_created()
            try:
                self._make_ready()
            except EngineError:
                with suppress(EngineError):  # Whoever removes the pod meets it again.
                    self.engine.remove_container(self.id)
                raise
        return self.id

    def _make_ready(self) -> None:
        engine = self.engine
        engine.start_container(self.id)
        # tmpfs volumes exist only while something that mounts them runs, so everything is filled after the start.
        own = zone_directory(engine, self.pod)
        plans = tuple(plan for plan in self.volumes if not self._is_filled(plan, own))
        # Each upload costs the Engine a process: the zone goes with the volumes, and what can be written here is.
        zone = self.zone(self.pod)
        if zone and write_zone(own, zone):
            zone = ""
        archive = volumes_archive(plans, self.now(), {ZONE: zone} if zone else {})
        if archive is not None:
            engine.upload(self.id, "/", archive)

    def _config(self) -> ContainerConfig:
        """What the sandbox is created from. Raises EngineError for what cannot be had here."""
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
        """Whether a volume needs nothing put into it: it has its content from before, or each container brings its own.

        ``own`` is the directory of the pod's messages, where that is here.
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


def create_sandbox(context: PodContext, operation: CreateSandbox, following: Start | None) -> Task[str]:
    """Have the sandbox of this attempt: the one that was begun ahead, or a new one. Raises EngineError.

    ``following`` is what starts in it first: it is prepared meanwhile.
    """
    attempt = operation.attempt
    ahead, context.ahead = context.ahead, None
    if ahead is not None and ahead[0].attempt == attempt:
        creation, job = ahead
    else:
        creation = SandboxCreation(
            engine=context.engine.of(container=SANDBOX_CONTAINER, attempt=attempt),
            pod=context.pod,
            attempt=attempt,
            image=context.sandbox_image,
            volumes=context.volumes,
            owner=context.owner,
            now=context.now,
            making=context.making,
            zone=context.zone,
        )
        job = context.jobs.submit(creation.run, Lane.BEGIN)
    context.restarts.begin(SANDBOX_CONTAINER, attempt)
    if context.prefetcher is not None:
        creation.on_created = context.wake
        if not (creation.id or job.done):
            yield Wait(ready=lambda: bool(creation.id) or job.done)
        if creation.id:
            context.observer.reveal(creation.id)
            if following is not None:
                context.prefetcher.begin(following, creation.id)
    if not job.done:
        yield Wait(ready=lambda: job.done)
    try:
        sandbox_id = job.result()
    except EngineError:
        if creation.id:
            context.observer.spoil(creation.id)
        raise
    context.observer.reveal(sandbox_id)
    # Whoever takes the pod over takes one that is not noted for half made.
    context.note_attempt(SANDBOX_CONTAINER, attempt)
    return sandbox_id
