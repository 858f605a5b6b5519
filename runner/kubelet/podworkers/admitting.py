"""What happens to a pod before anything of it is made: it is assigned, and the node takes it or does not.

Mirrors what the scheduler and the API server say before, and pkg/kubelet/lifecycle/predicate.go.
"""

from __future__ import annotations

from dataclasses import dataclass

from runner.clock import Clock
from runner.core.container.nodeadmission import Rejection, rejection_of
from runner.core.container.qos import qos_class
from runner.core.reasons import EventReason, EventType, Note, warning
from runner.core.status.podstatus import Phase, PodStatus
from runner.engine.protocol import Engine
from runner.kubelet.loop.podcache import PodCache
from runner.kubelet.loop.reporter import Reporter
from runner.kubelet.loop.status import StatusManager
from runner.kubelet.loop.tasks import Task, Wait


@dataclass(frozen=True, slots=True, kw_only=True)
class Admitting:
    """Lets one pod in, or not."""

    cache: PodCache
    statuses: StatusManager
    reporter: Reporter
    engine: Engine
    clock: Clock
    node_name: str

    @property
    def is_assigned(self) -> bool:
        """Whether a process that had the pod before came as far as to say so."""
        status = self.statuses.status
        return status is not None and bool(status.qos_class)

    def assign(self) -> None:
        """What the scheduler and the API server would have said before the kubelet comes in."""
        pod = self.cache.pod
        text = f"Successfully assigned {pod.namespace}/{pod.name} to {self.node_name}"
        self.statuses.announce(PodStatus(phase=Phase.PENDING, qos_class=qos_class(pod.manifest)))
        note = Note(type=EventType.NORMAL, reason=EventReason.SCHEDULED, message=text)
        self.reporter.recorder.note(note, component="default-scheduler")

    def rejection(self) -> Rejection | None:
        """Why the node does not take the pod; None: it does. Raises EngineUnavailable."""
        return rejection_of(self.cache.pod, lambda: self.engine.info().confinement)

    def stay_rejected(self, rejection: Rejection) -> Task[None]:
        """The pod has failed, nothing of it is made; it stays until somebody deletes it."""
        before = self.statuses.status
        if before is None or not before.phase.is_terminal:
            self.reporter.event(warning(rejection.reason, rejection.message))
            self.statuses.reject(
                PodStatus(
                    phase=Phase.FAILED,
                    reason=rejection.reason,
                    message=rejection.status_message,
                    start_time=self.clock.now(),
                    qos_class=qos_class(self.cache.pod.manifest),
                )
            )
        yield Wait(ready=lambda: self.cache.pod.is_deleted)
