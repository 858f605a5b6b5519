"""Pods of the Kubernetes node tests on the real Engine: the same manifests, steps and expectations as a kubelet passed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Future
from pathlib import Path
from typing import Final

import pytest

from tests.conformance.course import Outcome, Scenario

FOLDER: Final = Path(__file__).parents[2] / "fixtures" / "conformance" / "e2e"
QUICK: Final = frozenset(
    {
        "hook-sleep-zero",
    }
)
"""Scenarios that end soon and together touch every area; the others are slow."""


def _parameter(scenario: Scenario) -> object:
    marks = () if scenario.name in QUICK else (pytest.mark.slow_conformance,)
    return pytest.param(scenario, id=scenario.name, marks=marks)


@pytest.mark.docker
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("scenario", [_parameter(Scenario.read(path)) for path in sorted(FOLDER.glob("*.yaml"))])
def test_a_pod_lives_as_under_a_kubelet(
    scenario: Scenario, outcomes: Mapping[str, Future[Outcome]], record_property: Callable[[str, object], None]
) -> None:
    outcome = outcomes[scenario.name].result()
    record_property("seconds", round(outcome.seconds, 1))
    assert not outcome.problems, "\n".join(outcome.problems)
