"""An Engine that does not answer for a while, at any moment of a pod's life: nothing is lost, nothing is left."""

from __future__ import annotations

import pytest

from runner.clock import VIRTUAL_START
from runner.core.labels import POD_UID
from runner.core.narration import AttemptStarted, Narration, Notice, StatusChanged
from runner.engine.protocol import EngineState
from runner.lab import parse_script
from runner.lab.simulation import End, SimulatedRun
from runner.lab.steps import Step, delete
from tests.lab.scenes import CONTAINER, pod, sidecar

SCRIPT = """
containers:
  first: {attempts: [{exit: 1, after: 2s}, {exit: 0, after: 2s}]}
  side: {attempts: [{run: forever, onTerm: {exit: 0, after: 1s}}]}
  main: {attempts: [{exit: 3, after: 5s}, {run: forever, onTerm: {exit: 0, after: 2s}}]}
images:
  "late:1": [{ok: true, took: 3s}]
steps: [{at: 60s, delete: {grace: 20s}}]
"""
DOWN_SECONDS = 15.0
MOMENTS = [0.0, 0.5, 1.0, 2.0, 2.5, 4.0, 5.0, 7.0, 8.0, 12.0, 15.0, 30.0, 50.0, 59.5, 60.5, 61.0, 62.5]


def lost_at(moment: float) -> tuple[SimulatedRun, list[Narration]]:
    """A pod's life whose Engine is down for a while from this moment on."""
    hook = {"preStop": {"sleep": {"seconds": 1}}}
    what = pod(["first", sidecar("side")], [{"name": "main", "image": "late:1", "lifecycle": hook}])
    told: list[Narration] = []
    run = SimulatedRun(what, parse_script(SCRIPT, what), CONTAINER, listener=told.append)
    for step in run.script.steps:
        run.plan(step)
    run.advance(moment)
    run.engine.is_down = True
    run.clock.after(DOWN_SECONDS, lambda: setattr(run.engine, "is_down", False))
    return run, told


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_pod_lives_on_when_the_engine_answers_again(moment: float) -> None:
    run, told = lost_at(moment)
    assert run.advance(55 + DOWN_SECONDS) in (End.LIMIT, End.GONE)
    starts = [one.container for one in told if isinstance(one, AttemptStarted)]
    assert starts[:3] == ["first", "first", "side"]
    assert starts.count("main") >= 1 or moment < 20
    assert run.advance(200) is End.GONE
    assert not run.engine.list_containers({POD_UID: run.worker.pod.uid})
    assert (run.clock.now() - VIRTUAL_START).total_seconds() < 60 + 20 + 2 + DOWN_SECONDS + 5


@pytest.mark.parametrize("moment", [5.0, 30.0, 60.5, 62.5])
def test_the_loss_is_told_once(moment: float) -> None:
    run, told = lost_at(moment)
    run.advance(200)
    assert [one.text for one in told if isinstance(one, Notice)] in (
        [],  # nothing was to be done meanwhile
        [
            "the Engine does not answer, trying again: cannot connect to the simulated Engine",
            "the Engine answers again",
        ],
    )


@pytest.mark.parametrize("moment", MOMENTS)
def test_whoever_is_removed_was_told_to_stop_first(moment: float) -> None:
    """Every container of this pod ends by itself when it is told to; a removal alone would kill it."""
    run, told = lost_at(moment)
    run.advance(200)
    shown = [one.pod["status"] for one in told if isinstance(one, StatusChanged)][-1]
    statuses = [*(shown.get("initContainerStatuses") or ()), *(shown.get("containerStatuses") or ())]
    codes = {one["state"]["terminated"]["exitCode"] for one in statuses if "terminated" in one["state"]}
    assert codes <= {0}


def test_a_grace_period_that_is_cut_short_while_nothing_answers_is_short_afterwards() -> None:
    run, _ = lost_at(60.5)
    run.advance(65)
    run.do(Step(at=0, action=delete(0)))
    assert run.advance(60.5 + DOWN_SECONDS + 4) is End.GONE


@pytest.mark.parametrize("moment", MOMENTS)
def test_no_container_is_called_ended_that_still_runs(moment: float) -> None:
    run, told = lost_at(moment)
    wrong = []
    for second in range(int(moment), 120):
        run.advance(second)
        shown = [one.pod["status"] for one in told if isinstance(one, StatusChanged)][-1]
        statuses = [*(shown.get("initContainerStatuses") or ()), *(shown.get("containerStatuses") or ())]
        ended = {one["state"]["terminated"].get("containerID") for one in statuses if "terminated" in one["state"]}
        wrong += [(second, container_id) for container_id in _running(run) if f"docker://{container_id}" in ended]
    assert not wrong


def _running(run: SimulatedRun) -> list[str]:
    """What really runs, whether anybody can see it or not."""
    engine = run.engine
    is_down, engine.is_down = engine.is_down, False
    listed = engine.list_containers({POD_UID: run.worker.pod.uid})
    engine.is_down = is_down
    return [summary.id for summary in listed if summary.state is EngineState.RUNNING]
