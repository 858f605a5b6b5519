"""What the runs of a probe amount to."""

from __future__ import annotations

from typing import Any

import pytest

from runner.core.model import Probe, ProbeKind
from runner.core.observed import ProbeResult
from runner.core.sync.probing import (
    ProbeRun,
    RunResult,
    advance_probe,
    event_message,
    first_run_at,
    initial_state,
)
from tests.support.pods import at, make_pod

STARTUP, LIVENESS, READINESS = ProbeKind.STARTUP, ProbeKind.LIVENESS, ProbeKind.READINESS
RUNS = {"+": RunResult.SUCCESS, "w": RunResult.WARNING, "-": RunResult.FAILURE, "?": RunResult.ERROR}
VERDICTS = {ProbeResult.SUCCESS: "S", ProbeResult.FAILURE: "F", ProbeResult.UNKNOWN: "U"}


def probe(**fields: Any) -> Probe:
    value = {"exec": {"command": ["true"]}, **fields}
    found = make_pod((), ({"name": "main", "readinessProbe": value},)).containers[0].readiness
    assert found is not None
    return found


ROWS: list[tuple[str, ProbeKind, dict[str, int], str, str]] = [
    ("liveness begins well and takes three failures in a row", LIVENESS, {}, "--+---", "SSSSSF"),
    ("an error neither counts nor breaks the row", LIVENESS, {}, "--?-", "SSSF"),
    ("a warning is a success", LIVENESS, {}, "--w--", "SSSSS"),
    ("readiness begins unready and takes one success", READINESS, {}, "+", "S"),
    ("readiness stays ready until the third failure", READINESS, {}, "+--+---", "SSSSSSF"),
    ("readiness comes back", READINESS, {"failureThreshold": 1}, "+-+", "SFS"),
    ("readiness may need successes in a row", READINESS, {"successThreshold": 3}, "++-+++", "FFFFFS"),
    ("startup is unknown until its first success", STARTUP, {}, "--+", "UUS"),
    ("startup fails at its threshold", STARTUP, {"failureThreshold": 2}, "--", "UF"),
    ("startup knows nothing after errors", STARTUP, {"failureThreshold": 1}, "??", "UU"),
]


@pytest.mark.parametrize(("kind", "fields", "runs", "wanted"), [r[1:] for r in ROWS], ids=[r[0] for r in ROWS])
def test_verdicts_run_by_run(kind: ProbeKind, fields: dict[str, int], runs: str, wanted: str) -> None:
    state, verdicts = initial_state(kind), ""
    for run in runs:
        state = advance_probe(kind, probe(**fields), state, ProbeRun(result=RUNS[run]))
        verdicts += VERDICTS[state.verdict]
    assert verdicts == wanted


@pytest.mark.parametrize(
    ("kind", "runs", "on_hold"),
    [
        (LIVENESS, "---", True),
        (LIVENESS, "--", False),
        (LIVENESS, "+", False),
        (READINESS, "---", False),
        (STARTUP, "+", True),
        (STARTUP, "---", True),
        (STARTUP, "--", False),
    ],
)
def test_a_probe_rests_once_its_verdict_ends_the_instance_or_its_own_work(
    kind: ProbeKind, runs: str, on_hold: bool
) -> None:
    state = initial_state(kind)
    for run in runs:
        state = advance_probe(kind, probe(), state, ProbeRun(result=RUNS[run]))
    assert state.on_hold is on_hold


@pytest.mark.parametrize(
    ("delay", "started", "now", "wanted"),
    [(0, 0, 0, 0), (5, 0, 1, 5), (5, 0, 20, 20), (5, 10, 12, 15), (5, 7200, 0, 5)],
)
def test_the_first_run_waits_for_the_delay_since_the_start(delay: int, started: int, now: int, wanted: int) -> None:
    assert first_run_at(probe(initialDelaySeconds=delay), at(started), at(now)) == at(wanted)


@pytest.mark.parametrize(
    ("kind", "run", "text"),
    [
        (LIVENESS, "-", "Liveness probe failed: why"),
        (READINESS, "w", "Readiness probe warning: why"),
        (STARTUP, "?", "Startup probe errored and resulted in unknown state: why"),
    ],
)
def test_events_about_runs(kind: ProbeKind, run: str, text: str) -> None:
    assert event_message(kind, ProbeRun(result=RUNS[run], output="why")) == text
