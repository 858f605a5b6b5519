"""How often the pods of one node ask the Engine for a list: together once, and never for one that is too old."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar, cast

import pytest

from runner.clock import VIRTUAL_START
from runner.core.labels import POD_UID
from runner.engine.protocol import Engine, EngineEvent
from runner.engine.seam import Call, Seam
from runner.engine.simulated import SimulatedEngine
from runner.errors import EngineUnavailable
from runner.lab import new_pod
from runner.lab.between import Between, Deliver
from runner.lab.virtual import VirtualNode

T = TypeVar("T")
PODS = 50


class Ear(Between):
    """Counts what a node asks its Engine, and loses events while it is deaf."""

    relist = 10.0

    def __init__(self) -> None:
        self.lists: list[Mapping[str, str]] = []
        self.inspections = 0
        self.is_deaf = False

    def engine(self, engine: SimulatedEngine) -> Engine:
        return Seam(cast(Engine, engine), self, engine.clock)

    def around(self, call: Call, proceed: Callable[[], T]) -> T:
        """A ``Wrapper``'s."""
        result = proceed()
        if call.verb == "list_containers":
            self.lists.append(cast(Any, call.arguments["labels"]))
        self.inspections += call.verb == "inspect_container"
        return result

    def event(self, event: EngineEvent, deliver: Deliver) -> None:
        if not self.is_deaf:
            deliver(event)

    def forget(self) -> None:
        self.lists.clear()
        self.inspections = 0


def node_of(pods: int, seconds_between: float = 0.0) -> tuple[VirtualNode, Ear]:
    """A node whose pods run, each begun so many seconds after the one before."""
    ear = Ear()
    virtual = VirtualNode(between=ear)
    spec = {"containers": [{"name": "main", "image": "busybox:1.36"}]}
    for number in range(pods):
        virtual.add(new_pod({"metadata": {"name": f"pod-{number}"}, "spec": spec}))
        virtual.advance(number * seconds_between)
    virtual.advance(25)
    assert [one.status.phase.value for one in virtual.node.everyone] == ["Running"] * pods
    ear.forget()
    return virtual, ear


@pytest.mark.parametrize("seconds_between", [0.0, 0.15, 0.4])
def test_fifty_idle_pods_ask_for_one_list_in_ten_seconds(seconds_between: float) -> None:
    virtual, ear = node_of(PODS, seconds_between)
    virtual.advance(125)
    assert 9 <= len(ear.lists) <= 11
    assert ear.inspections == 0


def test_one_pod_alone_asks_for_its_own_containers() -> None:
    virtual, ear = node_of(1)
    virtual.advance(55)
    assert ear.lists == [{POD_UID: virtual.node.running[0].pod.uid}] * 3


def test_when_events_may_have_been_missed_one_list_serves_all_pods() -> None:
    virtual, ear = node_of(PODS)
    virtual.node.engine_event(None)
    virtual.advance(26)
    assert (len(ear.lists), ear.inspections) == (1, 0)


def test_when_the_engine_answers_again_one_list_serves_all_pods() -> None:
    virtual, ear = node_of(PODS)
    virtual.engine.fail_next("list_containers", EngineUnavailable("no answer"), PODS)
    virtual.node.engine_event(None)
    virtual.advance(27)
    assert len(ear.lists) == 1


def test_what_nobody_heard_of_is_found_at_the_next_list() -> None:
    virtual, ear = node_of(3)
    pod = virtual.node.running[1].pod
    ear.is_deaf = True
    (_, app) = sorted(
        virtual.engine.list_containers({POD_UID: pod.uid}), key=lambda one: one.created_at or VIRTUAL_START
    )
    virtual.engine.end(app.id, 3)
    virtual.advance(36)
    (status,) = virtual.node.running[1].status.containers
    assert (status.restart_count, status.running is not None) == (1, True)
    assert 1 <= len(ear.lists) <= 2


@pytest.mark.parametrize("is_missed", [False, True])
def test_pods_that_come_go_and_restart_meanwhile_are_seen_as_they_are(is_missed: bool) -> None:
    """A list that another pod has asked for before would not have what has happened since."""
    virtual, _ = node_of(5)
    spec = {"containers": [{"name": "main", "image": "busybox:1.36"}]}
    for round_ in range(30):
        at = 25 + round_ * 0.7
        virtual.advance(at)
        if is_missed:
            virtual.node.engine_event(None)
        late = virtual.add(new_pod({"metadata": {"name": f"late-{round_}"}, "spec": spec}))
        virtual.advance(at + 0.1)
        _, app = sorted(
            virtual.engine.list_containers({POD_UID: late.pod.uid}), key=lambda one: one.created_at or VIRTUAL_START
        )
        virtual.engine.end(app.id, 1)
        virtual.advance(at + 0.2)
        assert [one.restart_count for one in late.status.containers] == [1]
        assert len(virtual.engine.list_containers({POD_UID: late.pod.uid})) == 3
