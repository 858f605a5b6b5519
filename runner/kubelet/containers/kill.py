"""Stops containers: one by one, or a whole pod in the kubelet's order.

Mirrors kuberuntime_container.go (killContainer, killContainersWithSyncResult) and kuberuntime_termination_order.go.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from runner.clock import Clock
from runner.core.labels import SANDBOX_CONTAINER
from runner.core.observed import ContainerRecord
from runner.core.reasons import EventReason, normal
from runner.core.sync.eviction import grace_of
from runner.core.sync.termination import grace_period, is_at_once, is_its_turn, stop_timeout
from runner.core.text.times import later
from runner.kubelet.containers.hooks import Hooks
from runner.kubelet.containers.stop import GOING, Stopper
from runner.kubelet.loop.podcache import PodCache
from runner.kubelet.loop.reporter import Reporter
from runner.kubelet.loop.status import StatusManager
from runner.kubelet.loop.tasks import Task, TaskSet, Wait, all_of
from runner.kubelet.prober.results import Results

SANDBOX_STOP_SECONDS = 10


@dataclass(slots=True)
class Order:
    """The containers of a dying pod that still run; sidecars wait here for their turn."""

    running: set[str] = field(default_factory=set)

    def has_ended(self, name: str) -> None:
        """Note that a container has ended, and wake the sidecars that wait for it."""
        self.running.discard(name)


@dataclass(frozen=True, slots=True)
class Killer:
    """Stops the containers of one pod."""

    cache: PodCache
    statuses: StatusManager
    reporter: Reporter
    results: Results
    stopper: Stopper
    clock: Clock
    tasks: TaskSet
    hooks: Hooks

    def kill_container(
        self, record: ContainerRecord, message: str, *, grace: int | None = None, order: Order | None = None
    ) -> Task[None]:
        """Stop one container: event, preStop, the wait for a sidecar's turn, stop signal, and SIGKILL when the time is up.

        ``grace`` (seconds) replaces the pod's; 0 means no preStop and the minimum between signal and kill. A deletion without
        any grace is SIGKILL and nothing else.
        """
        pod = self.cache.pod
        container = pod.any_container(record.name)
        remaining = float(grace_period(pod) if grace is None else grace)
        self.reporter.event(normal(EventReason.KILLING, message), container)
        if container is not None and container.pre_stop is not None and remaining > 0:
            remaining = yield from self._timed(remaining, self.hooks.run_pre_stop(container, record.id, remaining))
        if order is not None and not is_its_turn(pod, record.name, order.running):
            remaining = yield from self._timed(remaining, self._turn(record.name, order, remaining))
        seconds = 0 if is_at_once(pod) else stop_timeout(remaining)
        try:
            yield from self.stopper.stop(record.id, record.name, record.attempt, seconds=seconds)
        finally:
            if order is not None:
                order.has_ended(record.name)
        self.results.forget(record.id)

    def _timed(self, remaining: float, task: Task[None]) -> Task[float]:
        """Run part of a kill and return what is left of the grace period, counted in whole seconds."""
        began = self.clock.steady()
        yield from task
        return remaining - int(round(self.clock.steady() - began, 3))

    def _turn(self, name: str, order: Order, remaining: float) -> Task[None]:
        pod = self.cache.pod
        yield Wait(
            until=later(self.clock.now(), max(remaining, 0)),
            ready=lambda: is_its_turn(pod, name, order.running),
        )

    def kill_pod(self, *, grace: int | None = None) -> Task[None]:
        """Stop all running containers side by side in the termination order, then every sandbox.

        ``grace`` (seconds) replaces the pod's.
        """
        grace = grace_of(self.statuses.failure, grace)
        running = [c for c in self.cache.observed.containers if c.state in GOING]
        order = Order(running={c.name for c in running})
        yield from all_of(
            self.tasks,
            [
                (
                    f"kill {record.name}",
                    self.kill_container(record, f"Stopping container {record.name}", grace=grace, order=order),
                )
                for record in running
            ],
        )
        seconds = 0 if is_at_once(self.cache.pod) else SANDBOX_STOP_SECONDS
        for sandbox in self.cache.observed.sandboxes:
            if sandbox.ready:
                yield from self.stopper.stop(sandbox.id, SANDBOX_CONTAINER, sandbox.attempt, seconds=seconds)
