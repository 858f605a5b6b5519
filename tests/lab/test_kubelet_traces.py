"""The simulation shows what a real kubelet showed, by the rules that stand beside the recordings."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import pytest

from runner.kubelet.options import WorkerOptions
from runner.lab import simulate, steps
from runner.lab.script import script_of
from runner.lab.steps import Step
from runner.retry import RetryPolicy
from tests.lab.kubelet_traces import (
    KubeletTrace,
    Moment,
    Story,
    names,
    nominal_wait,
    simulated_story,
    traces,
)

KUBELET = WorkerOptions(retry=RetryPolicy(scope="container"))
LONG = 2500.0
PROBES: dict[str, dict[str, Any]] = {
    "g": {
        "main": {
            "liveness": [
                {"at": "11s", "result": "failure", "output": "cat: can't open '/tmp/ok': No such file or directory\n"}
            ]
        }
    }
}
"""What the probes of a case said, which only its command tells."""


def _run(trace: KubeletTrace, extra: list[Step], seconds: float = LONG) -> Story:
    script = trace.script()
    for container, probes in PROBES.get(trace.case, {}).items():
        script["containers"][container]["probes"] = probes
    return simulated_story(
        simulate(trace.pod, script_of(script, trace.pod), options=KUBELET, for_seconds=seconds, steps=extra)
    )


def _has_reached(ours: Story, theirs: Story, containers: list[str]) -> bool:
    return len(ours.phases) >= len(theirs.phases) and all(
        len(ours.runs(name)) >= len(theirs.runs(name)) and len(ours.waits(name)) >= len(theirs.waits(name))
        for name in containers
    )


@cache
def told(path: Path) -> tuple[KubeletTrace, Story, Story]:
    """A recording, its story, and ours: cut off, or the pod deleted, where the recording was when that happened."""
    trace = KubeletTrace(path)
    extra = [Step(at=5.0, action=steps.kill_sandbox)] if trace.sandbox_killed() else []
    before, endless = trace.before_deletion, _run(trace, extra)
    if trace.has_killing_probes:
        return trace, trace.story.until_late_restart(), endless.until_late_restart()
    containers = list(names(trace.pod))
    reached = next(
        number
        for number in range(1, len(endless.moments) + 1)
        if _has_reached(Story(endless.moments[:number], ()), before, containers)
    )
    end = endless.moments[reached - 1].at
    if trace.is_deleted:
        return trace, trace.story, _run(trace, [*extra, Step(at=end + 0.25, action=steps.delete())])
    events = tuple(event for event in endless.events if event.at <= end)
    return trace, trace.story, Story(endless.moments[:reached], events)


every_trace = pytest.mark.parametrize("path", traces(), ids=lambda path: path.stem)


def test_no_recording_is_left_out() -> None:
    assert len(traces()) == 19


@every_trace
def test_each_container_runs_and_ends_in_the_same_sequence(path: Path) -> None:
    trace, theirs, ours = told(path)
    for name in names(trace.pod):
        assert ours.runs(name) == theirs.runs(name), name


@every_trace
def test_the_phases_follow_one_another_in_the_same_order(path: Path) -> None:
    _, theirs, ours = told(path)
    assert ours.phases == theirs.phases


@every_trace
def test_waiting_reasons_and_messages_are_the_same(path: Path) -> None:
    trace, theirs, ours = told(path)
    for name in names(trace.pod):
        assert ours.waits(name) == theirs.waits(name), name


@every_trace
def test_conditions_are_equal_wherever_nothing_changes_for_a_second(path: Path) -> None:
    _, theirs, ours = told(path)
    for moment in theirs.stable:
        alike = [one for one in ours.moments if _signature(one) == _signature(moment)]
        assert alike, f"never reached what was there at {moment.at} s"
        assert moment.conditions in [one.conditions for one in alike], f"at {moment.at} s"


def _signature(moment: Moment) -> object:
    """What identifies a state in both; a container that waits to run again and one that has ended are one."""
    return moment.deleting, {
        name: (state.restarts, state.ready, state.started, *(("waiting",) if state.is_waiting else state.run))
        for name, state in moment.containers.items()
    }


@every_trace
def test_the_wait_before_each_restart_is_nominal_and_a_kubelet_keeps_it_at_least(path: Path) -> None:
    trace, theirs, ours = told(path)
    if trace.sandbox_killed():
        return  # what a new sandbox runs again is no restart after a failure
    for name in names(trace.pod):
        wanted = [nominal_wait(number) for number in range(1, len(ours.gaps(name)) + 1)]
        assert ours.gaps(name) == wanted
        for real, nominal in zip(theirs.gaps(name), wanted, strict=True):
            assert nominal - 1 <= real <= nominal * 1.5 + 1.5


@every_trace
def test_events_are_the_same_in_type_reason_and_message_and_come_in_the_same_order(path: Path) -> None:
    _, theirs, ours = told(path)
    if theirs.events:
        assert ours.event_order() == theirs.event_order()
        assert all(mine == real for mine, real in zip(ours.repetitions(), theirs.repetitions(), strict=False))


@every_trace
def test_counts_of_one_event_grow_by_one(path: Path) -> None:
    _, theirs, ours = told(path)
    for story in (theirs, ours):
        counts: dict[object, int] = {}
        for event in story.events:
            assert event.count == counts.get(event.key, 0) + 1
            counts[event.key] = event.count
