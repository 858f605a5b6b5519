"""One pod that a session runs."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from runner.clock import Wakeup
from runner.core.model import Object, Pod
from runner.core.runview import PodView
from runner.core.status.podstatus import PodStatus
from runner.kubelet.loop.jobs import ThreadJobs
from runner.kubelet.loop.worker import PodWorker
from runner.registry.ownership import PodLock

if TYPE_CHECKING:
    from runner.controllers.control import Controller


@dataclass(slots=True)
class Running:
    """One pod of a session."""

    pod: Pod
    worker: PodWorker
    wakeup: Wakeup
    jobs: ThreadJobs
    lock: PodLock
    thread: threading.Thread | None = None
    detached: bool = False
    error: BaseException | None = None
    controller: Controller | None = None

    @property
    def status(self) -> PodStatus:
        return self.worker.context.published or PodStatus()

    @property
    def view(self) -> PodView:
        """The pod as it is now: what it has published, and what its worker knows beyond that."""
        context, maker = self.worker.context, self.controller
        return PodView(
            manifest=context.pod.manifest,
            published=context.published,
            maker="" if maker is None else maker.workload.uid,
            is_gone=self.worker.gone,
            gave_up=self.worker.gave_up,
            known=context.troubles.known,
        )

    @property
    def value(self) -> Object:
        """The v1 Pod as it is now; without a status before the first one."""
        return self.view.value

    @property
    def is_over(self) -> bool:
        return self.worker.gone or self.error is not None
