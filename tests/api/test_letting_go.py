"""A Runner that lives for long holds no more after many pods have lived and gone than before."""

from __future__ import annotations

import gc
import threading
import weakref
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from queue import SimpleQueue
from typing import Any, TypeVar, cast

from runner.api.facade import Runner
from runner.clock import SystemClock, VirtualClock, Wakeup
from runner.engine.protocol import Engine, EngineEvent, LogChunk
from runner.engine.seam import Call, Seam
from runner.engine.simulated import SimulatedEngine
from runner.engine.simulated.events import EventBus
from runner.kubelet.loop.lists import Listing
from runner.registry.memory import MemoryRegistry
from tests.support.gates import SECONDS
from tests.support.reach import growth, sizes

T = TypeVar("T")
REPLICAS, ROUNDS, RUNS = 2, 25, 3
OUTSIDE = (MemoryRegistry, SimulatedEngine, EventBus, VirtualClock, Listing)
"""What is no part of a Runner, and the last list of what there is."""
CONTAINER = {"name": "main", "image": "busybox:1.36"}
POD = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web"}, "spec": {"containers": [CONTAINER]}}
SET = {
    "apiVersion": "apps/v1",
    "kind": "ReplicaSet",
    "metadata": {"name": "many"},
    "spec": {
        "replicas": REPLICAS,
        "selector": {"matchLabels": {"app": "x"}},
        "template": {"metadata": {"labels": {"app": "x"}}, "spec": POD["spec"]},
    },
}


class Silent:
    """Output of a container that has written nothing."""

    def __iter__(self) -> Iterator[LogChunk]:
        return iter(())

    def batches(self) -> Iterator[list[LogChunk]]:
        return iter(())

    def place(self) -> int | None:
        return None

    def close(self) -> None:
        """Nothing is held."""


class Told:
    """Events as they happen, for another thread."""

    def __init__(self, engine: SimulatedEngine, labels: Mapping[str, str]) -> None:
        self._queue: SimpleQueue[EngineEvent | None] = SimpleQueue()
        self._end = engine.subscribe(labels, self._queue.put)

    def __iter__(self) -> Iterator[EngineEvent]:
        return iter(self._queue.get, None)

    def close(self) -> None:
        self._end()
        self._queue.put(None)


class Threaded(SimulatedEngine):
    """A simulated Engine for a node with threads; its time stands still."""

    def events(self, labels: Mapping[str, str], *, since: datetime | None = None) -> Any:  # noqa: ARG002
        return Told(self, labels)

    def logs(self, *_: object, **__: object) -> Any:
        return Silent()


class OneAtATime:
    """A ``Wrapper``."""

    def __init__(self) -> None:
        self._lock = threading.RLock()

    def around(self, call: Call, proceed: Callable[[], T]) -> T:
        if call.step:
            return proceed()
        with self._lock:
            return proceed()


def engine_of() -> Engine:
    clock = VirtualClock(SystemClock().now())
    return Seam(cast(Engine, Threaded(clock, images=["busybox:1.36"])), OneAtATime(), clock)


def comes_true(condition: Callable[[], bool]) -> bool:
    clock = SystemClock()
    end = clock.steady() + SECONDS
    while not condition() and clock.steady() < end:
        Wakeup().wait(0.01)
    return condition()


def replaced(runner: Runner, uids: set[str]) -> bool:
    """Whether others than these pods are there, all ready."""
    there = [pod for pod in runner.pods if pod.uid not in uids]
    return len(there) == len(runner.pods) == REPLICAS and all(pod.status.is_ready for pod in there)


def go(runner: Runner) -> list[weakref.ref[Any]]:
    """Let all pods be replaced. Returns what was held of them."""
    pods = runner.pods
    for pod in pods:
        pod.delete(grace=0, timeout=SECONDS)
    uids = {pod.uid for pod in pods}
    assert comes_true(lambda: replaced(runner, uids))
    return [weakref.ref(part) for pod in pods for part in (pod, pod._resources)]


def run(runner: Runner) -> weakref.ref[Any]:
    """Let one pod live and go, in a run of its own. Returns what was held of it."""
    pod = runner.run(POD)
    runner.end([pod])
    assert pod.is_gone
    return weakref.ref(pod)


def held_by(runner: Runner) -> Counter[str]:
    return sizes(runner, without=OUTSIDE)


def test_a_runner_lets_go_of_pods_and_runs_that_are_gone(tmp_path: Path) -> None:
    with Runner(home=tmp_path, store=MemoryRegistry(), engine=engine_of()) as runner:
        runner.run_all(SET)
        (life,) = runner._lives
        assert life._run is not None
        life._run.node.roster.remember(0)  # What the verdict on a run looks at.
        go(runner)
        run(runner)
        before = held_by(runner)
        held = [part for _ in range(ROUNDS) for part in go(runner)]
        held += [run(runner) for _ in range(RUNS)]
        # What changes with the moment has to do with the pods that are there, and is less than one for each that is gone.
        assert comes_true(lambda: not growth(before, held_by(runner), by=ROUNDS)), growth(
            before, held_by(runner), by=ROUNDS
        )
        assert comes_true(lambda: gc.collect() >= 0 and all(part() is None for part in held))
