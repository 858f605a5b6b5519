"""What happens while something else is under way: orders of events that real Engines give once in a thousand runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Generic, TypeVar

import pytest

from runner.clock import VIRTUAL_START, VirtualClock
from runner.core.labels import DOCKER_TYPE, POD_UID, TYPE_SANDBOX
from runner.core.narration import Narration, Notice
from runner.errors import EngineConflict, EngineError, EngineRefusal
from runner.kubelet.loop.jobs import Job, Jobs
from runner.kubelet.loop.lanes import Lane
from runner.lab import parse_script
from runner.lab.between import Between
from runner.lab.simulation import End, SimulatedRun
from runner.lab.steps import Step, delete
from tests.lab.scenes import CONTAINER, pod

T = TypeVar("T")
VOLUMES = [{"name": "shared", "emptyDir": {}}]


@dataclass(frozen=True, slots=True)
class SlowJob(Generic[T]):
    """What has been done already and is told later."""

    inner: Job[T]
    now: Callable[[], datetime]
    ready_at: datetime

    @property
    def done(self) -> bool:
        return self.now() >= self.ready_at

    def result(self) -> T:
        return self.inner.result()


class SlowJobs(Between):
    """Jobs of which the first is told of only after so many seconds, as by a busy Engine."""

    def __init__(self, clock: VirtualClock, seconds: float) -> None:
        self._clock, self._seconds = clock, seconds
        self._inner: Jobs | None = None
        self._has_begun = False

    def jobs(self, jobs: Jobs) -> Jobs:
        self._inner = jobs
        return self

    def submit(self, work: Callable[[], T], lane: Lane = Lane.PREPARE) -> Job[T]:
        assert self._inner is not None
        job, is_first, self._has_begun = self._inner.submit(work, lane), not self._has_begun, True
        if not is_first:
            return job
        return SlowJob(job, self._clock.now, self._clock.now() + timedelta(seconds=self._seconds))

    def close(self) -> None:
        """Nothing to give back."""


def simulated(script: str = "", slow: float = 0.0) -> tuple[SimulatedRun, list[Narration]]:
    """A run, with what is told of it; ``slow``: the first job seems to take so many seconds."""
    what = pod(["first"], volumes=VOLUMES)
    told: list[Narration] = []
    clock = VirtualClock()
    between = SlowJobs(clock, slow) if slow else None
    run = SimulatedRun(what, parse_script(script, what), CONTAINER, listener=told.append, clock=clock, between=between)
    if slow:
        clock.after(slow, run.wakeup.set)
    return run, told


def sandboxes(run: SimulatedRun) -> list[str]:
    labels = {POD_UID: run.worker.pod.uid, DOCKER_TYPE: TYPE_SANDBOX}
    return [summary.id for summary in run.engine.list_containers(labels)]


def test_a_sandbox_that_is_seen_while_it_is_being_made_is_not_taken_for_an_old_one() -> None:
    run, _ = simulated(slow=2.0)
    run.clock.after(1.0, run.worker.cache.poke)
    run.clock.after(1.0, run.wakeup.set)
    run.advance(1.5)
    made = sandboxes(run)
    assert [sandbox.id for sandbox in run.worker.observed.sandboxes] == made, "it was seen on the way"
    run.advance(60)
    assert sandboxes(run) == made
    assert run.store.ledger.attempts(run.worker.pod.uid)["POD"] == 0


def removing(run: SimulatedRun, verb: str, error: EngineError, times: int) -> float:
    """Delete the pod while a verb fails so many times; the seconds that it takes until the pod is gone."""
    run.plan(Step(at=30.0, action=delete(0)))
    run.clock.at(VIRTUAL_START + timedelta(seconds=30), lambda: run.engine.fail_next(verb, error, times))
    assert run.advance(600) is End.GONE
    assert run.engine.list_volumes({}) == []
    assert run.engine.list_containers({}) == []
    return (run.clock.now() - VIRTUAL_START).total_seconds() - 30


@pytest.mark.parametrize("verb", ["remove_volume", "remove_container"])
def test_a_removal_that_is_in_progress_already_is_waited_for_without_a_word(verb: str) -> None:
    run, told = simulated()
    assert removing(run, verb, EngineConflict("removal in progress", recoverable=True), 2) < 10
    assert [one.text for one in told if isinstance(one, Notice)] == []


def test_what_cannot_be_removed_is_tried_again_and_told_once() -> None:
    """A busy mount is a matter of minutes; it is not told that the Engine does not answer."""
    run, told = simulated()
    error = EngineRefusal("driver failed to remove root filesystem: device or resource busy", recoverable=True)
    assert removing(run, "remove_container", error, 5) < 60
    (notice,) = [one.text for one in told if isinstance(one, Notice)]
    assert notice == (
        "not everything of the pod could be removed, trying again: "
        "driver failed to remove root filesystem: device or resource busy"
    )
