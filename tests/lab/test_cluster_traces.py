"""The simulation shows what a whole cluster showed of pods that are acted upon, until they are gone."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import pytest

from runner.kubelet.options import WorkerOptions
from runner.lab import simulate, steps
from runner.lab.script import script_of
from runner.lab.simulation import End, Simulation
from runner.lab.steps import Step
from runner.retry import RetryPolicy
from tests.lab.cluster_traces import ClusterTrace, cluster_traces, last_states, printed_rows
from tests.lab.kubelet_traces import Moment, Story, names, nominal_wait, simulated_story

KUBELET = WorkerOptions(retry=RetryPolicy(scope="container"))
SECONDS = 600.0


def _run(trace: ClusterTrace, extra: list[Step]) -> Simulation:
    return simulate(trace.pod, script_of(trace.script(), trace.pod), options=KUBELET, for_seconds=SECONDS, steps=extra)


def _has_reached(ours: Story, theirs: Story, containers: list[str]) -> bool:
    return len(ours.phases) >= len(theirs.phases) and all(
        _restarts(ours, name) >= _restarts(theirs, name)
        and len(ours.runs(name)) >= len(theirs.runs(name))
        and set(ours.waits(name)) >= set(theirs.waits(name))
        for name in containers
    )


def _restarts(story: Story, name: str) -> int:
    return max((moment.containers[name].restarts for moment in story.moments if name in moment.containers), default=0)


def _deletion(trace: ClusterTrace) -> float:
    """When the pod is deleted: in the state in which it was, at that time if that state lasts so long."""
    endless = simulated_story(_run(trace, []))
    containers = list(names(trace.pod))
    reached = next(
        number
        for number in range(1, len(endless.moments) + 1)
        if _has_reached(Story(endless.moments[:number], ()), trace.before_deletion, containers)
    )
    began = [
        min(m.at for m in story.moments if _runs(m))
        for story in (trace.story, endless)
        if any(map(_runs, story.moments))
    ]
    wanted = trace.deleted_at - (began[0] - began[1] if len(began) == 2 else 0.0)
    at = endless.moments[reached - 1].at
    later = [moment.at for moment in endless.moments[reached:] if moment.at > at]
    return max(at + 0.05, min(wanted, *(moment - 0.05 for moment in later[:1]), wanted))


def _runs(moment: Moment) -> bool:
    return any(state.kind == "running" for state in moment.containers.values())


@cache
def told(path: Path) -> tuple[ClusterTrace, Story, Simulation, Story]:
    """A recording, its story, and ours, deleted in the same state."""
    trace = ClusterTrace(path)
    simulation = _run(trace, [Step(at=_deletion(trace), action=steps.delete())])
    return trace, trace.story, simulation, simulated_story(simulation)


every_trace = pytest.mark.parametrize("path", cluster_traces(), ids=lambda path: path.stem)


def test_no_recording_of_a_cluster_is_left_out() -> None:
    assert len(cluster_traces()) == 8


@every_trace
def test_the_pod_is_gone_at_the_end(path: Path) -> None:
    _, _, simulation, _ = told(path)
    assert simulation.end is End.GONE


@every_trace
def test_each_container_runs_and_ends_in_the_same_sequence(path: Path) -> None:
    trace, theirs, _, ours = told(path)
    for name in names(trace.pod):
        assert _seen(ours.runs(name), theirs.runs(name)) == theirs.runs(name), name


def _seen(ours: list[Any], theirs: list[Any]) -> list[Any]:
    """Ours without runs so short that they were not seen there."""
    return [run for run in ours if run[0] != "running" or run in theirs]


@every_trace
def test_the_instance_before_ended_as_it_did_there(path: Path) -> None:
    trace, _, simulation, _ = told(path)
    for name in names(trace.pod):
        theirs = [last_states(value).get(name) for value in trace.value["published"]]
        ours = [_last(shown.pod, name) for shown in simulation.trace]
        assert _kinds(ours) == _kinds(theirs), name


def _last(pod: Any, name: str) -> tuple[str, int] | None:
    status = pod["status"]
    for one in (*status.get("initContainerStatuses", ()), *status.get("containerStatuses", ())):
        ended = one["lastState"].get("terminated") if one["name"] == name else None
        if ended is not None:
            return ended["reason"], ended["exitCode"]
    return None


def _kinds(found: list[Any]) -> list[Any]:
    return list(dict.fromkeys(found))


@every_trace
def test_the_phases_follow_one_another_in_the_same_order(path: Path) -> None:
    _, theirs, _, ours = told(path)
    assert ours.phases == theirs.phases


@every_trace
def test_waiting_reasons_and_messages_are_the_same(path: Path) -> None:
    trace, theirs, _, ours = told(path)
    for name in names(trace.pod):
        waits, known = ours.waits(name), theirs.waits(name)
        if waits and waits[-1][0] == "CrashLoopBackOff" and waits[-1] not in known:
            waits.pop()  # A kubelet shows a back-off one sync late, and here the pod was deleted before.
        assert waits == known, name


@every_trace
def test_conditions_are_equal_wherever_nothing_changes_for_a_second(path: Path) -> None:
    _, theirs, _, ours = told(path)
    for moment in theirs.stable:
        alike = [one for one in ours.moments if _signature(one) == _signature(moment)]
        assert alike, f"never reached what was there at {moment.at} s"
        assert moment.conditions in [one.conditions for one in alike], f"at {moment.at} s"


def _signature(moment: Moment) -> object:
    return (
        moment.phase,
        moment.deleting,
        {
            name: (state.restarts, state.ready, state.started, *(("waiting",) if state.is_waiting else state.run))
            for name, state in moment.containers.items()
        },
    )


@every_trace
def test_the_wait_before_each_restart_is_nominal_and_a_kubelet_keeps_it_at_least(path: Path) -> None:
    trace, theirs, _, ours = told(path)
    if trace.restarts_all:
        return  # what starts again because everything does is no restart after a failure
    for name in names(trace.pod):
        wanted = [nominal_wait(number) for number in range(1, len(ours.gaps(name)) + 1)]
        assert ours.gaps(name) == pytest.approx(wanted)
        for real, nominal in zip(theirs.gaps(name), wanted, strict=False):
            assert nominal - 1 <= real <= nominal * 1.5 + 3


@every_trace
def test_events_are_the_same_in_type_reason_and_message_and_come_in_the_same_order(path: Path) -> None:
    _, theirs, _, ours = told(path)
    assert ours.event_order() == theirs.event_order()
    for story in (ours, theirs):
        assert max((e.count for e in story.events if e.reason == "DeadlineExceeded"), default=0) in (0, 4)


@every_trace
def test_what_kubectl_printed_one_after_the_other_is_printed_here_in_that_order(path: Path) -> None:
    trace, _, simulation, _ = told(path)
    ours = iter(printed_rows(simulation))
    for row in trace.rows:
        assert row in ours, f"{row} is not printed, or not in its place"
