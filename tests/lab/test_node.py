"""A node keeps what it runs and lets go of the rest; one pod's broken worker is that pod's trouble alone."""

from __future__ import annotations

import gc
import weakref
from contextlib import AbstractContextManager
from typing import Any, cast

import pytest

from runner.clock import VIRTUAL_START
from runner.core.manifest import Source, load
from runner.core.narration import Narration, Notice
from runner.core.text.times import later
from runner.kubelet.options import WorkerOptions
from runner.lab import new_pod
from runner.lab.between import Between
from runner.lab.script import SimulationScript, script_of
from runner.lab.steps import Step, delete
from runner.lab.virtual import Cluster, End, VirtualNode
from runner.node.mending import MOST_BREAKS
from runner.node.running import Past, Running
from runner.registry.contract import Registry
from runner.registry.memory import MemoryRegistry

WORKLOAD = """
apiVersion: apps/v1
kind: ReplicaSet
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: x}}
  template: {metadata: {labels: {app: x}}, spec: {containers: [{name: main, image: "busybox:1.36"}]}}
"""


def begun(*names: str, mends: bool = True) -> tuple[VirtualNode, list[Running], list[Narration]]:
    told: list[Narration] = []
    virtual = VirtualNode(listener=told.append, mends=mends)
    containers = [{"name": "main", "image": "busybox:1.36"}]
    spec = {"terminationGracePeriodSeconds": 2, "restartPolicy": "Always", "containers": containers}
    running = [virtual.add(new_pod({"metadata": {"name": name}, "spec": spec})) for name in names]
    virtual.advance(1)
    return virtual, running, told


def phases(virtual: VirtualNode) -> list[str]:
    return [str(one.status.phase) for one in virtual.node.everyone]


def test_a_pod_that_is_gone_leaves_memory_but_for_what_is_judged() -> None:
    virtual, running, _ = begun("a", "b")
    workers = [weakref.ref(one.worker.cache.observer) for one in running]
    del running
    virtual.do(Step(at=0, action=delete(), pod="a"))
    virtual.advance(10)
    gone, there = virtual.node.everyone
    assert isinstance(gone, Past)
    assert (gone.view.name, gone.view.is_gone, gone.view.status.phase) == ("a", True, "Succeeded")
    assert isinstance(there, Running)
    assert [one.pod.name for one in virtual.node.running] == ["b"]
    del there
    gc.collect()
    assert [worker() is None for worker in workers] == [True, False]


def broken(virtual: VirtualNode, times: int) -> None:
    """Have the next looks at the Engine end with what is not expected, and something to look at."""
    problem: Any = TypeError("no such thing")

    def happen() -> None:
        virtual.engine.fail_next("inspect_container", problem)
        virtual.engine.fail_next(
            "list_containers", problem, times - 1
        )  # A worker that begins again looks at everything.
        virtual.engine.kill_container(virtual.node.running[0].worker.observed.containers[0].id, "SIGKILL")

    virtual.clock.at(later(VIRTUAL_START, 10), happen)


def test_a_broken_worker_begins_again_ever_later_and_harms_no_other() -> None:
    virtual, (first, second), told = begun("a", "b")
    workers = [first.worker, second.worker]
    broken(virtual, 2)
    virtual.advance(60)
    assert [(one.ref.name, one.text) for one in told if isinstance(one, Notice)] == [
        ("a", "the worker of this pod broke (TypeError: no such thing), it begins again in 1 s"),
        ("a", "the worker of this pod broke (TypeError: no such thing), it begins again in 2 s"),
    ]
    assert [first.worker is workers[0], second.worker is workers[1]] == [False, True]
    assert phases(virtual) == ["Running", "Running"]
    assert first.status.containers[0].restart_count == 1
    virtual.do(Step(at=0, action=delete()))
    assert virtual.advance(100) is End.GONE
    assert virtual.engine.list_containers({}) == []


def test_a_worker_that_breaks_again_and_again_stays_down_with_its_error() -> None:
    virtual, (first, second), _ = begun("a", "b")
    broken(virtual, MOST_BREAKS + 1)
    with pytest.raises(TypeError):
        virtual.advance(60)
    assert isinstance(first.error, TypeError)
    virtual.node.check(second.pod.uid)
    with pytest.raises(TypeError):
        virtual.node.check(first.pod.uid)


def test_without_mending_what_breaks_a_worker_is_raised_at_once() -> None:
    virtual, _, told = begun("a", mends=False)
    broken(virtual, 1)
    with pytest.raises(TypeError):
        virtual.advance(60)
    assert not [one for one in told if isinstance(one, Notice)]


def test_pods_whose_deletion_is_asked_for_together_are_not_replaced() -> None:
    cluster = Cluster(load([Source(name="m", text=WORKLOAD)]).objects, SimulationScript(), WorkerOptions())
    cluster.advance(5)
    cluster.node.ask_for_deletion(0)
    assert cluster.advance(60) is End.GONE
    assert [one.view.is_gone for one in cluster.pods] == [True, True]


class Counted(Between):
    """Counts the transactions of a node; a run asks for a deletion in one."""

    def __init__(self) -> None:
        self.transactions = 0

    def registry(self, registry: MemoryRegistry) -> Registry:
        transaction = registry.transaction

        def counted() -> AbstractContextManager[None]:
            self.transactions += 1
            return transaction()

        return cast(Registry, Replaced(registry, {"transaction": counted}))


class Replaced:
    """Another object, but for some of its methods."""

    def __init__(self, other: object, methods: dict[str, object]) -> None:
        self.other, self.methods = other, methods

    def __getattr__(self, name: str) -> Any:
        return self.methods[name] if name in self.methods else getattr(self.other, name)


def test_deletion_is_asked_for_once_and_again_only_to_hasten_it() -> None:
    counted = Counted()
    virtual = VirtualNode(between=counted)
    for name in ("a", "b"):
        virtual.add(
            new_pod({"metadata": {"name": name}, "spec": {"containers": [{"name": "c", "image": "busybox:1"}]}})
        )
    virtual.advance(1)
    asked = []
    for grace in (30, 30, None, 40, 0, 0):
        before = counted.transactions
        virtual.node.ask_for_deletion(grace)
        asked.append(counted.transactions - before)
    assert asked == [2, 0, 0, 0, 2, 0]
    assert virtual.advance(60) is End.GONE


def test_the_next_container_is_made_while_one_runs() -> None:
    """As on a real Engine: production's first steps run in virtual time too."""
    spec = {
        "initContainers": [{"name": "first", "image": "busybox:1.36"}],
        "containers": [{"name": "main", "image": "busybox:1.36"}],
    }
    pod = new_pod({"metadata": {"name": "a"}, "spec": spec})
    virtual = VirtualNode(script_of({"containers": {"first": {"attempts": [{"exit": 0, "after": "5s"}]}}}, pod))
    made: list[tuple[float, str]] = []
    virtual.engine.subscribe(
        {},
        lambda event: made.append(
            ((event.at - VIRTUAL_START).total_seconds(), event.labels["io.kubernetes.container.name"])
        ),
        {"create"},
    )
    virtual.add(pod)
    virtual.advance(20)
    assert made == [(0, "POD"), (0, "first"), (0, "main")]
