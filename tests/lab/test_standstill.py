"""Pods that stand at breakpoints, in virtual time: what waits for them comes that much later, and nothing is ever negative."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from runner.clock import VIRTUAL_START, VirtualClock
from runner.core.faults.breakpoints import Resume, breakpoints_of, stopped_at, told_to_go_on
from runner.kubelet.options import WorkerOptions
from runner.lab import new_pod
from runner.lab.script import script_of
from runner.lab.virtual import VirtualNode
from runner.node.running import Running
from runner.node.standing import Standing
from runner.retry import RetryPolicy

STOOD = 500.0
FAILS = {"containers": {"migrate": {"attempts": [{"exit": 3, "after": "1s"}]}}}


class Bench:
    """A node whose pods stand at breakpoints."""

    def __init__(self, script: Mapping[str, Any], *breakpoints: str, clock: VirtualClock | None = None) -> None:
        clock = clock or VirtualClock()
        self.standing = Standing(breakpoints_of(breakpoints), clock)
        pod = _pod("any")
        options = WorkerOptions(retry=RetryPolicy(scope="container"))
        self.node = VirtualNode(script_of(dict(script), pod), options, clock=clock, mends=True, standing=self.standing)
        self.clock = clock

    def at(self, one: Running) -> str:
        found = self.node.store.get("Pod", "default", one.pod.name)
        assert found is not None
        return stopped_at(found)

    def go_on(self, one: Running, how: Resume = Resume.CONTINUE) -> None:
        self.node.store.change("Pod", "default", one.pod.name, lambda old: dict(told_to_go_on(old, how)))  # type: ignore[arg-type]
        one.wakeup.set()

    def advance(self, seconds: float) -> None:
        self.clock.after(seconds, lambda: None)  # While all stand nothing else makes time pass.
        self.node.advance((self.clock.now() - VIRTUAL_START).total_seconds() + seconds)


def _pod(name: str, **spec: Any) -> Any:
    base = {
        "initContainers": [{"name": "migrate", "image": "busybox:1.36"}],
        "containers": [{"name": "app", "image": "busybox:1.36"}],
    }
    return new_pod({"metadata": {"name": name}, "spec": {**base, **spec}})


def _restarts(one: Running) -> int:
    return one.status.init_containers[0].restart_count


def test_a_back_off_comes_as_much_later_as_its_pod_stood() -> None:
    """It failed at 1 s; the second attempt comes at once, the third after ten seconds, of which those that it stood are none."""
    bench = Bench(FAILS, "migrate#1.failed")
    one = bench.node.add(_pod("web"))
    bench.advance(8)
    assert bench.at(one) == "migrate#1.failed"
    assert (_restarts(one), bench.standing.is_anywhere) == (1, True)
    bench.advance(STOOD)
    assert _restarts(one) == 1
    bench.go_on(one)
    bench.advance(5)
    assert (_restarts(one), bench.at(one)) == (1, "")
    bench.advance(8)
    assert _restarts(one) == 2
    assert bench.standing.seconds == pytest.approx(STOOD, abs=10)
    assert not bench.standing.is_anywhere


def test_of_two_pods_that_stand_one_goes_on_and_time_is_counted_once() -> None:
    bench = Bench(FAILS, "migrate#0.failed")
    first, second = bench.node.add(_pod("first")), bench.node.add(_pod("second"))
    bench.advance(STOOD)
    bench.go_on(first, Resume.SKIP)
    bench.advance(20)
    assert (bench.at(first), bench.at(second)) == ("", "migrate#0.failed")
    assert first.status.phase == "Running"
    assert _restarts(second) == 0
    bench.go_on(second, Resume.FAIL)
    bench.advance(5)
    assert not bench.standing.is_anywhere
    assert bench.standing.seconds == pytest.approx(STOOD + 20, abs=10)


def test_two_stops_of_one_pod_are_gone_on_from_one_after_the_other() -> None:
    bench = Bench(FAILS, "migrate#0.created", "migrate#0.failed")
    one = bench.node.add(_pod("web"))
    for where in ("migrate#0.created", "migrate#0.failed"):
        bench.advance(20)
        assert bench.at(one) == where
        bench.go_on(one)
    bench.advance(2)
    assert (bench.at(one), bench.standing.is_anywhere) == ("", False)


def test_a_worker_that_is_mended_while_its_pod_stands_keeps_its_stop() -> None:
    bench = Bench(FAILS, "migrate#0.failed")
    one = bench.node.add(_pod("web"))
    bench.advance(20)
    assert bench.node.node.mend(one)
    one.wakeup.set()
    bench.advance(20)
    assert (bench.at(one), _restarts(one), bench.standing.is_anywhere) == ("migrate#0.failed", 0, True)
    bench.go_on(one, Resume.SKIP)
    bench.advance(20)
    assert (one.status.phase, bench.standing.is_anywhere) == ("Running", False)


def test_a_clock_that_goes_back_makes_no_negative_standstill() -> None:
    clock = _GoesBack()
    bench = Bench(FAILS, "migrate#0.failed", clock=clock)
    one = bench.node.add(_pod("web"))
    bench.advance(20)
    clock.back = 3600.0
    assert bench.standing.seconds == 0.0
    bench.go_on(one)
    bench.advance(0)
    assert bench.standing.seconds == 0.0
    assert one.worker.cache.stood == 0.0


class _GoesBack(VirtualClock):
    """A steady clock that is not."""

    back = 0.0

    def steady(self) -> float:
        return super().steady() - self.back
