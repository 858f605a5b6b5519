"""Stops one container: a signal, a deadline and SIGKILL. No thread waits in the Engine for a process to end.

Mirrors what dockerd does for ``docker stop`` (moby daemon/stop.go), which would hold a connection as long as it takes.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from functools import partial

from runner.clock import Clock, Countdown
from runner.core.observed import RuntimeState
from runner.engine.protocol import Engine, EngineState
from runner.errors import EngineConflict, EngineError, NotFound
from runner.kubelet.loop.jobs import Jobs, run_job
from runner.kubelet.loop.lanes import Lane
from runner.kubelet.loop.podcache import PodCache
from runner.kubelet.loop.tasks import Task, Wait

KILL = "SIGKILL"
GOING = (RuntimeState.RUNNING, RuntimeState.UNKNOWN)
_ALIVE = (EngineState.RUNNING, EngineState.PAUSED, EngineState.RESTARTING)


@dataclass(frozen=True, slots=True)
class Stopper:
    """Stops the containers of one pod. It relies on the worker, which looks at the Engine when events come."""

    cache: PodCache
    engine: Engine
    clock: Clock
    jobs: Jobs

    def stop(self, container_id: str, name: str, attempt: int, *, seconds: int) -> Task[None]:
        """Send the stop signal and, so many seconds later, SIGKILL; with 0 seconds only SIGKILL. Raises EngineError.

        Returns when an event or a look shows that the container has ended.
        """
        engine, observer = self.engine.of(container=name, attempt=attempt), self.cache.observer
        try:
            if seconds > 0:
                signal = observer.stop_signal(container_id)
                lane = Lane.KILL if signal == KILL else Lane.START
                if not (yield from run_job(self.jobs, partial(_send, engine, container_id, signal), lane)):
                    return
                yield from self._wait(container_id, name, attempt, Countdown(self.clock, seconds))
            if seconds <= 0 or self._goes_on(container_id):
                yield from run_job(self.jobs, partial(_send, engine, container_id, KILL), Lane.KILL)
        finally:
            if self._goes_on(container_id):
                observer.suspect(container_id, name, attempt)

    def _wait(self, container_id: str, name: str, attempt: int, grace: Countdown) -> Task[None]:
        """Wait until a look shows that a container has ended. Looks come with events, and now and then."""
        relist = self.cache.observer.relist
        while self._goes_on(container_id) and not grace.is_over:
            look = grace if relist is None else Countdown(self.clock, grace.within(relist))
            yield Wait(until=look.until, ready=lambda: not self._goes_on(container_id))
            if self._goes_on(container_id):
                self.cache.observer.suspect(container_id, name, attempt)
                self.cache.poke()

    def _goes_on(self, container_id: str) -> bool:
        """Whether a container, or a sandbox, ran at the last look."""
        observed = self.cache.observed
        record = observed.by_id(container_id)
        if record is not None:
            return record.state in GOING
        return any(sandbox.id == container_id and sandbox.ready for sandbox in observed.sandboxes)

    def kill_all(self) -> Task[None]:
        """Send SIGKILL to every running container, whatever else goes on; one that cannot be killed now is tried again later."""
        jobs = []
        for record in self.cache.observed.containers:
            if record.state is RuntimeState.RUNNING:
                engine = self.engine.of(container=record.name, attempt=record.attempt)
                jobs.append(self.jobs.submit(partial(_send, engine, record.id, KILL), Lane.KILL))
        if not all(job.done for job in jobs):
            yield Wait(ready=lambda: all(job.done for job in jobs))
        for job in jobs:
            with suppress(EngineError):  # It has ended, or the stop under way meets the same error.
                job.result()


def _send(engine: Engine, container_id: str, signal: str) -> bool:
    """Send a signal. Returns whether there was a process to receive it. The Engine answers SIGKILL once the process is dead."""
    try:
        engine.kill_container(container_id, signal)
    except NotFound:
        return False
    except EngineConflict:
        # Most likely it has ended already, which is what was wanted.
        with suppress(NotFound):
            if engine.inspect_container(container_id).state in _ALIVE:
                raise
        return False
    return True
