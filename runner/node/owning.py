"""The means to run a pod here, pods that are written for this node to run, and their sandboxes ahead of time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from msgspec import Struct

from runner.clock import Clock, Wakeup
from runner.core.kindwords import PODS
from runner.core.model import Json, Object, Pod
from runner.engine.protocol import Engine
from runner.errors import AlreadyExists, EngineError, RunnerError
from runner.kubelet.containers.ahead import begin_ahead
from runner.kubelet.containers.removal import remove_everything
from runner.kubelet.containers.sandbox import NO_ZONE, Ahead, SandboxMaker, Zone
from runner.kubelet.loop.jobs import Jobs, ThreadJobs
from runner.kubelet.loop.making import Making
from runner.registry.admission import create
from runner.registry.contract import Key, Registry, without_status
from runner.registry.deletion import forget_pod
from runner.registry.objects import remove_claims
from runner.retry import engine_retry

if TYPE_CHECKING:
    from runner.controllers.control import Controller

Spawn = Callable[[Json, "Controller"], Pod]
"""Writes a pod for this node to run, for a workload, from a v1 Pod that has no UID yet."""

ABANDON_SECONDS = 30.0
"""How long what was being made for a pod that is given up is waited for."""


@dataclass(slots=True)
class Owned:
    """A pod that this node holds, with the means to run it. ``owner`` is the label of what is made for it in the Engine."""

    pod: Pod
    wakeup: Wakeup
    jobs: Jobs
    owner: str
    making: Making
    make_jobs: Callable[[], Jobs] | None = None
    """Makes jobs anew for a worker that begins again, None: those that there are go on."""
    has_messages: bool = True
    """Whether a container of it may leave a termination message."""
    ahead: Ahead = field(default_factory=Ahead)

    def sandbox_maker(self, engine: Engine, clock: Clock, image: str, zone: Zone) -> SandboxMaker:
        """What makes its sandboxes, ahead of their turn and in it."""
        return SandboxMaker(
            engine=engine.of(self.pod),
            image=image,
            owner=self.owner,
            clock=clock,
            jobs=self.jobs,
            making=self.making,
            zone=zone,
        )

    def renew(self, pod: Pod) -> None:
        """Nothing that was begun for the pod is waited for any more: another worker looks at what has come of it."""
        self.pod = pod
        self.ahead.put(None)
        if self.make_jobs is not None:
            self.jobs.close()
            self.jobs = self.make_jobs()

    def release(self) -> None:
        """Take no more jobs for the pod; a second time does nothing."""
        self.jobs.close()


def own(pod: Pod, owner: str) -> Owned:
    """The means to run a pod in threads of this process."""
    wakeup = Wakeup()
    jobs = partial(ThreadJobs, wakeup)
    return Owned(pod, wakeup, jobs(), owner=owner, making=Making(wakeup.set), make_jobs=jobs)


def own_found(value: Object, owner: str) -> Owned:
    """The same for a v1 Pod that was found in the registry."""
    return own(Pod.from_json(without_status(value)), owner)


class Title(Struct, frozen=True, kw_only=True):
    """What is written beside a new pod: the node that holds it, the lease of its run, and what that has chosen, as text.

    ``owner`` is the label of what is made for it in the Engine.
    """

    holder: str
    owner: str
    lease: str = ""
    run_spec: str | None = None


def own_new(
    pods: Sequence[Pod], registry: Registry, title: Title, make_room: Callable[[Sequence[Key]], object]
) -> list[Owned]:
    """Write new pods for a node to run, all or none. Raises AlreadyExists.

    ``make_room`` is called once with their kinds, namespaces and names: what a dead process left there may go.
    """
    write = partial(
        create,
        registry,
        *(pod.manifest for pod in pods),
        holder=title.holder,
        lease=title.lease,
        run_spec=title.run_spec,
    )
    try:
        try:
            write()
        except AlreadyExists:
            make_room([(PODS.kind, pod.namespace, pod.name) for pod in pods])
            write()
        return [own(pod, title.owner) for pod in pods]
    except BaseException:
        for pod in pods:  # An interrupt may have come after they were written.
            forget_pod(registry, pod.uid)
        raise


def begin_sandbox(
    owned: Owned, engine: Engine, store: Registry, clock: Clock, image: str, zone: Zone = NO_ZONE
) -> None:
    """Begin what is decided first about a new pod, before it has its worker."""
    owned.ahead.put(begin_ahead(owned.pod, owned.sandbox_maker(engine, clock, image, zone), store))


def abandon(owned: Owned, engine: Engine, store: Registry, clock: Clock) -> None:
    """Undo as much of a pod as can be undone when the run itself has broken; a sweep finds the rest.

    The pod's worker has ended. Creations that were begun are waited for.
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
