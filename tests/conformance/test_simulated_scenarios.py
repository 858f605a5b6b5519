"""The same scenarios in virtual time, as far as their containers need no real process: no Engine, no waiting."""

from __future__ import annotations

import pytest

from tests.conformance.course import Course
from tests.conformance.scenario import FOLDER, Scenario
from tests.conformance.simulated_bed import NEEDS_PROCESSES, SimulatedBed, needs_processes

SCENARIOS = [Scenario.read(path) for path in sorted(FOLDER.glob("*.yaml"))]
LEFT_OUT = {scenario.name: reason for scenario in SCENARIOS if (reason := needs_processes(scenario))}
SIMULATED = [scenario for scenario in SCENARIOS if scenario.name not in LEFT_OUT]


@pytest.mark.parametrize("simulated", SIMULATED, ids=lambda scenario: scenario.name)
def test_a_pod_lives_in_simulation_as_under_a_kubelet(simulated: Scenario) -> None:
    outcome = Course(SimulatedBed(), simulated).run()
    assert not outcome.problems, "\n".join(outcome.problems)


def test_only_the_network_and_restarts_of_the_program_need_a_process() -> None:
    assert set(LEFT_OUT.values()) <= NEEDS_PROCESSES
    assert len(SIMULATED) > 3 * len(LEFT_OUT)
