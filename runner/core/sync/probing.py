"""What a probe's runs amount to: thresholds, holds and initial verdicts.

Mirrors pkg/kubelet/prober/worker.go (doProbe) without its clock and its network: one run's outcome goes in, the next
state comes out.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from msgspec import Struct
from msgspec.structs import replace

from runner.core.model import Probe, ProbeKind
from runner.core.observed import ProbeResult
from runner.core.text.times import later


class RunResult(StrEnum):
    """How one run of a probe ended. An ERROR says nothing about the container: the run does not count."""

    SUCCESS = "success"
    WARNING = "warning"
    FAILURE = "failure"
    ERROR = "unknown"


class ProbeRun(Struct, frozen=True, kw_only=True):
    """One run: its result and what the handler had to say (at most 10 KiB)."""

    result: RunResult
    output: str = ""


class ProbeState(Struct, frozen=True, kw_only=True):
    """A probe of one container instance. ``runs`` counts equal results in a row; ``on_hold`` until a new instance comes."""

    verdict: ProbeResult
    last: RunResult | None = None
    runs: int = 0
    on_hold: bool = False


def initial_verdict(kind: ProbeKind) -> ProbeResult:
    """What holds before the first run."""
    return {
        ProbeKind.LIVENESS: ProbeResult.SUCCESS,
        ProbeKind.READINESS: ProbeResult.FAILURE,
        ProbeKind.STARTUP: ProbeResult.UNKNOWN,
    }[kind]


def initial_state(kind: ProbeKind) -> ProbeState:
    return ProbeState(verdict=initial_verdict(kind))


def advance_probe(kind: ProbeKind, probe: Probe, state: ProbeState, run: ProbeRun) -> ProbeState:
    """The state after one more run."""
    if run.result is RunResult.ERROR:
        return state
    # A warning counts as success towards the thresholds.
    result = RunResult.FAILURE if run.result is RunResult.FAILURE else RunResult.SUCCESS
    runs = state.runs + 1 if state.last is result else 1
    counted = replace(state, last=result, runs=runs)
    threshold = probe.failure_threshold if result is RunResult.FAILURE else probe.success_threshold
    if runs < threshold:
        return counted
    verdict = ProbeResult.FAILURE if result is RunResult.FAILURE else ProbeResult.SUCCESS
    if kind is ProbeKind.STARTUP or (kind is ProbeKind.LIVENESS and verdict is ProbeResult.FAILURE):
        return replace(counted, verdict=verdict, on_hold=True, runs=0)
    return replace(counted, verdict=verdict)


def first_run_at(probe: Probe, started_at: datetime, now: datetime) -> datetime:
    """When a probe may run for the first time: after its initial delay, counted from the container's start.

    A start that lies in the future was stamped by a clock that was set back since; it counts as now.
    """
    return max(now, later(min(started_at, now), probe.initial_delay))


def event_message(kind: ProbeKind, run: ProbeRun) -> str:
    """The text of the event about a run that was no plain success."""
    match run.result:
        case RunResult.ERROR:
            return f"{kind} probe errored and resulted in {run.result} state: {run.output}"
        case RunResult.WARNING:
            return f"{kind} probe warning: {run.output}"
        case _:
            return f"{kind} probe failed: {run.output}"
