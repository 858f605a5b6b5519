"""Termination messages of pods in virtual time: what a container leaves is in its status when it has ended."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from runner.clock import VirtualClock, Wakeup
from runner.core.container.messages import messages_plan
from runner.core.model import Json
from runner.engine.localvolumes import local_volume
from runner.engine.protocol import VolumeDetails
from runner.engine.simulated import Attempt, ContainerScript, OutputLine, SimulatedEngine
from runner.errors import EngineUnavailable
from runner.kubelet.containers.termination_messages import TerminationMessages
from runner.kubelet.loop.jobs import InlineJobs
from runner.kubelet.loop.observer import Observer
from runner.kubelet.loop.podcache import PodCache
from runner.kubelet.loop.tasks import TaskSet
from runner.lab import Simulation, new_pod, simulate
from runner.lab.script import SimulationScript


def container(name: str, **more: Any) -> Json:
    return {"name": name, "image": "busybox:1.36", "imagePullPolicy": "IfNotPresent", **more}


def run(
    scripts: Mapping[str, ContainerScript], *, inits: Sequence[Json] = (), policy: str = "Never", **main: Any
) -> Simulation:
    spec = {
        "restartPolicy": policy,
        "terminationGracePeriodSeconds": 30,
        "initContainers": list(inits),
        "containers": [container("main", **main)],
    }
    return simulate(new_pod({"metadata": {"name": "told"}, "spec": spec}), SimulationScript(containers=scripts))


def messages(simulation: Simulation, name: str) -> list[str]:
    """The messages of a container's endings as they were shown, without repetitions."""
    found: list[str] = []
    for shown in simulation.trace:
        status = shown.pod["status"]
        for one in (*status.get("initContainerStatuses", ()), *status.get("containerStatuses", ())):
            ended = one.get("state", {}).get("terminated") if one["name"] == name else None
            if ended and ended.get("message", "") not in found[-1:]:
                found.append(ended.get("message", ""))
    return found


@pytest.mark.parametrize("code", [0, 3])
def test_what_a_container_leaves_is_in_the_status_that_shows_its_end(code: int) -> None:
    script = ContainerScript(attempts=(Attempt(exit_code=code, after=2),), termination_message="why")
    assert messages(run({"main": script}), "main") == ["why"]


def test_nothing_is_left_without_a_path() -> None:
    script = ContainerScript(attempts=(Attempt(after=2),), termination_message="why")
    assert messages(run({"main": script}, terminationMessagePath=""), "main") == [""]


def test_an_init_container_that_succeeds_shows_its_message_without_holding_up_the_next_one() -> None:
    script = ContainerScript(attempts=(Attempt(after=2),), termination_message="prepared")
    simulation = run({"first": script}, inits=[container("first"), container("second")])
    assert messages(simulation, "first")[-1] == "prepared"
    last = {one["name"]: one for one in simulation.trace[-1].pod["status"]["initContainerStatuses"]}
    ended, begun = last["first"]["state"]["terminated"], last["second"]["state"]["terminated"]
    assert ended["finishedAt"] == begun["startedAt"]


def test_each_run_has_a_message_of_its_own() -> None:
    script = ContainerScript(attempts=(Attempt(exit_code=1, after=2), Attempt(after=2)), termination_message="why")
    simulation = run({"main": script}, policy="OnFailure")
    status = simulation.trace[-1].pod["status"]["containerStatuses"][0]
    assert [status[state]["terminated"]["message"] for state in ("lastState", "state")] == ["why", "why"]


@pytest.mark.parametrize(("code", "shown"), [(0, ""), (1, "last words\n")])
def test_the_end_of_the_log_stands_in_when_a_container_fails(code: int, shown: str) -> None:
    said = (OutputLine(at=0.5, data=b"last words\n"),)
    script = ContainerScript(attempts=(Attempt(exit_code=code, after=2, output=said),))
    assert messages(run({"main": script}, terminationMessagePolicy="FallbackToLogsOnError"), "main") == [shown]


@pytest.mark.parametrize(("width", "size"), [(20, 80 * 20), (100, 2048)])
def test_a_log_is_cut_to_its_last_eighty_lines_and_two_kilobytes(width: int, size: int) -> None:
    lines = tuple(OutputLine(at=0.5, data=b"%03d\n" % number * (width // 4)) for number in range(200))
    script = ContainerScript(attempts=(Attempt(exit_code=1, after=2, output=lines),))
    (shown,) = messages(run({"main": script}, terminationMessagePolicy="FallbackToLogsOnError"), "main")
    assert len(shown) == size
    assert shown.endswith("199\n")


def test_a_volume_of_another_machine_or_none_is_no_directory_here() -> None:
    engine = SimulatedEngine(VirtualClock())
    pod = new_pod({"metadata": {"name": "told"}, "spec": {"containers": [container("main")]}})
    plan = messages_plan(pod, "me")
    assert local_volume(engine, plan.source) is None
    assert plan.create is not None
    engine.create_volume(plan.create)
    assert local_volume(engine, plan.source) is None


def test_an_engine_that_does_not_answer_is_not_taken_for_a_missing_volume() -> None:
    engine = SimulatedEngine(VirtualClock())
    engine.fail_next("inspect_volume", EngineUnavailable("gone"))
    pod = new_pod({"metadata": {"name": "told"}, "spec": {"containers": [container("main")]}})
    with pytest.raises(EngineUnavailable):
        local_volume(engine, messages_plan(pod, "me").source)


class Near(SimulatedEngine):
    """An Engine whose volumes are directories of this machine."""

    root: Path

    def inspect_volume(self, name: str) -> VolumeDetails:
        return replace(super().inspect_volume(name), mountpoint=str(self.root / name / "_data"))


def test_files_in_reach_are_made_for_everybody_to_write_and_keep_what_is_in_them(tmp_path: Path) -> None:
    engine = Near(VirtualClock())
    engine.root = tmp_path
    pod = new_pod({"metadata": {"name": "told"}, "spec": {"containers": [container("main")]}})
    plan = messages_plan(pod, "me")
    assert plan.create is not None
    engine.create_volume(plan.create)
    assert local_volume(engine, plan.source) is None, "there is no such directory"
    data = tmp_path / plan.source / "_data"
    data.mkdir(parents=True)
    clock = VirtualClock()
    messages = TerminationMessages(
        cache=PodCache(pod, Observer(engine, clock, pod.uid), clock, node_name="", host_ip=""),
        engine=engine,
        clock=clock,
        jobs=InlineJobs(clock, Wakeup(), engine),
        tasks=TaskSet(),
        plans=lambda: (plan,),
    )
    main = pod.containers[0]
    messages.make_ready(main, 0, "no sandbox is asked")
    first = data / "containers" / "main" / "0"
    assert first.stat().st_mode & 0o777 == 0o666
    first.write_text("why")
    messages.make_ready(main, 0, "no sandbox is asked")
    assert first.read_text() == "why"
    messages.make_ready(main, 1, "no sandbox is asked")
    assert (data / "containers" / "main" / "1").stat().st_mode & 0o777 == 0o666
