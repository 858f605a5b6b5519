"""Whatever is made again and again waits ever longer, and says why."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from itertools import pairwise
from typing import Any

import pytest

from runner.clock import VIRTUAL_START, NothingWillHappen
from runner.core.labels import CONTAINER_NAME, SANDBOX_CONTAINER
from runner.core.model import RetryScope
from runner.core.narration import Narration, RetryScheduled
from runner.engine.simulated.script import Attempt, ContainerScript
from runner.kubelet.options import WorkerOptions
from runner.lab.script import SimulationScript
from runner.lab.simulation import SimulatedRun, Simulation, simulate
from runner.lab.steps import Step, kill_sandbox
from runner.retry import RetryPolicy
from tests.lab.scenes import CONTAINER, events, pod, run, starts

FOREVER = "containers: {main: {attempts: [{run: forever}]}}"


def sandboxes(simulation: Simulation) -> list[float]:
    """When each sandbox started."""
    stream = simulation.engine.events({CONTAINER_NAME: SANDBOX_CONTAINER}, since=simulation.began_at)
    return [simulation.seconds(event.at) for event in _until_now(stream) if event.action == "start"]


def _until_now(stream: Any) -> Sequence[Any]:
    found = []
    with suppress(NothingWillHappen):
        found.extend(iter(stream))
    return found


@pytest.mark.parametrize("policy", ["Always", "OnFailure"])
@pytest.mark.parametrize("scope", list(RetryScope))
def test_an_init_container_that_lost_a_child_to_memory_is_repeated_ever_later(scope: RetryScope, policy: str) -> None:
    """It ends with code 0 and has failed all the same: a kubelet's doBackOff looks at it also in a new sandbox."""
    what = pod(["first"], restartPolicy=policy)
    spared = Attempt(oom=True, is_spared=True, after=1.0)
    script = SimulationScript(containers={"first": ContainerScript(attempts=(spared,))})
    options = WorkerOptions(retry=RetryPolicy(scope=scope))
    simulation = simulate(what, script, options=options, for_seconds=300)
    begins = starts(simulation, "first")
    assert [round(after - before) for before, after in pairwise(begins)][:5] == [1, 11, 21, 41, 81]
    assert len(sandboxes(simulation)) <= len(begins)
    assert events(simulation, "BackOff")


def test_a_sandbox_that_dies_again_and_again_is_made_again_ever_later() -> None:
    """Once, twice, three times at once, as a kubelet does it for ever; then after 10 s, 20 s, …"""
    what = pod()
    told: list[Narration] = []
    lived = SimulatedRun(what, SimulationScript(), CONTAINER, listener=told.append)
    made: list[float] = []
    lived.engine.subscribe(
        {CONTAINER_NAME: SANDBOX_CONTAINER},
        lambda event: made.append((event.at - VIRTUAL_START).total_seconds()),
        frozenset({"start"}),
    )
    for second in range(1, 200):
        lived.plan(Step(at=second, action=kill_sandbox))
    lived.advance(200)
    assert made[:4] == [0.0, 1.0, 2.0, 3.0]
    assert [round(after - before) for before, after in pairwise(made[3:])][:4] == [10, 20, 40, 80]
    holds = [one for one in told if isinstance(one, RetryScheduled) and "then a new sandbox" in one.text]
    assert holds[0].text == "the sandbox is not ready; back-off 10s, then a new sandbox"


def test_a_sandbox_that_has_lived_for_long_is_made_again_at_once() -> None:
    steps = [f"{{at: {at}s, killSandbox: true}}" for at in (1, 2, 3, 700)]
    simulation = run(pod(), f"{FOREVER}\nsteps: [{', '.join(steps)}]", seconds=800)
    assert sandboxes(simulation) == [0.0, 1.0, 2.0, 3.0, 700.0]


def test_a_rule_that_starts_everything_again_for_ever_waits_too() -> None:
    """A kubelet loses the records that its back-off needs (KEP-5532 promises one all the same)."""
    rules = [{"action": "RestartAllContainers", "exitCodes": {"operator": "In", "values": [42]}}]
    main = {"name": "main", "restartPolicy": "Never", "restartPolicyRules": rules}
    simulation = run(pod([], [main]), "containers: {main: {attempts: [{exit: 42, after: 1s}]}}", seconds=200)
    begins = starts(simulation, "main")
    assert [round(after - before) for before, after in pairwise(begins)][:6] == [1, 1, 1, 10, 20, 40]
    assert any("restarting failed container main" in text for _, _, text in events(simulation, "BackOff"))
