"""Lists that pods share: one at a time, and a pod gets none that began before what it was told of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import pytest

from runner.clock import SystemClock, VirtualClock, Wakeup
from runner.core.container.containerconfig import ContainerConfig
from runner.core.labels import ATTEMPT, CONTAINER_NAME, DOCKER_TYPE, MANAGED, POD_UID, TYPE_CONTAINER
from runner.engine.protocol import ContainerSummary
from runner.engine.simulated import SimulatedEngine
from runner.errors import EngineUnavailable
from runner.kubelet.loop.lists import NodeLists
from runner.kubelet.loop.observer import Observer
from tests.support.gates import SECONDS, Gate, aside

MANY = 8


class Slow:
    """An Engine whose first list waits at a gate."""

    def __init__(self, error: Exception | None = None) -> None:
        self.gate, self.error, self.calls = Gate(), error, 0

    def list_containers(self, labels: Mapping[str, str]) -> list[ContainerSummary]:
        assert labels == {MANAGED: ""}
        self.calls += 1
        if self.calls == 1:
            self.gate.pass_through()
            if self.error is not None:
                raise self.error
        return []


def waiting(lists: NodeLists, count: int) -> bool:
    """Whether so many wait for the list that is being made."""
    end = SystemClock().steady() + SECONDS
    while len(cast(Any, lists._changed)._waiters) < count:
        if SystemClock().steady() > end:
            return False
        Wakeup().wait(0.002)
    return True


@pytest.mark.parametrize(("wanted", "calls"), [(1, 1), (2, 2)])
def test_those_who_ask_while_a_list_is_made_share_it_or_the_next_one(wanted: int, calls: int) -> None:
    engine, got = Slow(), list[int]()
    lists = NodeLists(cast(Any, engine), SystemClock(), lambda: MANY)
    first = aside(lambda: got.append(lists.get(1, 0).number))
    assert engine.gate.came.wait(SECONDS)
    others = [aside(lambda: got.append(lists.get(wanted, 0).number)) for _ in range(MANY)]
    assert waiting(lists, MANY)
    engine.gate.open()
    for thread in (first, *others):
        thread.join(SECONDS)
    assert (engine.calls, sorted(got)) == (calls, [1] + [wanted] * MANY)


def test_a_list_that_fails_fails_for_those_who_wait_for_it_and_nobody_else() -> None:
    engine, got = Slow(EngineUnavailable("no answer")), list[str]()
    lists = NodeLists(cast(Any, engine), SystemClock(), lambda: MANY)

    def ask() -> None:
        try:
            lists.get(1, 0)
        except EngineUnavailable as error:
            got.append(error.message)

    first = aside(ask)
    assert engine.gate.came.wait(SECONDS)
    others = [aside(ask) for _ in range(MANY)]
    assert waiting(lists, MANY)
    engine.gate.open()
    for thread in (first, *others):
        thread.join(SECONDS)
    assert (engine.calls, got) == (1, ["no answer"] * (MANY + 1))
    assert lists.get(1, 0).number == 2


def test_a_pod_gets_no_list_that_began_before_what_it_was_told_of() -> None:
    clock = VirtualClock()
    engine = SimulatedEngine(clock, images=["busybox:1.36"], record_calls=True)
    lists = NodeLists(engine, clock, lambda: 2)
    one, other = (Observer(engine, clock, uid, relist=10.0, lists=lists) for uid in ("uid-1", "uid-2"))
    clock.sleep(10)
    one.observe()
    labels = {MANAGED: "1", POD_UID: "uid-2", CONTAINER_NAME: "main", ATTEMPT: "0", DOCKER_TYPE: TYPE_CONTAINER}
    made = engine.create_container(ContainerConfig(name="main", image="busybox:1.36", labels=labels))
    engine.start_container(made)
    other.suspect(made, "main", 0)
    assert [record.name for record in other.observe().containers] == ["main"]
    other.shake()
    assert [record.name for record in other.observe().containers] == ["main"]
    one.shake()
    assert one.observe().containers == ()
    assert [call.verb for call in engine.calls].count("list_containers") == 4


def test_a_pod_takes_the_list_that_another_one_has_asked_for_since() -> None:
    clock = VirtualClock()
    engine = SimulatedEngine(clock, record_calls=True)
    lists = NodeLists(engine, clock, lambda: 3)
    pods = [Observer(engine, clock, f"uid-{number}", relist=10.0, lists=lists) for number in range(3)]
    clock.sleep(10)
    for pod in pods:
        pod.shake()
    for pod in pods:
        pod.observe()
    clock.sleep(4)
    pods[0].shake()
    pods[0].observe()
    clock.sleep(6)  # The others are due, and that one is new enough.
    for pod in pods:
        pod.observe()
    assert [call.verb for call in engine.calls].count("list_containers") == 2
