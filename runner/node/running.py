"""The pods of a node: one that runs, and what is remembered of one that is gone."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from msgspec import Struct

from runner.clock import Wakeup
from runner.core.model import Object, Pod
from runner.core.narration import AttemptEnding, Listener
from runner.core.observed import RuntimeState
from runner.core.runview import PodView
from runner.core.status.podstatus import PodStatus
from runner.kubelet.podworkers.worker import PodWorker
from runner.node.owning import Owned

if TYPE_CHECKING:
    from runner.controllers.control import Controller
    from runner.core.workloads import Member


class Rebooted(BaseException):
    """The node goes down under a call: whoever made it is not there any more when it comes back."""


@dataclass(slots=True)
class Running:
    """One pod that a node runs."""

    owned: Owned
    worker: PodWorker
    controller: Controller | None = None
    thread: threading.Thread | None = None
    detached: bool = False
    """Whether its worker is to let go of it, as it is."""
    is_lost: bool = False
    """Whether that is so because this node does not hold it any more."""
    breaks: int = 0
    """How often in a row its worker has broken, the last time at ``broke_at`` on the steady clock."""
    broke_at: float = 0.0
    error: BaseException | None = None
    """What broke its worker for good."""
    grace: int | None = None
    """The seconds with which this node's owner has asked for its deletion."""
    is_rebooted: bool = False
    """Whether another worker is to go on with it, as after a reboot of the node."""
    wakeup: Wakeup = field(init=False)

    def __post_init__(self) -> None:
        self.wakeup = self.owned.wakeup

    def start(self, work: Callable[[Running], None]) -> None:
        """Have a thread of its own work on it, unless one does."""
        if self.thread is None:
            self.thread = threading.Thread(target=work, args=(self,), name=f"podrunner-{self.pod.name}", daemon=True)
            self.thread.start()

    def detach(self) -> None:
        """Have its worker let go of it, as it is."""
        self.detached = True
        self.wakeup.set()

    def lose(self) -> None:
        """This node does not hold it any more."""
        self.is_lost = True
        self.detach()

    def reboot(self) -> None:
        """The node has come back: its worker knows nothing any more."""
        self.is_rebooted = True
        self.wakeup.set()

    def takes_reboot(self) -> bool:
        """Whether the node has come back since the last time."""
        was_rebooted, self.is_rebooted = self.is_rebooted, False
        return was_rebooted

    def broke(self, now: float, calm: float) -> int:
        """Its worker has broken. Returns how often in a row: a break so many seconds after the last is the first again."""
        self.breaks = self.breaks + 1 if now - self.broke_at < calm else 1
        self.broke_at = now
        return self.breaks

    def was_asked_to_go(self, grace: int) -> None:
        """Its deletion was asked for, with so many seconds of grace."""
        self.grace = grace

    def fail(self, error: BaseException) -> None:
        """Its worker is broken for good."""
        self.error = error

    def begin_again(self, pod: Pod, make_worker: Callable[[Owned], PodWorker]) -> None:
        """Another worker goes on with the pod, as it is in the registry."""
        self.owned.renew(pod)
        self.worker = make_worker(self.owned)

    def say_goodbye(self, listener: Listener) -> None:
        """Tell that what has ended of it tells nothing more, though it stays."""
        worker = self.worker
        for record in worker.observed.containers:
            if record.state is RuntimeState.EXITED:
                container = self.pod.container(record.name)
                listener(
                    AttemptEnding(
                        ref=worker.ref,
                        container=record.name,
                        is_init=container is not None and container.is_init,
                        attempt=record.attempt,
                        container_id=record.id,
                        is_removed=False,
                        inspection=worker.inspection(record.id),
                    )
                )

    @property
    def pod(self) -> Pod:
        return self.owned.pod

    @property
    def status(self) -> PodStatus:
        return self.worker.published or PodStatus()

    @property
    def view(self) -> PodView:
        """The pod as it is now: what it has published, and what its worker knows beyond that."""
        worker, maker = self.worker, self.controller
        return PodView(
            manifest=worker.pod.manifest,
            published=worker.published,
            maker="" if maker is None else maker.workload.uid,
            is_gone=worker.gone,
            gave_up=worker.gave_up,
            known=worker.troubles.known,
        )

    @property
    def value(self) -> Object:
        """The v1 Pod as it is now; without a status before the first one."""
        return self.view.value

    @property
    def decision(self) -> str:
        """The last decision that had something to do, as text."""
        return str(self.worker.last_plan or "")

    @property
    def is_over(self) -> bool:
        return self.worker.gone or self.error is not None


class Past(Struct, frozen=True, kw_only=True):
    """What a node remembers of a pod that is gone, as long as it is asked for."""

    view: PodView
    controller: Controller | None = None
    decision: str = ""
    is_over: bool = True
    error: BaseException | None = None

    @property
    def status(self) -> PodStatus:
        return self.view.status


def member_of(one: Running | Past, controller: Controller) -> Member:
    """A pod as its controller sees it."""
    from runner.core.workloads import Member

    manifest = one.view.manifest
    is_deleted = bool(manifest["metadata"].get("deletionTimestamp"))
    return Member(
        pod=manifest,
        status=one.status,
        is_deleted=is_deleted or manifest["metadata"]["uid"] in controller.asked,
        is_gone=one.is_over,
    )
