"""Pod conditions."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from runner.core.model import ContainerID, Pod, RetryScope
from runner.core.observed import ContainerRecord, Observed, RuntimeState, SandboxRecord
from runner.core.status.conditions import SANDBOX_NOT_READY, pod_conditions, restart_all_rules
from runner.core.status.podstatus import (
    Condition,
    ConditionType,
    Phase,
    PodStatus,
    condition_from_json,
    container_status_from_json,
)
from runner.core.sync.restart import with_retry_scope
from runner.core.sync.sandboxfault import sandbox_fault

CASES: list[dict[str, Any]] = json.loads(
    (Path(__file__).parents[2] / "fixtures" / "conformance" / "conditions.json").read_text()
)["cases"]
NOW = datetime(2026, 1, 1, tzinfo=UTC)
LATER = NOW + timedelta(minutes=1)
RULE = {"action": "RestartAllContainers", "exitCodes": {"operator": "In", "values": [42]}}


def sandbox(*, ready: bool = True, ip: str = "10.0.0.2", host_network: bool = False, attempt: int = 0) -> SandboxRecord:
    return SandboxRecord(
        id=ContainerID(f"sb{attempt}"), attempt=attempt, ready=ready, ip=ip, created_at=NOW, host_network=host_network
    )


def observed(row: dict[str, Any]) -> Observed:
    found = (sandbox(ready=s["state"] == "ready", ip=s["ip"], attempt=s["attempt"]) for s in row.get("sandboxes", ()))
    return Observed(at=NOW, sandboxes=tuple(found))


@pytest.mark.parametrize("row", CASES, ids=[f"{row['condition']}: {row['name']}" for row in CASES])
def test_a_condition_is_the_kubelets(row: dict[str, Any]) -> None:
    pod = Pod.from_json({"spec": row.get("spec", {})})
    known = row.get("statuses", [])
    statuses = None if known is None else [container_status_from_json(status) for status in known]
    before = PodStatus(conditions=tuple(condition_from_json(c) for c in row.get("conditions", ())))
    found = pod_conditions(pod, statuses, Phase(row.get("phase", "Pending")), before, observed(row), NOW)
    condition = next(c for c in found if c.type == row["condition"])
    expected = dict(row["expect"])
    if condition.reason == SANDBOX_NOT_READY:
        # Recorded with v1.36, which gave no reason here; v1.37 does.
        assert expected == {"status": "False", "reason": "", "message": ""}
        expected |= {"reason": SANDBOX_NOT_READY, "message": "pod sandbox has no IP address"}
    assert {"status": condition.status, "reason": condition.reason, "message": condition.message} == expected


def simple(**spec: Any) -> Pod:
    return Pod.from_json({"spec": {"containers": [{"name": "app", "image": "a"}], **spec}})


def by_type(conditions: tuple[Condition, ...]) -> dict[str, Condition]:
    return {condition.type: condition for condition in conditions}


def test_conditions_come_in_the_kubelets_order_behind_those_of_others() -> None:
    pod = Pod.from_json(
        {"spec": {"containers": [{"name": "a", "image": "a", "restartPolicy": "Never", "restartPolicyRules": [RULE]}]}}
    )
    gate = Condition(type="example.com/gate", status="True", last_transition_time=NOW)
    found = pod_conditions(pod, [], Phase.PENDING, PodStatus(conditions=(gate,)), Observed(at=LATER), LATER)
    assert [condition.type for condition in found] == [
        "example.com/gate",
        "PodReadyToStartContainers",
        "Initialized",
        "Ready",
        "ContainersReady",
        "PodScheduled",
        "AllContainersRestarting",
    ]
    assert found[0] == gate


def test_a_transition_time_changes_only_with_the_status() -> None:
    pod, seen = simple(), Observed(at=NOW, sandboxes=(sandbox(),))
    first = pod_conditions(pod, [], Phase.PENDING, None, seen, NOW)
    assert {condition.last_transition_time for condition in first} == {NOW}
    ready = [container_status_from_json({"name": "app", "ready": True, "state": {"running": {}}})]
    second = by_type(pod_conditions(pod, ready, Phase.RUNNING, PodStatus(conditions=first), seen, LATER))
    assert second[ConditionType.READY].last_transition_time == LATER
    assert second[ConditionType.SCHEDULED].last_transition_time == NOW
    assert second[ConditionType.READY].status == "True"


def test_a_kept_condition_without_a_time_gets_one() -> None:
    before = PodStatus(conditions=(Condition(type="PodScheduled", status="True"),))
    found = by_type(pod_conditions(simple(), [], Phase.PENDING, before, Observed(at=NOW), NOW))
    assert found["PodScheduled"].last_transition_time == NOW


def test_without_any_statuses_nothing_is_known() -> None:
    pod = simple(initContainers=[{"name": "i", "image": "i"}])
    found = by_type(pod_conditions(pod, None, Phase.PENDING, None, Observed(at=NOW), NOW))
    assert found["Initialized"].reason == "UnknownContainerStatuses"
    assert found["ContainersReady"].reason == "UnknownContainerStatuses"
    assert found["Ready"].reason == "UnknownContainerStatuses"


def test_a_readiness_gate_without_a_condition_is_named() -> None:
    pod = Pod.from_json({"spec": {"readinessGates": [{"conditionType": "x"}], "containers": []}})
    found = by_type(pod_conditions(pod, [], Phase.RUNNING, None, Observed(at=NOW), NOW))
    assert found["Ready"].message == 'corresponding condition of pod readiness gate "x" does not exist.'


SIDECAR = {"name": "side", "image": "s", "restartPolicy": "Always"}


@pytest.mark.parametrize(
    ("statuses", "phase", "was", "status", "reason", "message"),
    [
        ([], "Pending", False, "False", "ContainersNotInitialized", "containers with unknown status: [init side]"),
        (
            [{"name": "init", "ready": True}, {"name": "side", "started": False}],
            "Pending",
            False,
            "False",
            "ContainersNotInitialized",
            "containers with incomplete status: [side]",
        ),
        (
            [{"name": "init"}],
            "Pending",
            False,
            "False",
            "ContainersNotInitialized",
            "containers with unknown status: [side], containers with incomplete status: [init]",
        ),
        ([{"name": "init", "ready": True}, {"name": "side", "started": True}], "Pending", False, "True", "", ""),
        ([{"name": "app", "state": {"running": {}}}], "Running", False, "True", "", ""),
        ([{"name": "app", "state": {"terminated": {}}}], "Running", False, "True", "", ""),
        (
            [{"name": "app", "state": {"waiting": {}}}, {"name": "init"}, {"name": "side"}],
            "Pending",
            True,
            "True",
            "",
            "",
        ),
        ([{"name": "init"}, {"name": "side"}], "Succeeded", False, "True", "PodCompleted", ""),
    ],
    ids=[
        "nothing known",
        "the sidecar is not started",
        "one unknown, one incomplete",
        "done and started",
        "an app runs",
        "an app has run",
        "it was initialised before all restarted",
        "the pod has succeeded",
    ],
)
def test_initialized_holds_when_the_init_containers_are_done(
    statuses: list[dict[str, Any]], phase: str, was: bool, status: str, reason: str, message: str
) -> None:
    pod = simple(initContainers=[{"name": "init", "image": "i"}, SIDECAR])
    before = PodStatus(conditions=(Condition(type="Initialized", status="True"),) if was else ())
    known = [container_status_from_json(value) for value in statuses]
    found = by_type(pod_conditions(pod, known, Phase(phase), before, Observed(at=NOW), NOW))["Initialized"]
    assert (found.status, found.reason, found.message) == (status, reason, message)


@pytest.mark.parametrize(
    ("sandboxes", "host_network", "problem"),
    [
        ((), False, "no pod sandbox exists"),
        ((sandbox(ready=False),), False, "pod sandbox is not ready"),
        ((sandbox(attempt=1), sandbox()), False, "multiple pod sandboxes are ready"),
        ((sandbox(attempt=1), sandbox(ready=False)), False, ""),
        ((sandbox(),), True, "pod sandbox has another network namespace mode"),
        ((sandbox(host_network=True, ip=""),), True, ""),
        ((sandbox(ip=""),), False, "pod sandbox has no IP address"),
    ],
)
def test_a_sandbox_is_usable_or_a_reason_says_why_not(
    sandboxes: tuple[SandboxRecord, ...], host_network: bool, problem: str
) -> None:
    pod = simple(hostNetwork=host_network)
    fault = sandbox_fault(pod, Observed(at=NOW, sandboxes=sandboxes))
    assert ("" if fault is None else fault.message) == problem


def record(state: RuntimeState, exit_code: int) -> ContainerRecord:
    return ContainerRecord(id=ContainerID("c"), name="app", attempt=0, state=state, created_at=NOW, exit_code=exit_code)


ENDED = {"name": "app", "state": {"terminated": {"exitCode": 42}}}


@pytest.mark.parametrize(
    ("records", "before", "phase", "status", "reason"),
    [
        ([record(RuntimeState.EXITED, 42)], None, "Running", "True", "RestartAllContainersStarted"),
        ([record(RuntimeState.EXITED, 1)], None, "Running", "False", ""),
        ([record(RuntimeState.RUNNING, 0)], ENDED, "Running", "False", ""),
        ([], ENDED, "Running", "False", ""),
        ([record(RuntimeState.EXITED, 42)], None, "Failed", "False", "PodFailed"),
        ([record(RuntimeState.EXITED, 42)], None, "Succeeded", "False", "PodCompleted"),
    ],
    ids=[
        "the rule matches",
        "no rule matches",
        "it runs again",
        "all is removed",
        "the pod has failed",
        "the pod has succeeded",
    ],
)
def test_restarting_holds_from_the_exit_until_all_is_removed(
    records: list[ContainerRecord], before: dict[str, Any] | None, phase: str, status: str, reason: str
) -> None:
    container = {"name": "app", "image": "a", "restartPolicy": "Never", "restartPolicyRules": [RULE]}
    pod = Pod.from_json({"spec": {"containers": [container]}})
    previous = PodStatus(containers=(container_status_from_json(before),)) if before else None
    seen = Observed(at=NOW, containers=tuple(records))
    found = by_type(pod_conditions(pod, [], Phase(phase), previous, seen, NOW))["AllContainersRestarting"]
    assert (found.status, found.reason) == (status, reason)


def test_the_retry_scope_adds_no_condition() -> None:
    """Only a rule of the manifest shows as a condition."""
    pod = with_retry_scope(simple(initContainers=[{"name": "i", "image": "i"}]), RetryScope.POD)
    assert pod.init_containers[0].rules
    found = by_type(pod_conditions(pod, [], Phase.PENDING, None, Observed(at=NOW), NOW))
    assert "AllContainersRestarting" not in found


def test_a_removed_container_still_sets_off_its_rule_by_its_last_status() -> None:
    container = {"name": "app", "image": "a", "restartPolicy": "Never", "restartPolicyRules": [RULE]}
    pod = Pod.from_json({"spec": {"containers": [container]}})
    ended = PodStatus(containers=(container_status_from_json(ENDED),))
    waiting = PodStatus(containers=(container_status_from_json({"name": "app", "state": {"waiting": {}}}),))
    assert restart_all_rules(pod, Observed(at=NOW), ended) == pod.containers[0].rules
    assert restart_all_rules(pod, Observed(at=NOW), waiting) == ()
    assert restart_all_rules(pod, Observed(at=NOW), None) == ()
