"""Who listens to a run, and what is left open when it is over."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from runner.clock import SystemClock, VirtualClock
from runner.core.narration import Narration, PodRef, StatusChanged
from runner.core.status.podstatus import Phase, PodStatus
from runner.engine.simulated import SimulatedEngine
from runner.kubelet.options import RunOptions
from runner.node.audience import Audience
from runner.registry.home import Home
from tests.support.gates import open_below

RUNNING = StatusChanged(
    at=datetime(2026, 1, 2, tzinfo=UTC),
    ref=PodRef(namespace="default", name="web", uid="u1"),
    manifest={"metadata": {"name": "web", "uid": "u1"}},
    status=PodStatus(phase=Phase.RUNNING),
)


def test_the_artifacts_are_written_when_the_run_is_over_and_never_stay_open(tmp_path: Path) -> None:
    heard: list[Narration] = []
    options = RunOptions(artifacts=tmp_path / "out")
    with Audience(
        SimulatedEngine(VirtualClock()), Home(tmp_path / "home"), options, heard.append, SystemClock()
    ) as audience:
        audience(RUNNING)
        assert open_below(tmp_path / "out") == []
    assert heard == [RUNNING]
    assert (tmp_path / "out/default_web/trace.jsonl").read_bytes().count(b"\n") == 1
    assert open_below(tmp_path / "out") == []
