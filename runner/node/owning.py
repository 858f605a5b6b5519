"""The means to run a pod here, and its sandbox ahead of time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from msgspec import Struct

from runner.clock import Clock, Wakeup
from runner.core.model import Json, Object, Pod
from runner.engine.protocol import Engine
from runner.kubelet.containers.ahead import begin_ahead
from runner.kubelet.containers.sandbox import NO_ZONE, Ahead, SandboxMaker, Zone
from runner.kubelet.loop.jobs import Jobs, ThreadJobs
from runner.kubelet.loop.making import Making
from runner.registry.contract import Registry, unversioned, without_status

if TYPE_CHECKING:
    from runner.controllers.control import Controller

Spawn = Callable[[Json, "Controller"], Json]
"""Writes a pod for this node to run, for a workload, from a v1 Pod that has no UID yet. Returns it as it was written."""


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
    is_begun: bool = False
    """Whether what comes first was done, or this is no new pod."""

    def begin_once(self) -> bool:
        """Whether what comes first is to be done now: the first time that this is asked."""
        was_begun, self.is_begun = self.is_begun, True
        return not was_begun

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
    return own(Pod.from_json(unversioned(without_status(value))), owner)


class Title(Struct, frozen=True, kw_only=True):
    """What is written beside a new pod: the node that holds it, the lease of its run, and what that has chosen, as text.

    ``owner`` is the label of what is made for it in the Engine.
    """

    holder: str
    owner: str
    lease: str = ""
    run_spec: str | None = None


def begin_sandbox(
    owned: Owned, engine: Engine, store: Registry, clock: Clock, image: str, zone: Zone = NO_ZONE
) -> None:
    """Begin what is decided first about a new pod, before it has its worker."""
    owned.ahead.put(begin_ahead(owned.pod, owned.sandbox_maker(engine, clock, image, zone), store))
