"""Statuses as values and as v1 JSON: nothing is lost on the way there and back."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.core.observed import Observed
from runner.core.status.podstatus import (
    Condition,
    ConditionType,
    ContainerStatus,
    Phase,
    PodStatus,
    Running,
    State,
    Terminated,
    Waiting,
    container_status_from_json,
    container_status_json,
)
from tests.support.pods import START, at, make_pod, observed, record

TEXT = st.text(max_size=20)
TIMES = st.none() | st.datetimes(datetime(1970, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)).map(  # noqa: DTZ001
    lambda instant: instant.replace(microsecond=0)
)
STATES: st.SearchStrategy[State | None] = st.one_of(
    st.none(),
    st.builds(Waiting, reason=TEXT, message=TEXT),
    st.builds(Running, started_at=TIMES),
    st.builds(
        Terminated,
        exit_code=st.integers(0, 255),
        reason=TEXT,
        message=TEXT,
        signal=st.integers(0, 64),
        started_at=TIMES,
        finished_at=TIMES,
        container_id=TEXT,
    ),
)
STATUSES = st.builds(
    ContainerStatus,
    name=TEXT,
    state=STATES,
    last_state=STATES,
    ready=st.booleans(),
    started=st.none() | st.booleans(),
    restart_count=st.integers(0, 1000),
    image=TEXT,
    image_id=TEXT,
    container_id=TEXT,
)
CONDITIONS = st.builds(
    Condition,
    type=st.sampled_from([str(kind) for kind in ConditionType]),
    status=st.sampled_from(["True", "False", "Unknown"]),
    reason=TEXT,
    message=TEXT,
    last_transition_time=TIMES,
)
PODS = st.builds(
    PodStatus,
    phase=st.sampled_from(Phase),
    reason=TEXT,
    message=TEXT,
    conditions=st.lists(CONDITIONS, max_size=3).map(tuple),
    init_containers=st.lists(STATUSES, max_size=2).map(tuple),
    containers=st.lists(STATUSES, max_size=2).map(tuple),
    host_ip=TEXT,
    pod_ip=TEXT,
    start_time=TIMES,
    qos_class=TEXT,
    extra=st.just({}) | st.just({"ephemeralContainerStatuses": [{"name": "debug"}]}),
)


@given(PODS)
def test_a_pods_status_survives_json(status: PodStatus) -> None:
    assert PodStatus.from_json(json.loads(json.dumps(status.to_json()))) == status


@given(STATUSES)
def test_a_containers_status_survives_json(status: ContainerStatus) -> None:
    assert container_status_from_json(json.loads(json.dumps(container_status_json(status)))) == status


@given(PODS)
def test_the_json_of_a_status_is_settled_after_one_reading(status: PodStatus) -> None:
    value = status.to_json()
    assert PodStatus.from_json(value).to_json() == value


def test_an_empty_status_is_a_pending_pod() -> None:
    assert PodStatus().to_json() == {"phase": "Pending"}
    assert PodStatus.from_json({}) == PodStatus()


def test_what_is_set_is_written_as_the_api_writes_it() -> None:
    status = PodStatus(
        phase=Phase.FAILED,
        reason="DeadlineExceeded",
        message="too long",
        conditions=(Condition(type="Ready", status="False", reason="PodFailed", last_transition_time=at(1.9)),),
        containers=(
            ContainerStatus(
                name="main",
                state=Terminated(exit_code=0, started_at=at(1), finished_at=at(2)),
                last_state=Running(),
                started=False,
                container_id="docker://1",
            ),
        ),
        init_containers=(ContainerStatus(name="init", state=Waiting(reason="PodInitializing")),),
        host_ip="192.168.0.1",
        pod_ip="10.0.0.1",
        start_time=START,
        qos_class="BestEffort",
    )
    zero = {"ready": False, "restartCount": 0, "image": "", "imageID": ""}
    ended = {"exitCode": 0, "startedAt": "2000-01-01T00:00:01Z", "finishedAt": "2000-01-01T00:00:02Z"}
    assert status.to_json() == {
        "phase": "Failed",
        "reason": "DeadlineExceeded",
        "message": "too long",
        "conditions": [
            {
                "type": "Ready",
                "status": "False",
                "lastProbeTime": None,
                "lastTransitionTime": "2000-01-01T00:00:01Z",
                "reason": "PodFailed",
            }
        ],
        "hostIP": "192.168.0.1",
        "hostIPs": [{"ip": "192.168.0.1"}],
        "podIP": "10.0.0.1",
        "podIPs": [{"ip": "10.0.0.1"}],
        "startTime": "2000-01-01T00:00:00Z",
        "initContainerStatuses": [
            {"name": "init", "state": {"waiting": {"reason": "PodInitializing"}}, "lastState": {}, **zero}
        ],
        "containerStatuses": [
            {
                "name": "main",
                "state": {"terminated": ended},
                "lastState": {"running": {"startedAt": None}},
                "started": False,
                "containerID": "docker://1",
                **zero,
            }
        ],
        "qosClass": "BestEffort",
    }


@pytest.mark.parametrize("phase", ["Running", "Gone", None])
def test_an_unknown_phase_is_unknown(phase: str | None) -> None:
    wanted = {"Running": Phase.RUNNING, "Gone": Phase.UNKNOWN, None: Phase.PENDING}[phase]
    assert PodStatus.from_json({"phase": phase}).phase is wanted


@pytest.mark.parametrize("phase", Phase)
def test_only_success_and_failure_are_final(phase: Phase) -> None:
    assert phase.is_terminal is (phase in {"Succeeded", "Failed"})


VIEWS: list[tuple[State | None, list[bool]]] = [
    (None, [False, False, False]),
    (Waiting(), [True, False, False]),
    (Running(), [False, True, False]),
    (Terminated(exit_code=1), [False, False, True]),
]


@pytest.mark.parametrize(("state", "wanted"), VIEWS)
def test_a_state_is_one_of_three(state: State | None, wanted: list[bool]) -> None:
    status = ContainerStatus(name="main", state=state, last_state=state)
    assert [view is not None for view in (status.waiting, status.running, status.terminated)] == wanted
    assert (status.last_terminated is not None) is wanted[2]


def test_conditions_and_containers_are_found_by_name() -> None:
    init, main = ContainerStatus(name="init"), ContainerStatus(name="main")
    yes, no = Condition(type="Ready", status="True"), Condition(type="Initialized", status="False")
    status = PodStatus(conditions=(yes, no), init_containers=(init,), containers=(main,))
    assert (status.container("main"), status.container("init"), status.container("x")) == (main, init, None)
    assert (status.condition("Ready"), status.condition("x")) == (yes, None)
    assert [status.is_true(kind) for kind in ("Ready", "Initialized", "x")] == [True, False, False]


def test_missing_fields_of_a_containers_status_are_zero() -> None:
    empty: dict[str, Any] = {"state": None, "lastState": {"terminated": None}, "started": None}
    assert container_status_from_json(empty) == container_status_from_json({}) == ContainerStatus(name="")


def test_observations_are_found_newest_first() -> None:
    pod = make_pod((), ("main", "other"))
    new, old, other = record(pod, "main", attempt=1), record(pod, "main", "exited"), record(pod, "other")
    seen = observed(new, other, old)
    assert (seen.latest("main"), seen.latest("x")) == (new, None)
    assert seen.instances("main") == (new, old)
    assert (seen.by_id("main-0"), seen.by_id("x")) == (old, None)
    assert Observed(at=START).instances("main") == ()
