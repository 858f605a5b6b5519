"""Stopping containers: a signal, a deadline, SIGKILL; whatever happens between them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

import pytest

from runner.clock import VIRTUAL_START
from runner.core.text.times import later
from runner.engine.protocol import EngineEvent
from runner.lab import new_pod
from runner.lab.script import script_of
from runner.lab.steps import Step, delete
from runner.lab.virtual import End, VirtualNode
from runner.node.running import Running

STUBBORN = {"attempts": [{"run": "forever", "onTerm": "ignore"}]}
"""Hears no stop signal."""


class Scene:
    """A pod with thirty seconds of grace on a node, and what its main container was told, and when it ended."""

    def __init__(self, script: Mapping[str, object], **container: object) -> None:
        main = {"name": "main", "image": "busybox:1.36", **container}
        self.pod = new_pod(
            {"metadata": {"name": "web"}, "spec": {"terminationGracePeriodSeconds": 30, "containers": [main]}}
        )
        self.virtual = VirtualNode()
        self.told: list[tuple[float, str]] = []
        self.virtual.engine.subscribe({}, self._hear, {"kill", "die"})
        self.running: Running = self.virtual.add(self.pod, script_of({"containers": {"main": script}}, self.pod))
        self.go_on(10)

    def go_on(self, until: float) -> None:
        """Let it be so many seconds after the beginning, whether anything happens or not."""
        self.virtual.clock.at(later(VIRTUAL_START, until), lambda: None)
        self.virtual.advance(until)

    def _hear(self, event: EngineEvent) -> None:
        if event.labels.get("io.kubernetes.container.name") == "main":
            what = event.attributes.get("signal", event.action)
            self.told.append((round((event.at - VIRTUAL_START) / timedelta(seconds=1), 3), what))

    def delete(self, grace: int | None = None) -> None:
        self.virtual.do(Step(at=0, action=delete(grace)))

    def end(self) -> list[tuple[float, str]]:
        assert self.virtual.advance(1000) is End.GONE
        assert self.virtual.engine.list_containers({}) == []
        return self.told


def test_a_container_that_obeys_is_not_killed() -> None:
    scene = Scene({"attempts": [{"run": "forever", "onTerm": {"exit": 0, "after": "3s"}}]})
    scene.delete()
    assert scene.end() == [(10, "15"), (13, "die")]


def test_a_container_that_does_not_obey_is_killed_when_its_grace_is_over() -> None:
    scene = Scene(STUBBORN)
    scene.delete()
    assert scene.end() == [(10, "15"), (40, "9"), (40, "die")]


def test_a_container_gets_the_stop_signal_that_it_asks_for() -> None:
    scene = Scene(
        {"attempts": [{"run": "forever", "onTerm": {"exit": 0, "after": "3s"}}]}, lifecycle={"stopSignal": "SIGUSR1"}
    )
    scene.delete()
    assert scene.end() == [(10, "10"), (13, "die")]


def test_no_time_at_all_is_sigkill_alone() -> None:
    scene = Scene(STUBBORN)
    scene.delete(0)
    assert scene.end() == [(10, "9"), (10, "die")]


@pytest.mark.parametrize(("at", "grace"), [(20, 5), (12, 8)])
def test_a_shorter_grace_shortens_what_is_waited_for(at: int, grace: int) -> None:
    scene = Scene(STUBBORN)
    scene.delete()
    scene.go_on(at)
    scene.delete(grace)
    assert scene.end() == [(10, "15"), (at + grace, "9"), (at + grace, "die")]


@pytest.mark.parametrize(("at", "killed"), [(20, 40), (39.5, 41.5), (60, 40)])
def test_the_next_process_kills_when_the_deletion_says_so(at: float, killed: float) -> None:
    """Between the signal and SIGKILL the node's process dies: its successor sends the signal again, and waits no longer."""
    scene = Scene(STUBBORN)
    scene.delete()
    scene.go_on(at)
    if scene.told[-1][1] == "15":
        scene.virtual.restart()
    assert [one for one in scene.end() if one[1] != "15"] == [(killed, "9"), (killed, "die")]


def test_a_container_that_has_just_ended_is_not_waited_for() -> None:
    """Its end is not heard of before the signal is sent: the Engine says that it does not run."""
    scene = Scene({})
    scene.delete()
    scene.virtual.engine.kill_container(scene.running.worker.observed.containers[0].id, "SIGKILL")
    assert scene.end() == [(10, "9"), (10, "die")]


def test_an_engine_that_is_lost_meanwhile_is_asked_again() -> None:
    scene = Scene(STUBBORN)
    scene.delete()
    scene.go_on(39)
    scene.virtual.engine.is_down = True
    scene.go_on(45)
    scene.virtual.engine.is_down = False
    told = scene.end()
    assert [what for _, what in told] == ["15", "15", "9", "die"]
    assert told[-1][0] < 80
