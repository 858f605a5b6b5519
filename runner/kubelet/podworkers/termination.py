"""Stops a pod for good and removes what is left of it.

Mirrors pkg/kubelet/kubelet.go (SyncTerminatingPod, SyncTerminatedPod).
"""

from __future__ import annotations

from dataclasses import dataclass

from runner.clock import Clock, Countdown
from runner.core.reasons import EventReason, warning
from runner.core.sync.termination import MINIMUM_GRACE, grace_left, is_at_once
from runner.engine.protocol import Engine
from runner.errors import EngineUnavailable, RunnerError
from runner.kubelet.containers.kill import Killer
from runner.kubelet.containers.removal import Remover, remove_everything, remove_unfinished
from runner.kubelet.loop.making import Making
from runner.kubelet.loop.podcache import PodCache
from runner.kubelet.loop.reporter import Reporter
from runner.kubelet.loop.status import StatusManager
from runner.kubelet.loop.tasks import Handle, Task, TaskSet, Wait
from runner.kubelet.podworkers.patience import Patience
from runner.kubelet.podworkers.rests import Rests
from runner.registry.contract import Registry
from runner.registry.objects import remove_claims


@dataclass(frozen=True, slots=True, kw_only=True)
class Terminator:
    """Ends one pod. ``owner`` is the label of what was made for it in the Engine."""

    cache: PodCache
    statuses: StatusManager
    reporter: Reporter
    engine: Engine
    registry: Registry
    clock: Clock
    tasks: TaskSet
    making: Making
    killer: Killer
    remover: Remover
    patience: Patience
    rests: Rests
    owner: str

    def terminate(self) -> Task[None]:
        """Stop everything and publish the last status. What could not be stopped is stopped again, as a kubelet does."""
        cache = self.cache
        failures = 0
        if not self.making.is_idle:  # A start that is under way goes on whatever becomes of its sync.
            yield Wait(ready=lambda: self.making.is_idle)
        cache.observer.mistrust()  # Whatever was under way: nothing of it is overlooked.
        while True:
            yield from self.patience.steadily(cache.look)
            self.statuses.publish()
            grace = cache.pod.deletion_grace
            # Whoever had the pod before may have begun to stop it: it gets what is left of its grace.
            left = grace_left(cache.pod, self.clock.now()) if cache.was_dying else None
            kill = self.tasks.start(self.killer.kill_pod(grace=left), "kill pod")
            yield from self.rests.accompany(kill, lambda grace=grace: cache.pod.deletion_grace != grace)  # type: ignore[misc]
            if not kill.done:
                yield from self._hasten(kill)
            if not kill.done:
                kill.cancel()
                cache.observer.mistrust()
                continue
            try:
                kill.result  # noqa: B018 - raises what kept it from being done
                break
            except RunnerError as error:
                if error.is_final:
                    raise
                failures += 1
                if not isinstance(error, EngineUnavailable):
                    text = f"error killing pod: {error.message}"
                    self.reporter.event(warning(EventReason.FAILED_KILL_POD, text))
                yield Wait(until=self.patience.failed(error, failures, "the pod cannot be stopped"))
        yield from self.patience.steadily(cache.look)
        self.statuses.finish(is_stopped=not any(sandbox.ready for sandbox in cache.observed.sandboxes))

    def _hasten(self, kill: Handle[None]) -> Task[None]:
        """A shorter grace period was asked for meanwhile: what still runs when it is over is killed."""
        pod = self.cache.pod
        seconds = 0 if is_at_once(pod) else max(pod.deletion_grace or 0, MINIMUM_GRACE)
        cache, grace = self.cache, Countdown(self.clock, seconds)
        while not kill.done and not grace.is_over:
            yield Wait(until=grace.until, ready=lambda: kill.done or cache.dirty)
            if cache.dirty:
                yield from self.patience.steadily(cache.look)
        if not kill.done:
            yield from self.killer.stopper.kill_all()

    def remove_unfinished(self) -> Task[None]:
        """Remove what a process that is dead has begun and not made to its end."""
        yield from self.patience.steadily(self._remove_unfinished)

    def _remove_unfinished(self) -> None:
        pod = self.cache.pod
        remove_unfinished(pod, self.engine, self.registry.ledger.attempts(pod.uid))

    def clean_up(self) -> Task[None]:
        """Remove everything of the pod, however often it takes, when what is being made for it is made."""
        self.making.close()
        if not self.making.is_idle:
            yield Wait(ready=lambda: self.making.is_idle)
        yield from self.patience.steadily(self._remove_everything, "not everything of the pod could be removed")

    def _remove_everything(self) -> None:
        self.cache.look()
        for record in self.cache.observed.containers:
            self.remover.remove(record)
        pod = self.cache.pod
        remove_everything(pod, self.engine, self.owner)  # What was prepared and never started goes too.
        remove_claims(self.registry, pod.namespace, pod.uid)
