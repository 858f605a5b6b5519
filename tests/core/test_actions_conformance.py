"""Every recorded decision of the real computePodActions comes out of ours."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from runner.core.labels import spec_hash
from runner.core.model import ContainerID, Pod
from runner.core.observed import (
    ContainerRecord,
    Observed,
    ProbeResult,
    ProbeResults,
    RuntimeState,
    SandboxRecord,
)
from runner.core.sync.actions import PodActions, compute_pod_actions

NOW = datetime(2000, 1, 1, tzinfo=UTC)
CONFORMANCE = Path(__file__).parents[2] / "fixtures/conformance"
CASES = json.loads((CONFORMANCE / "computepodactions.json").read_text())["cases"]
# Pods and worlds that were drawn at random, with what the real code decides: one of each kind of outcome.
DRAWN = [json.loads(line) for line in (CONFORMANCE / "computepodactions-drawn.jsonl").read_text().splitlines()]


def observed_from(case: dict[str, Any], pod: Pod) -> Observed:
    sandboxes = tuple(
        SandboxRecord(id=s["id"], attempt=s["attempt"], ready=s["state"] == "ready", ip=s["ip"], created_at=NOW)
        for s in case["sandboxes"]
    )
    containers = tuple(
        ContainerRecord(
            id=ContainerID(s["id"]),
            name=s["name"],
            attempt=0,
            state=RuntimeState(s["state"]),
            created_at=NOW,
            exit_code=s.get("exitCode", 0),
            reason=s.get("reason", ""),
            spec_hash="changed" if s.get("specChanged") else hash_of(pod, s["name"]),
        )
        for s in case["containerStatuses"]
    )
    return Observed(at=NOW, sandboxes=sandboxes, containers=containers)


def hash_of(pod: Pod, name: str) -> str:
    container = pod.container(name)
    return spec_hash(container) if container else ""


def results_from(case: dict[str, Any]) -> ProbeResults:
    ids = {s["name"]: s["id"] for s in case["containerStatuses"]}
    verdicts: dict[str, dict[str, ProbeResult]] = {"startup": {}, "liveness": {}, "readiness": {}}
    for name, results in case["probeResults"].items():
        for kind, result in results.items():
            verdicts[kind][ids.get(name, name)] = ProbeResult(result.capitalize())
    return ProbeResults(**verdicts)


def as_expected(actions: PodActions) -> dict[str, Any]:
    reasons = {
        k.name: "Unknown" if k.unknown else (f"{k.probe}Probe" if k.probe is not None else "") for k in actions.to_kill
    }
    value: dict[str, Any] = {
        "killPod": actions.kill_pod,
        "createSandbox": actions.create_sandbox,
        "attempt": actions.attempt,
        "sandboxID": actions.sandbox_id,
        "initContainersToStart": list(actions.init_to_start),
        "containersToStart": list(actions.containers_to_start),
        "containersToKill": sorted(k.name for k in actions.to_kill),
        "ephemeralContainersToStart": list(actions.ephemeral_to_start),
        "containersToReset": [{"name": r.name, "id": r.id, "kill": r.running} for r in actions.to_reset],
    }
    if actions.to_kill:
        value["killMessages"] = {k.name: k.message for k in actions.to_kill}
        value["killReasons"] = reasons
    return value


NAMES = [*(f"{i}: {case['name']}" for i, case in enumerate(CASES)), *(f"drawn {i}" for i in range(len(DRAWN)))]


@pytest.mark.parametrize("case", [*CASES, *DRAWN], ids=NAMES)
def test_decides_as_the_kubelet_does(case: dict[str, Any]) -> None:
    pod = Pod.from_json({"metadata": {"name": "p", "uid": "u"}, "spec": case["pod"]})
    actions = compute_pod_actions(
        pod, observed_from(case, pod), results_from(case), restart_all=case["restartAllContainersMarked"]
    )
    expected = {**case["expect"], "containersToKill": sorted(case["expect"]["containersToKill"])}
    assert as_expected(actions) == expected
