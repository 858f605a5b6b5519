"""The lane that reads the output of many containers: who waits where, and for how many threads."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator

import pytest

from runner.clock import SystemClock, Wakeup
from runner.kubelet.logs.lane import LogLane, Step, Steps

SECONDS = 30.0


@pytest.fixture
def lane() -> Iterator[LogLane]:
    made = LogLane(SystemClock())
    yield made
    made.close()


class Pipe:
    """A reader of what is written into a pipe, until its end."""

    def __init__(self) -> None:
        self._ear, self._mouth = os.pipe()
        self.heard = b""
        self.threads: set[str] = set()
        self.parked, self.over = Wakeup(), Wakeup()

    def steps(self) -> Steps:
        yield Step()
        self.parked.set()
        yield Step(place=self._ear)
        while piece := os.read(self._ear, 100):
            self.heard += piece
            self.threads.add(threading.current_thread().name)
            yield Step(place=self._ear)
        os.close(self._ear)
        yield Step(rest=0.01)
        self.over.set()

    def say(self, words: bytes) -> None:
        os.write(self._mouth, words)

    def end(self) -> None:
        os.close(self._mouth)


def test_one_thread_reads_for_many_who_wait(lane: LogLane) -> None:
    before = set(threading.enumerate())
    pipes = [Pipe() for _ in range(40)]
    for pipe in pipes:
        lane.follow(pipe.steps())
    assert all(pipe.parked.wait(SECONDS) for pipe in pipes)
    new = [thread for thread in set(threading.enumerate()) - before if thread.name.startswith("podrunner-log")]
    assert len(new) <= 5
    for pipe in reversed(pipes):
        pipe.say(b"a word")
        pipe.end()
    assert all(pipe.over.wait(SECONDS) for pipe in pipes)
    assert {pipe.heard for pipe in pipes} == {b"a word"}
    assert {name for pipe in pipes for name in pipe.threads} == {"podrunner-logs"}


def test_who_cannot_be_seen_to_wait_has_a_thread_of_its_own(lane: LogLane) -> None:
    names, over = [], Wakeup()

    def steps() -> Steps:
        yield Step(blocks=True)
        names.append(threading.current_thread().name)
        yield Step(rest=0.01)
        over.set()

    lane.follow(steps())
    assert over.wait(SECONDS)
    assert names == ["podrunner-log"]


def test_who_fails_disturbs_nobody(lane: LogLane, caplog: pytest.LogCaptureFixture) -> None:
    def fails() -> Steps:
        yield Step()
        raise ValueError("broken")

    pipe = Pipe()
    lane.follow(fails())
    lane.follow(pipe.steps())
    pipe.end()
    assert pipe.over.wait(SECONDS)
    assert "broken" in caplog.text


@pytest.mark.parametrize(
    "waits_with",
    [
        pytest.param(lambda ear: Step(place=ear), id="in a place where nothing comes"),
        pytest.param(lambda _: Step(rest=3600.0), id="for its time"),
        pytest.param(lambda _: Step(), id="for its turn"),
    ],
)
def test_who_still_waits_when_the_lane_is_closed_gives_back_what_it_has(waits_with: Callable[[int], Step]) -> None:
    ear, mouth = os.pipe()
    waits, given_back = Wakeup(), Wakeup()

    def steps() -> Steps:
        try:
            while True:
                waits.set()
                yield waits_with(ear)
        finally:
            given_back.set()

    lane = LogLane(SystemClock())
    reader = steps()
    lane.follow(reader)
    assert waits.wait(SECONDS)
    lane.close()
    assert given_back.wait(SECONDS)
    assert next(reader, None) is None
    os.close(ear)
    os.close(mouth)


def test_whoever_rests_goes_on_when_woken_if_its_rest_is_over(lane: LogLane) -> None:
    resting, over = Wakeup(), {name: Wakeup() for name in ("late", "now")}
    may_go_on = set[str]()

    def steps(name: str) -> Steps:
        resting.set()
        yield Step(rest=1000.0, is_over=lambda: name in may_go_on)
        over[name].set()

    for name in over:
        lane.follow(steps(name))
    assert resting.wait(SECONDS)
    may_go_on.add("now")
    lane.wake()
    assert over["now"].wait(SECONDS)
    assert not over["late"].is_set()
