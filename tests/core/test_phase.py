"""The pod's phase."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from runner.core.model import ContainerID, Pod
from runner.core.observed import ContainerRecord, Observed, RuntimeState, SandboxRecord
from runner.core.status.phase import app_has_started, get_phase
from runner.core.status.podstatus import ContainerStatus, Phase, container_status_from_json

CASES: list[dict[str, Any]] = json.loads(
    (Path(__file__).parents[2] / "fixtures" / "conformance" / "podphase.json").read_text()
)["cases"]
NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize("row", CASES, ids=[f"{n} {row['name']}" for n, row in enumerate(CASES)])
def test_the_phase_is_the_kubelets(row: dict[str, Any]) -> None:
    pod = Pod.from_json({"spec": row["spec"]})
    statuses = [container_status_from_json(status) for status in row["statuses"]]
    phase = get_phase(pod, statuses, is_terminal=row["podIsTerminal"], has_initialized=row["podHasInitialized"])
    assert phase == row["phase"]


def pod(**spec: Any) -> Pod:
    return Pod.from_json({"spec": {"containers": [{"name": "app", "image": "a"}], **spec}})


SIDECAR = {"name": "side", "image": "s", "restartPolicy": "Always"}


def test_a_sidecar_that_was_never_started_keeps_the_pod_pending() -> None:
    waiting = {"name": "side", "state": {"waiting": {}}}
    statuses = [container_status_from_json(status) for status in (waiting, {"name": "app", "state": {"running": {}}})]
    assert get_phase(pod(initContainers=[SIDECAR]), statuses, has_initialized=True) is Phase.PENDING


def test_a_sidecar_that_waits_to_run_again_plays_no_part() -> None:
    again = {"name": "side", "state": {"waiting": {}}, "lastState": {"terminated": {"exitCode": 1}}}
    statuses = [container_status_from_json(status) for status in (again, {"name": "app", "state": {"running": {}}})]
    assert get_phase(pod(initContainers=[SIDECAR]), statuses) is Phase.RUNNING


@pytest.mark.parametrize(
    "status", [None, ContainerStatus(name="side")], ids=["without a status", "with an empty state"]
)
def test_a_sidecar_that_nothing_is_known_of_keeps_the_pod_pending(status: ContainerStatus | None) -> None:
    running = container_status_from_json({"name": "app", "state": {"running": {}}})
    statuses = [running, *([status] if status else [])]
    assert get_phase(pod(initContainers=[SIDECAR]), statuses, has_initialized=True) is Phase.PENDING


def test_an_ended_sidecar_plays_no_part() -> None:
    ended = {"name": "side", "state": {"terminated": {"exitCode": 137}}}
    statuses = [container_status_from_json(status) for status in (ended, {"name": "app", "state": {"running": {}}})]
    assert get_phase(pod(initContainers=[SIDECAR]), statuses) is Phase.RUNNING


def test_an_init_container_with_an_empty_state_keeps_the_pod_pending() -> None:
    statuses = [ContainerStatus(name="init"), container_status_from_json({"name": "app", "state": {"running": {}}})]
    assert get_phase(pod(initContainers=[{"name": "init", "image": "i"}]), statuses) is Phase.PENDING


def test_an_app_with_an_empty_state_keeps_the_pod_pending() -> None:
    assert get_phase(pod(), [ContainerStatus(name="app")]) is Phase.PENDING


def test_a_pod_without_containers_is_pending() -> None:
    assert get_phase(Pod.from_json({"spec": {"containers": []}}), []) is Phase.PENDING


def record(state: RuntimeState, *, name: str = "app", sandbox: str = "sb") -> ContainerRecord:
    return ContainerRecord(id=ContainerID("c"), name=name, attempt=0, state=state, created_at=NOW, sandbox_id=sandbox)


def observed(*records: ContainerRecord, ready: bool = True) -> Observed:
    sandbox = SandboxRecord(id=ContainerID("sb"), attempt=0, ready=ready, ip="10.0.0.2", created_at=NOW)
    return Observed(at=NOW, sandboxes=(sandbox,), containers=records)


@pytest.mark.parametrize(
    ("seen", "started"),
    [
        (Observed(at=NOW), False),
        (observed(record(RuntimeState.RUNNING), ready=False), False),
        (observed(record(RuntimeState.RUNNING)), True),
        (observed(record(RuntimeState.EXITED)), True),
        (observed(record(RuntimeState.CREATED)), False),
        (observed(record(RuntimeState.RUNNING, name="init")), False),
        (observed(record(RuntimeState.EXITED, sandbox="old")), False),
        (observed(record(RuntimeState.EXITED, sandbox="")), True),
    ],
    ids=[
        "no sandbox",
        "the sandbox is not ready",
        "an app runs",
        "an app has run",
        "an app is only created",
        "only an init container runs",
        "an app ran in an older sandbox",
        "the sandbox of the app is not known",
    ],
)
def test_an_app_has_started_only_in_the_active_sandbox(seen: Observed, started: bool) -> None:
    assert app_has_started(pod(), seen) is started
