"""Container statuses and the pod status made of them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from runner.core.model import ContainerID, Pod, RetryScope
from runner.core.observed import (
    ContainerRecord,
    Observed,
    ProbeResult,
    ProbeResults,
    RuntimeState,
    SandboxRecord,
)
from runner.core.status.containerstatus import (
    LOST_AT_END,
    LOST_RUNNING,
    RESTARTING_ALL,
    ContainerStatuses,
    StartFailure,
    container_statuses,
    engine_id,
)
from runner.core.status.podstatus import (
    ContainerStatus,
    Phase,
    PodStatus,
    Running,
    Terminated,
    Waiting,
    container_status_json,
)
from runner.core.status.status import (
    MESSAGE_BYTES,
    PodFailure,
    deadline_at,
    generate_status,
    terminate_status,
)
from runner.core.sync.restart import with_retry_scope

FACTS: dict[str, dict[str, Any]] = {
    fact["name"]: fact["expect"]
    for fact in json.loads((Path(__file__).parents[2] / "fixtures" / "conformance" / "podphase.json").read_text())[
        "status_conversion_facts"
    ]
}
NOW = datetime(2026, 1, 1, tzinfo=UTC)
LATER = NOW + timedelta(minutes=1)
NONE: Mapping[str, StartFailure] = {}
NO_RESULTS = ProbeResults()
CRASH_LOOP = StartFailure(reason="CrashLoopBackOff", message="back-off 10s restarting failed container=app pod=p_ns(u)")
PROBE = {"exec": {"command": ["true"]}}
RULE = {"action": "RestartAllContainers", "exitCodes": {"operator": "In", "values": [42]}}
INIT = {"name": "init", "image": "i"}
SIDECAR = {"name": "side", "image": "s", "restartPolicy": "Always"}


def pod(*, init: tuple[dict[str, Any], ...] = (), deleted: bool = False, app: object = None, **spec: Any) -> Pod:
    metadata: dict[str, Any] = {"name": "p", "namespace": "ns", "uid": "u"}
    if deleted:
        metadata["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    container = {"name": "app", "image": "a", **(app if isinstance(app, dict) else {})}
    return Pod.from_json(
        {"metadata": metadata, "spec": {"containers": [container], "initContainers": list(init), **spec}}
    )


def record(
    state: RuntimeState = RuntimeState.EXITED, *, name: str = "app", key: str = "c1", attempt: int = 0, code: int = 0
) -> ContainerRecord:
    return ContainerRecord(
        id=ContainerID(key),
        name=name,
        attempt=attempt,
        state=state,
        created_at=NOW,
        started_at=NOW,
        finished_at=LATER,
        exit_code=code,
        reason="" if state is not RuntimeState.EXITED else ("Error" if code else "Completed"),
        image="docker.io/library/a:1",
        image_id="docker-pullable://a@sha256:0",
        sandbox_id="sb",
    )


def observed(*records: ContainerRecord, ip: str = "10.0.0.2", ready: bool = True) -> Observed:
    sandbox = SandboxRecord(id=ContainerID("sb"), attempt=0, ready=ready, ip=ip, created_at=NOW)
    return Observed(at=NOW, sandboxes=(sandbox,), containers=records)


def old(state: Running | Waiting | Terminated, *, name: str = "app", **fields: Any) -> PodStatus:
    status = ContainerStatus(name=name, state=state, **fields)
    return PodStatus(init_containers=(status,)) if name != "app" else PodStatus(containers=(status,))


def convert(
    one: Pod,
    seen: Observed,
    *,
    reasons: Mapping[str, StartFailure] = NONE,
    results: ProbeResults = NO_RESULTS,
    previous: PodStatus | None = None,
) -> ContainerStatuses:
    return container_statuses(one, seen, reasons, results, previous)


def app_of(one: Pod, seen: Observed, **options: Any) -> ContainerStatus:
    return convert(one, seen, **options).apps[0]


def init_of(one: Pod, seen: Observed, **options: Any) -> ContainerStatus:
    return convert(one, seen, **options).init[0]


# --- recorded facts --------------------------------------------------------------------------------------------------


def shown(status: ContainerStatus, expected: dict[str, Any]) -> dict[str, Any]:
    """The published JSON, cut down to what a recorded fact speaks of."""
    value = container_status_json(status)
    for ended in (value["state"].get("terminated"), value["lastState"].get("terminated")):
        for key in ("startedAt", "finishedAt"):
            if ended is not None and ended[key] is None:
                del ended[key]
    return {key: value[key] for key in expected if key in value}


@pytest.mark.parametrize(
    ("name", "status"),
    [
        (
            "runtime lost a running container of a live pod",
            app_of(pod(), observed(), previous=old(Running(), restart_count=2)),
        ),
        (
            "runtime lost a running container of a pod that is being deleted",
            app_of(pod(deleted=True), observed(), previous=old(Running(), restart_count=2)),
        ),
        ("lost init container, pod already initialized", init_of(pod(init=(INIT,)), observed(record()))),
        ("lost sidecar", init_of(pod(init=(SIDECAR,)), observed(record()))),
        (
            "container removed by RestartAllContainers",
            convert(
                Pod.from_json(
                    {
                        "spec": {
                            "containers": [
                                {"name": "c"},
                                {"name": "app", "restartPolicy": "Never", "restartPolicyRules": [RULE]},
                            ]
                        }
                    }
                ),
                observed(record(code=42)),
                previous=PodStatus(containers=(ContainerStatus(name="c", state=Running()),)),
            ).apps[1],
        ),
    ],
)
def test_a_lost_container_is_shown_as_recorded(name: str, status: ContainerStatus) -> None:
    expected = dict(FACTS[name])
    delta = expected.pop("restartCountDelta", None)
    assert shown(status, expected) == expected
    if delta is not None:
        assert status.restart_count == 2 + delta


def test_every_recorded_fact_is_checked() -> None:
    assert len(FACTS) == 5


# --- one instance ----------------------------------------------------------------------------------------------------


def test_a_running_container_shows_when_it_started() -> None:
    status = app_of(pod(), observed(record(RuntimeState.RUNNING, attempt=3)))
    assert status == ContainerStatus(
        name="app",
        state=Running(started_at=NOW),
        ready=True,
        started=True,
        restart_count=3,
        image="docker.io/library/a:1",
        image_id="docker-pullable://a@sha256:0",
        container_id="docker://c1",
    )
    assert engine_id(status.container_id) == "c1"


def test_a_created_container_waits_without_a_reason() -> None:
    assert app_of(pod(), observed(record(RuntimeState.CREATED))).state == Waiting()


def test_an_ended_container_shows_how() -> None:
    ended = app_of(pod(), observed(record(code=3))).terminated
    assert ended == Terminated(
        exit_code=3, reason="Error", started_at=NOW, finished_at=LATER, container_id="docker://c1"
    )


def test_the_last_state_is_that_of_the_instance_before() -> None:
    newest, before = record(RuntimeState.RUNNING, key="c2", attempt=1), record(code=3)
    status = app_of(pod(), observed(newest, before, record(code=9, key="c0")))
    assert status.last_terminated is not None
    assert (status.last_terminated.exit_code, status.last_terminated.container_id) == (3, "docker://c1")


def test_a_container_in_an_unknown_state_that_ran_counts_as_killed() -> None:
    seen = observed(record(RuntimeState.UNKNOWN))
    status = app_of(pod(), seen, previous=old(Running(), restart_count=1))
    assert status.state == Terminated(exit_code=137, reason="ContainerStatusUnknown", message=LOST_AT_END)
    assert status.restart_count == 2
    assert app_of(pod(), seen).state == Waiting()
    assert app_of(pod(), seen, previous=old(Waiting())).state == Waiting()


def test_a_container_in_an_unknown_state_while_all_restart_says_so() -> None:
    one = Pod.from_json(
        {
            "spec": {
                "containers": [
                    {"name": "app"},
                    {"name": "z", "restartPolicy": "Never", "restartPolicyRules": [RULE]},
                ]
            }
        }
    )
    seen = observed(record(RuntimeState.UNKNOWN), record(name="z", key="z1", code=42))
    ended = app_of(one, seen, previous=old(Running())).terminated
    assert ended is not None
    assert ended.reason == "RestartingAllContainers"


# --- what the last status adds ---------------------------------------------------------------------------------------


def test_the_restart_count_never_falls() -> None:
    status = app_of(pod(), observed(record(RuntimeState.RUNNING, attempt=1)), previous=old(Running(), restart_count=4))
    assert status.restart_count == 4


def test_a_container_that_runs_anew_under_an_old_number_counts_as_restarted() -> None:
    """Its earlier instances were removed, so the runtime cannot tell."""
    ended = Terminated(exit_code=1, container_id="docker://c0")
    before = old(ended, restart_count=2, container_id="docker://c0")
    status = app_of(pod(), observed(record(RuntimeState.RUNNING, attempt=0)), previous=before)
    assert status.restart_count == 3
    assert status.last_state == ended


def test_the_last_state_survives_when_the_runtime_has_forgotten_it() -> None:
    ended = Terminated(exit_code=1)
    before = old(Running(), last_state=ended, container_id="docker://c1")
    assert app_of(pod(), observed(record(RuntimeState.RUNNING)), previous=before).last_state == ended


def test_a_removed_container_that_had_ended_keeps_its_status() -> None:
    ended = Terminated(exit_code=1, reason="Error")
    status = app_of(pod(), observed(), previous=old(ended, restart_count=2, image_id="x"))
    assert (status.state, status.restart_count, status.image_id) == (ended, 2, "x")


def test_a_removed_container_that_waited_goes_on_waiting() -> None:
    last = Terminated(exit_code=1)
    before = old(Waiting(reason="ErrImagePull"), restart_count=2, last_state=last)
    status = app_of(pod(), observed(), previous=before)
    assert (status.state, status.restart_count, status.last_state) == (Waiting(reason="ContainerCreating"), 2, last)


def test_a_lost_container_with_a_known_last_ending_keeps_that() -> None:
    last = Terminated(exit_code=1)
    status = app_of(pod(), observed(), previous=old(Running(), restart_count=2, last_state=last))
    assert (status.last_state, status.restart_count) == (last, 2)


def test_a_lost_running_container_is_told_as_such() -> None:
    last = app_of(pod(), observed(), previous=old(Running())).last_terminated
    assert last is not None
    assert last.message == LOST_RUNNING


@pytest.mark.parametrize(
    ("init", "reason"), [((), "ContainerCreating"), ((INIT,), "PodInitializing")], ids=["no init", "with init"]
)
def test_before_anything_exists_all_containers_wait(init: tuple[dict[str, Any], ...], reason: str) -> None:
    statuses = convert(pod(init=init), Observed(at=NOW))
    assert {status.state for status in statuses.all()} == {Waiting(reason=reason)}
    assert statuses.apps[0].image == "a"


# --- failed starts ---------------------------------------------------------------------------------------------------


def test_a_container_that_is_to_be_restarted_shows_why_it_waits() -> None:
    status = app_of(pod(), observed(record(code=1)), reasons={"app": CRASH_LOOP})
    assert status.state == Waiting(reason=CRASH_LOOP.reason, message=CRASH_LOOP.message)
    assert status.last_terminated is not None
    assert status.last_terminated.exit_code == 1


def test_a_container_that_never_started_shows_why_and_has_no_last_state() -> None:
    failure = StartFailure(reason="CreateContainerConfigError", message='configmap "x" not found')
    status = app_of(pod(), observed(), reasons={"app": failure})
    assert status.state == Waiting(reason=failure.reason, message=failure.message)
    assert status.last_state is None


@pytest.mark.parametrize("one", [pod(restartPolicy="Never"), pod(deleted=True)], ids=["policy Never", "being deleted"])
def test_a_container_that_is_not_restarted_stays_ended(one: Pod) -> None:
    assert app_of(one, observed(record(code=1)), reasons={"app": CRASH_LOOP}).terminated is not None


def test_an_ended_container_without_a_failed_start_stays_ended() -> None:
    """The restart is about to come; what happened tells more than a wait."""
    assert app_of(pod(), observed(record(code=1))).terminated is not None


def test_a_finished_init_container_never_waits_again() -> None:
    seen = observed(record(name="init"))
    assert init_of(pod(init=(INIT,)), seen, reasons={"init": CRASH_LOOP}).terminated is not None


def test_a_failed_init_container_shows_its_back_off() -> None:
    seen = observed(record(name="init", code=1))
    assert init_of(pod(init=(INIT,)), seen, reasons={"init": CRASH_LOOP}).waiting is not None


def test_an_unknown_init_container_is_pending_while_no_app_exists() -> None:
    one = pod(init=(INIT,))
    assert init_of(one, observed()).waiting is not None
    assert init_of(one, observed(record(RuntimeState.UNKNOWN))).waiting is not None


# --- restarting all --------------------------------------------------------------------------------------------------


def test_removed_containers_wait_to_run_again_and_count_up() -> None:
    one = pod(init=(INIT,), app={"restartPolicy": "Never", "restartPolicyRules": [RULE]})
    before = PodStatus(
        init_containers=(ContainerStatus(name="init", state=Terminated(exit_code=0), restart_count=1),),
        containers=(ContainerStatus(name="app", state=Terminated(exit_code=42), restart_count=1),),
    )
    statuses = convert(one, observed(), previous=before)
    for status in statuses.all():
        assert status.waiting == Waiting(reason="RestartingAllContainers", message=RESTARTING_ALL)
        assert status.last_terminated is not None
        assert (status.last_terminated.exit_code, status.last_terminated.reason) == (137, "RestartingAllContainers")
        assert status.restart_count == 2
    after = PodStatus(init_containers=statuses.init, containers=statuses.apps)
    again = convert(one, observed(), previous=after)
    assert [status.restart_count for status in again.all()] == [2, 2]
    assert again.init[0].waiting == Waiting(reason="PodInitializing")


def test_an_init_container_removed_before_the_source_is_not_taken_for_completed() -> None:
    one = pod(init=(INIT,), app={"restartPolicy": "Never", "restartPolicyRules": [RULE]})
    before = old(Running(), name="init")
    status = init_of(one, observed(record(code=42)), previous=before)
    assert status.waiting is not None
    assert status.waiting.reason == "RestartingAllContainers"


def test_the_retry_scope_keeps_how_a_removed_container_had_ended() -> None:
    one = with_retry_scope(pod(init=(INIT,)), RetryScope.POD)
    ended = Terminated(exit_code=7, reason="Error")
    status = init_of(one, observed(), previous=old(ended, name="init"))
    assert status.waiting is not None
    assert status.waiting.reason == "RestartingAllContainers"
    assert status.last_state == ended


# --- started and ready -----------------------------------------------------------------------------------------------

SUCCESS, FAILURE, UNKNOWN = ProbeResult.SUCCESS, ProbeResult.FAILURE, ProbeResult.UNKNOWN


@pytest.mark.parametrize(
    ("app", "startup", "readiness", "started", "ready"),
    [
        ({}, None, None, True, True),
        ({"startupProbe": PROBE}, None, None, False, False),
        ({"startupProbe": PROBE}, UNKNOWN, None, False, False),
        ({"startupProbe": PROBE}, SUCCESS, None, True, True),
        ({"readinessProbe": PROBE}, None, None, True, False),
        ({"readinessProbe": PROBE}, None, FAILURE, True, False),
        ({"readinessProbe": PROBE}, None, SUCCESS, True, True),
        ({"startupProbe": PROBE, "readinessProbe": PROBE}, FAILURE, SUCCESS, False, False),
    ],
)
def test_started_and_ready_follow_the_probes(
    app: dict[str, Any],
    startup: ProbeResult | None,
    readiness: ProbeResult | None,
    started: bool,
    ready: bool,
) -> None:
    results = ProbeResults(startup={"c1": startup} if startup else {}, readiness={"c1": readiness} if readiness else {})
    status = app_of(pod(app=app), observed(record(RuntimeState.RUNNING)), results=results)
    assert (status.started, status.ready) == (started, ready)


@pytest.mark.parametrize(
    ("state", "code", "started", "ready"),
    [
        (RuntimeState.RUNNING, 0, True, False),
        (RuntimeState.EXITED, 0, False, True),
        (RuntimeState.EXITED, 1, False, False),
        (RuntimeState.CREATED, 0, False, False),
    ],
)
def test_a_regular_init_container_is_ready_when_it_has_succeeded(
    state: RuntimeState, code: int, started: bool, ready: bool
) -> None:
    status = init_of(pod(init=(INIT,)), observed(record(state, name="init", code=code)))
    assert (status.started, status.ready) == (started, ready)


def test_the_published_answers_stand_in_while_verdicts_are_missing() -> None:
    """After a restart of the program a container that was ready does not flap."""
    one = pod(app={"startupProbe": PROBE, "readinessProbe": PROBE})
    same = old(Running(), started=True, ready=True, container_id="docker://c1")
    other = old(Running(), started=True, ready=True, container_id="docker://c0")
    seen = observed(record(RuntimeState.RUNNING))
    kept, fresh = app_of(one, seen, previous=same), app_of(one, seen, previous=other)
    assert (kept.started, kept.ready, fresh.started, fresh.ready) == (True, True, False, False)


def test_an_ended_container_is_neither_started_nor_ready() -> None:
    status = app_of(pod(), observed(record()))
    assert (status.started, status.ready) == (False, False)


def test_statuses_of_apps_are_sorted_and_those_of_init_containers_are_not() -> None:
    one = Pod.from_json(
        {
            "spec": {
                "containers": [{"name": "z"}, {"name": "b"}],
                "initContainers": [{"name": "y"}, {"name": "a"}],
                "ephemeralContainers": [{"name": "e"}, {"name": "d"}],
            }
        }
    )
    statuses = convert(one, Observed(at=NOW))
    assert [status.name for status in statuses.all()] == ["y", "a", "b", "z"]
    assert [status.name for status in statuses.ephemeral] == ["d", "e"]


# --- the pod ---------------------------------------------------------------------------------------------------------


def status_of(
    one: Pod, seen: Observed, previous: PodStatus | None = None, now: datetime = NOW, **options: Any
) -> PodStatus:
    return generate_status(one, seen, NONE, NO_RESULTS, previous, now, **options)


def test_the_first_status_is_pending_and_starts_the_clock() -> None:
    status = status_of(pod(), Observed(at=NOW), host_ip="192.0.2.1")
    assert (status.phase, status.start_time, status.host_ip, status.pod_ip) == (Phase.PENDING, NOW, "192.0.2.1", "")
    assert status.qos_class == "BestEffort"


def test_a_running_pod_keeps_its_start_time_and_shows_its_address() -> None:
    first = status_of(pod(), Observed(at=NOW), host_ip="192.0.2.1")
    status = status_of(pod(), observed(record(RuntimeState.RUNNING)), first, LATER)
    assert (status.phase, status.start_time, status.pod_ip) == (Phase.RUNNING, NOW, "10.0.0.2")
    assert status.host_ip == "192.0.2.1"
    assert status.is_true("Ready")


def test_a_pod_whose_sandbox_is_gone_keeps_its_address() -> None:
    before = PodStatus(pod_ip="10.0.0.9")
    assert status_of(pod(), observed(ready=False), before).pod_ip == "10.0.0.9"
    assert status_of(pod(), observed(ip=""), before).pod_ip == ""


def test_a_pod_on_the_hosts_network_has_the_hosts_address() -> None:
    one = pod(hostNetwork=True)
    assert status_of(one, observed(ip=""), host_ip="192.0.2.1").pod_ip == "192.0.2.1"
    assert status_of(one, observed(ip=""), PodStatus(pod_ip="192.0.2.7"), host_ip="192.0.2.1").pod_ip == "192.0.2.7"


@pytest.mark.parametrize("phase", [Phase.SUCCEEDED, Phase.FAILED])
def test_a_final_phase_is_never_left(phase: Phase) -> None:
    before = PodStatus(phase=phase, reason="Evicted", message="m", start_time=NOW)
    failure = PodFailure(reason="Other", message="other")
    status = status_of(pod(), observed(record(RuntimeState.RUNNING)), before, failure=failure)
    assert (status.phase, status.reason, status.message) == (phase, "Evicted", "m")


def test_in_a_final_pod_what_has_ended_and_is_removed_does_not_wait_for_a_start() -> None:
    """The reason is left over from a start that failed before."""
    one = pod(restartPolicy="Never")
    ended = Terminated(exit_code=0, reason="Completed")
    reasons = {"app": StartFailure(reason="ErrImagePull", message="nobody there")}
    before = replace(old(ended), phase=Phase.SUCCEEDED)
    status = generate_status(one, observed(), reasons, NO_RESULTS, before, NOW)
    assert (status.phase, status.containers[0].state) == (Phase.SUCCEEDED, ended)


def test_reason_and_message_go_with_the_phase() -> None:
    before = PodStatus(phase=Phase.PENDING, reason="r", message="m")
    assert status_of(pod(), Observed(at=NOW), before).reason == "r"
    assert status_of(pod(), observed(record(RuntimeState.RUNNING)), before).reason == ""


def test_a_pod_past_its_deadline_has_failed() -> None:
    one = pod(activeDeadlineSeconds=60)
    before = PodStatus(phase=Phase.RUNNING, start_time=NOW)
    seen = observed(record(RuntimeState.RUNNING))
    assert deadline_at(one, NOW) == LATER
    assert deadline_at(pod(), NOW) is None
    assert deadline_at(one, None) is None
    assert status_of(one, seen, before, LATER - timedelta(seconds=1)).phase is Phase.RUNNING
    status = status_of(one, seen, before, LATER)
    assert (status.phase, status.reason) == (Phase.FAILED, "DeadlineExceeded")
    assert status.message == "Pod was active on the node longer than the specified deadline"
    condition = status.condition("Ready")
    assert condition is not None
    assert condition.reason == "PodFailed"


def test_a_failure_from_outside_overrides_the_phase() -> None:
    failure = PodFailure(reason="Evicted", message="too big")
    status = status_of(pod(), observed(record(RuntimeState.RUNNING)), failure=failure)
    assert (status.phase, status.reason, status.message) == (Phase.FAILED, "Evicted", "too big")


def test_a_deleted_pod_ends_by_the_exit_codes_of_its_apps() -> None:
    one = pod(deleted=True)
    assert status_of(one, observed(record(code=0)), is_terminal=True).phase is Phase.SUCCEEDED
    assert status_of(one, observed(record(code=137)), is_terminal=True).phase is Phase.FAILED


def test_a_crash_loop_is_a_running_pod_and_an_init_crash_loop_a_pending_one() -> None:
    app = generate_status(pod(), observed(record(code=1)), {"app": CRASH_LOOP}, NO_RESULTS, None, NOW)
    assert app.phase is Phase.RUNNING
    seen = observed(record(name="init", code=1))
    init = generate_status(pod(init=(INIT,)), seen, {"init": CRASH_LOOP}, NO_RESULTS, None, NOW)
    assert init.phase is Phase.PENDING


def test_ephemeral_statuses_are_carried_along() -> None:
    one = Pod.from_json({"spec": {"containers": [{"name": "app"}], "ephemeralContainers": [{"name": "debug"}]}})
    first = status_of(one, observed(record(RuntimeState.RUNNING, name="debug", key="d1")))
    again = status_of(one, observed(), PodStatus.from_json(first.to_json()))
    shown = again.to_json()["ephemeralContainerStatuses"][0]
    assert shown["lastState"]["terminated"]["reason"] == "ContainerStatusUnknown"


def test_termination_messages_share_a_budget() -> None:
    one = pod(init=(INIT,))
    seen = observed(replace(record(code=1), message="é" * 9000))
    ended = status_of(one, seen).containers[0].terminated
    assert ended is not None
    assert len(ended.message.encode()) == MESSAGE_BYTES // 2


# --- the end ---------------------------------------------------------------------------------------------------------

KILLED = Terminated(exit_code=137, reason="ContainerStatusUnknown", message=LOST_AT_END)


def states(status: PodStatus) -> list[object]:
    return [one.state for one in status.all_containers()]


def test_at_the_end_a_container_that_never_started_counts_as_killed() -> None:
    status = terminate_status(pod(), PodStatus(containers=(ContainerStatus(name="app", state=Waiting()),)))
    assert (states(status), status.phase) == ([KILLED], Phase.FAILED)


def test_at_the_end_known_endings_and_a_final_phase_stay() -> None:
    done = Terminated(exit_code=0)
    before = PodStatus(phase=Phase.SUCCEEDED, containers=(ContainerStatus(name="app", state=done),))
    status = terminate_status(pod(), before)
    assert (states(status), status.phase) == ([done], Phase.SUCCEEDED)


@pytest.mark.parametrize(
    ("init", "app", "expected"),
    [
        ((Waiting(), Waiting()), Waiting(), [KILLED, Waiting(), Waiting()]),
        ((Terminated(exit_code=0), Running()), Waiting(), [Terminated(exit_code=0), KILLED, Waiting()]),
        (
            (Terminated(exit_code=0), Terminated(exit_code=0)),
            Waiting(),
            [Terminated(exit_code=0), Terminated(exit_code=0), KILLED],
        ),
        ((Waiting(), Waiting()), Running(), [KILLED, Waiting(), KILLED]),
    ],
    ids=["nothing started", "the second init runs", "init is done", "an app runs"],
)
def test_at_the_end_only_what_may_have_been_started_counts_as_killed(
    init: tuple[Any, Any], app: Any, expected: list[object]
) -> None:
    one = pod(init=(INIT, {"name": "init2", "image": "i"}))
    before = PodStatus(
        init_containers=tuple(
            ContainerStatus(name=n, state=state) for n, state in zip(("init", "init2"), init, strict=True)
        ),
        containers=(ContainerStatus(name="app", state=app),),
    )
    assert states(terminate_status(one, before)) == expected


@pytest.mark.parametrize(("started", "expected"), [(True, KILLED), (False, Waiting())])
def test_at_the_end_a_started_last_sidecar_means_that_the_apps_were_due(started: bool, expected: object) -> None:
    before = PodStatus(
        init_containers=(ContainerStatus(name="side", state=Running(), started=started),),
        containers=(ContainerStatus(name="app", state=Waiting()),),
    )
    assert states(terminate_status(pod(init=(SIDECAR,)), before)) == [KILLED, expected]


def test_at_the_end_a_pod_without_init_statuses_was_never_initialised() -> None:
    before = PodStatus(containers=(ContainerStatus(name="app", state=Waiting()),))
    assert states(terminate_status(pod(init=(INIT,)), before)) == [Waiting()]
