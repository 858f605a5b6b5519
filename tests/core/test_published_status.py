"""What is published while containers still run: phases that are held back, verdicts of probes, generations."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from runner.core.model import Pod, ProbeKind
from runner.core.observed import Observed, ProbeResult, ProbeResults
from runner.core.status.phase import get_phase
from runner.core.status.podstatus import Condition, ContainerStatus, Phase, PodStatus, Running, Terminated, Waiting
from runner.core.status.status import generate_status, held_back, probed_status
from tests.support.pods import at, make_pod, observed, record

READINESS = {"exec": {"command": ["true"]}}
PENDING, RUNNING = PodStatus(phase=Phase.PENDING), PodStatus(phase=Phase.RUNNING, reason="kept", message="as it was")
FAILED = PodStatus(phase=Phase.FAILED, reason="DeadlineExceeded", message="too long", pod_ip="10.0.0.2")


@pytest.mark.parametrize(
    ("published", "status", "phase", "reason"),
    [
        (None, FAILED, Phase.PENDING, ""),
        (RUNNING, FAILED, Phase.RUNNING, "kept"),
        (RUNNING, replace(FAILED, phase=Phase.SUCCEEDED), Phase.RUNNING, "kept"),
        (FAILED, replace(FAILED, pod_ip=""), Phase.FAILED, "DeadlineExceeded"),
        (PENDING, RUNNING, Phase.RUNNING, "kept"),
    ],
)
def test_a_final_phase_is_held_back_with_its_reason_and_nothing_else_is(
    published: PodStatus | None, status: PodStatus, phase: Phase, reason: str
) -> None:
    shown = held_back(published, status)
    assert (shown.phase, shown.reason) == (phase, reason)
    assert shown.pod_ip == status.pod_ip


def running(pod: Pod, *names: str) -> PodStatus:
    results = ProbeResults(
        readiness={f"{name}-0": ProbeResult.SUCCESS for name in names},
        startup={f"{name}-0": ProbeResult.SUCCESS for name in names},
    )
    seen = observed(*(record(pod, name, "running") for name in names))
    return generate_status(pod, seen, {}, results, generate_status(pod, seen, {}, results, None, at(1)), at(1))


def told(kind: ProbeKind, verdict: ProbeResult, *, gates: tuple[str, ...] = ()) -> tuple[PodStatus, PodStatus]:
    spec: dict[str, Any] = {"readinessGates": [{"conditionType": gate} for gate in gates]}
    pod = make_pod([], [{"name": "main", "readinessProbe": READINESS}, "other"], **spec)
    before = running(pod, "main", "other")
    if gates:
        gate = Condition(type=gates[0], status="True")
        before = replace(before, conditions=(gate, *before.conditions))
    return before, probed_status(pod, before, "docker://main-0", kind, verdict, at(5))


def test_a_readiness_probe_changes_readiness_and_its_conditions_and_nothing_else() -> None:
    before, after = told(ProbeKind.READINESS, ProbeResult.FAILURE)
    main = after.container("main")
    assert main is not None
    assert (main.ready, main.started, main.running) == (False, True, before.containers[0].running)
    changed = {new.type for old, new in zip(before.conditions, after.conditions, strict=True) if old != new}
    assert changed == {"Ready", "ContainersReady"}
    ready = after.condition("Ready")
    assert ready is not None
    assert (ready.reason, ready.message) == ("ContainersNotReady", "containers with unready status: [main]")
    assert ready.last_transition_time == at(5)


def test_a_startup_probe_changes_only_started() -> None:
    before, after = told(ProbeKind.STARTUP, ProbeResult.FAILURE)
    assert [one.started for one in after.containers] == [False, True]
    assert after.conditions == before.conditions


def test_conditions_of_others_and_readiness_gates_keep_their_say() -> None:
    _, after = told(ProbeKind.READINESS, ProbeResult.SUCCESS, gates=("example.com/gate",))
    assert after.is_true("example.com/gate")
    assert after.is_true("Ready")


def test_a_status_and_its_conditions_tell_the_generation_that_they_are_of() -> None:
    rules = [{"action": "RestartAllContainers", "exitCodes": {"operator": "In", "values": [42]}}]
    value: dict[str, Any] = {
        "metadata": {"name": "p", "namespace": "ns", "uid": "u", "generation": 1},
        "spec": {"containers": [{"name": "a", "image": "i", "restartPolicy": "Never", "restartPolicyRules": rules}]},
    }
    seen = Observed(at=at(0))
    first = generate_status(Pod.from_json(value), seen, {}, ProbeResults(), None, at(1))
    again = generate_status(Pod.from_json(value), seen, {}, ProbeResults(), first, at(2))
    value["metadata"]["generation"] = 2
    second = generate_status(Pod.from_json(value), seen, {}, ProbeResults(), first, at(3))
    assert again == first
    for status, generation in ((first, 1), (second, 2)):
        told = {condition.type: condition.observed_generation for condition in status.conditions}
        assert status.observed_generation == generation
        assert told.pop("AllContainersRestarting") == 0
        assert set(told.values()) == {generation}
        assert PodStatus.from_json(status.to_json()).observed_generation == generation
        assert [c["observedGeneration"] for c in status.to_json()["conditions"][:5]] == [generation] * 5
    assert [c.last_transition_time for c in second.conditions] == [c.last_transition_time for c in first.conditions]


def test_a_sidecar_that_starts_anew_makes_a_pod_pending_until_its_probes_have_spoken() -> None:
    """A kubelet computes the phase before the probes of the new instance have their say."""
    side = {"name": "side", "restartPolicy": "Always"}
    pod = make_pod([side], ["main"])
    lost = Terminated(exit_code=137, reason="RestartingAllContainers")
    waiting = ContainerStatus(name="main", state=Waiting(reason="PodInitializing"), last_state=lost, restart_count=1)
    before = PodStatus(
        phase=Phase.RUNNING,
        init_containers=(replace(waiting, name="side", started=False),),
        containers=(waiting,),
        start_time=at(0),
    )
    seen = observed(record(pod, "side", "running", attempt=1))
    first = generate_status(pod, seen, {}, ProbeResults(), before, at(2))
    second = generate_status(pod, seen, {}, ProbeResults(), first, at(2) + timedelta(seconds=1))
    assert [first.phase, second.phase] == [Phase.PENDING, Phase.RUNNING]
    assert isinstance(first.init_containers[0].state, Running)
    assert get_phase(pod, (*first.init_containers, *first.containers)) is Phase.RUNNING
