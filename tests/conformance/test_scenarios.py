"""Pods of the Kubernetes node tests on the real Engine: the same manifests, steps and expectations as a kubelet passed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Future
from typing import Final

import pytest

from tests.conformance.course import Outcome
from tests.conformance.scenario import FOLDER, Scenario

QUICK: Final = frozenset(
    {
        "crash-backoff-max-1",
        "exit-status-never",
        "exit-status-onfailure",
        "grace-sigterm-ignored",
        "hook-poststart-exec-sidecar",
        "hook-prestop-http",
        "hook-sleep-zero",
        "init-before-poststart",
        "init-before-sidecar-fails-never",
        "init-fail-restart-always",
        "init-fail-restart-never",
        "init-restart-always",
        "poststart-blocks-second-container",
        "prestop-on-startup-failure",
        "probe-exec-liveness-timeout",
        "probe-http-local-redirect-restart",
        "probe-liveness-http-restart",
        "probe-sidecar-liveness-after-startup",
        "probe-sidecar-readiness-initial-delay",
        "probe-startup-level-grace",
        "regular-prestop-exceeds-grace",
        "restart-all-after-plain-restart",
        "restart-all-twice-no-loop",
        "rule-container-never",
        "rule-match",
        "sidecar-bad-image-always",
        "sidecar-exceeds-grace",
        "sidecar-exit-1-on-delete",
        "sidecar-prestop-exceeds-grace",
        "sidecar-runs-always",
        "sidecar-runs-never",
        "sidecar-runs-onfailure",
        "sidecar-startup-probe-serial",
        "sidecars-prestop-simultaneous",
        "termination-message-fallback-fail",
        "termination-message-fallback-ok",
        "update-regular-always",
        "update-sidecar-in-termination-always",
        "update-sidecar-liveness-fail-never",
        "update-sidecar-running-never",
    }
)
"""Scenarios that end soon and together touch every area; the others are slow, or a busy machine disturbs them.

What probes by ``exec`` each second, and may not fail once within the default second, is no test for all at once.
"""


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


def test_the_quick_scenarios_are_there() -> None:
    assert {path.stem for path in FOLDER.glob("*.yaml")} >= QUICK
