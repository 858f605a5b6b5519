"""Takes pods into the possession of this process: their lock, their record in the store, and a sandbox ahead of time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from runner.clock import Clock, Wakeup
from runner.core.container.nodeadmission import rejection_of
from runner.core.labels import SANDBOX_CONTAINER
from runner.core.model import Json, Pod
from runner.core.volumes import MountError
from runner.engine.protocol import Engine
from runner.errors import AlreadyExists, EngineError, RunnerError
from runner.kubelet.containers.removal import remove_everything
from runner.kubelet.containers.sandbox import SandboxCreation
from runner.kubelet.loop.jobs import Job, Jobs, ThreadJobs
from runner.kubelet.loop.lanes import Lane
from runner.kubelet.loop.making import Making
from runner.kubelet.volumes.planning import prepare_volumes
from runner.registry.admission import create
from runner.registry.contract import Registry
from runner.registry.deletion import forget_pod
from runner.registry.home import Home
from runner.registry.objects import remove_claims
from runner.registry.ownership import PodLock, owner_label
from runner.retry import engine_retry

if TYPE_CHECKING:
    from runner.controllers.control import Controller
    from runner.kubelet.loop.context import PodContext

Spawn = Callable[[Json, "Controller"], "Owned"]
"""Makes an owned pod of this process from a v1 Pod that has no UID yet, for a workload."""

ABANDON_SECONDS = 30.0
"""How long what was being made for a pod that is given up is waited for."""


@dataclass(slots=True)
class Owned:
    """A pod that this process owns, with the means to run it."""

    pod: Pod
    wakeup: Wakeup
    jobs: Jobs
    owner: str
    making: Making
    lock: PodLock | None = None
    make_jobs: Callable[[], Jobs] | None = None
    """Makes jobs anew for a worker that begins again, None: those that there are go on."""
    has_messages: bool = True
    """Whether a container of it may leave a termination message."""
    ahead: tuple[SandboxCreation, Job[str]] | None = None

    def renew(self) -> None:
        """Nothing that was begun for the pod is waited for any more: another worker looks at what has come of it."""
        self.ahead = None
        if self.make_jobs is not None:
            self.jobs.close()
            self.jobs = self.make_jobs()

    def release(self) -> None:
        """Take no more jobs for the pod, and give its lock back; a second time does nothing."""
        self.jobs.close()
        if self.lock is not None:
            self.lock.release()


def own(pod: Pod, home: Home, *, may_keep: bool = False) -> Owned:
    """Take the lock of a pod that the store knows. Raises PodIsOwned."""
    lock = PodLock(home, pod.uid)
    lock.__enter__()
    wakeup = Wakeup()
    owner = owner_label(home=home, may_keep=may_keep)
    jobs = partial(ThreadJobs, wakeup)
    return Owned(pod, wakeup, jobs(), owner=owner, making=Making(wakeup.set), lock=lock, make_jobs=jobs)


def own_new(
    pods: Sequence[Pod],
    store: Registry,
    home: Home,
    make_room: Callable[[], object],
    *,
    may_keep: bool = False,
    run_spec: str | None = None,
) -> list[Owned]:
    """Take possession of new pods, of all or of none. Raises AlreadyExists.

    ``make_room`` is called once for each name that is taken: what a dead process left under it may be swept away.
    ``may_keep``: the pods may be left on purpose. ``run_spec`` is what the run has chosen for them, as text.
    """
    taken: list[Owned] = []
    try:
        for pod in pods:
            owned = own(pod, home, may_keep=may_keep)
            taken.append(owned)
            try:
                create(store, pod.manifest, holder=owned.owner, run_spec=run_spec)
            except AlreadyExists:
                make_room()
                create(store, pod.manifest, holder=owned.owner, run_spec=run_spec)
    except BaseException:
        for owned in taken:
            forget_pod(store, owned.pod.uid)
            owned.release()
        raise
    return taken


def begin_sandbox(
    owned: Owned, engine: Engine, store: Registry, clock: Clock, image: str, zone: Callable[[Pod], str] = lambda _: ""
) -> None:
    """Start the pod's first sandbox before anybody has decided so: that decision is never another one for a new pod."""
    creation = _first(owned.pod, engine.of(owned.pod), store, clock, image, owned.owner, owned.making, zone)
    if creation is not None:
        owned.ahead = (creation, owned.jobs.submit(creation.run, Lane.BEGIN))


def first_sandbox(context: PodContext, making: Making) -> tuple[SandboxCreation, Job[str]] | None:
    """The same for a pod that has its worker already."""
    creation = _first(
        context.pod,
        context.engine,
        context.store,
        context.clock,
        context.sandbox_image,
        context.owner,
        making,
        context.zone,
    )
    return None if creation is None else (creation, context.jobs.submit(creation.run, Lane.BEGIN))


def _first(
    pod: Pod,
    engine: Engine,
    store: Registry,
    clock: Clock,
    image: str,
    owner: str,
    making: Making,
    zone: Callable[[Pod], str],
) -> SandboxCreation | None:
    """The creation of a new pod's sandbox; None where its worker will say what is wrong."""
    try:
        if rejection_of(pod, lambda: engine.info().confinement) is not None:
            return None
        volumes = prepare_volumes(pod, engine, store, clock, owner)
    except (MountError, EngineError):
        return None  # The worker meets it too, and says so.
    return SandboxCreation(
        engine=engine.of(container=SANDBOX_CONTAINER, attempt=0),
        pod=pod,
        attempt=0,
        image=image,
        volumes=volumes,
        owner=owner,
        now=clock.now,
        making=making,
        is_prepared=True,
        zone=zone,
    )


def abandon(owned: Owned, engine: Engine, store: Registry, clock: Clock) -> None:
    """Undo as much of a pod as can be undone when the run itself has broken; a sweep finds the rest.

    Nobody works on the pod any more, except creations that were begun: they are waited for.
    """
    owned.making.close()
    owned.jobs.close()
    owned.making.wait(ABANDON_SECONDS)
    with suppress(EngineError):
        engine_retry(clock, lambda: remove_everything(owned.pod, engine.of(owned.pod), owned.owner))
    with suppress(RunnerError):
        remove_claims(store, owned.pod.namespace, owned.pod.uid)
    with suppress(RunnerError):
        forget_pod(store, owned.pod.uid)
    owned.release()
