"""When a run is over, with which exit code and sentence: from the pods and workloads alone, without an Engine."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from runner.core.model import RetryScope
from runner.core.runview import PodView, RunView, WorkloadView
from runner.core.status.podstatus import PodStatus
from runner.core.troubles import SANDBOX, Trouble
from runner.core.until import Until
from runner.core.verdict import Verdict, VerdictOptions, gave_up, hopeless, left, reached, verdict

NOW = datetime(2026, 1, 1, tzinfo=UTC)
INITIALIZED, READY, COMPLETED = Until


def ended(name: str, code: int = 0, *, restarts: int = 0, reason: str = "", **more: Any) -> dict[str, Any]:
    state = {"terminated": {"exitCode": code, "reason": reason or ("Error" if code else "Completed")}}
    return {"name": name, "state": state, "restartCount": restarts, **more}


def looping(name: str, code: int, restarts: int) -> dict[str, Any]:
    last = {"terminated": {"exitCode": code, "reason": "Error"}}
    state = {"waiting": {"reason": "CrashLoopBackOff"}}
    return {"name": name, "state": state, "lastState": last, "restartCount": restarts}


def running(name: str, *, ready: bool = True) -> dict[str, Any]:
    return {"name": name, "state": {"running": {}}, "ready": ready, "restartCount": 0}


def pod(
    name: str = "web",
    phase: str = "Running",
    *apps: dict[str, Any],
    true: tuple[str, ...] = (),
    inits: tuple[dict[str, Any], ...] = (),
    spec: dict[str, Any] | None = None,
    metadata: dict[str, Any] | None = None,
    reason: str = "",
    **more: Any,
) -> PodView:
    conditions = [{"type": one, "status": "True"} for one in true]
    status = {"phase": phase, "conditions": conditions, "containerStatuses": apps, "initContainerStatuses": inits}
    about = {"name": name, "namespace": "default", "uid": f"uid-{name}", "creationTimestamp": "2026-01-01T00:00:00Z"}
    made = {"containers": [{"name": "main"}], "restartPolicy": "OnFailure", **(spec or {})}
    manifest = {"metadata": {**about, **(metadata or {})}, "spec": made}
    told: dict[str, Any] = {"gave_up": "", "known": (), **more}
    return PodView(manifest=manifest, published=PodStatus.from_json({**status, "reason": reason}), **told)


PENDING = pod("web", "Pending")
BEGUN = pod("web", "Running", running("main", ready=False), true=("Initialized",))
UP = pod("web", "Running", running("main"), true=("Initialized", "Ready"))
DONE = pod("web", "Succeeded", ended("main"), true=("Initialized",))
BROKEN = pod("web", "Failed", ended("main", 3), true=("Initialized",))
GONE = replace(UP, is_gone=True)
SPENT = pod("web", "Running", ended("main", 7, restarts=2), gave_up="main")

FAILED = "pod web failed: Error; container main, attempt 0: exit code 3"
SPENT_TEXT = "pod web: gave up after too many restarts of main; container main, attempt 2: exit code 7"


@pytest.mark.parametrize(
    ("one", "initialized", "ready", "completed"),
    [
        pytest.param(PENDING, None, None, None, id="pending"),
        pytest.param(BEGUN, Verdict(0), None, None, id="its init containers are through"),
        pytest.param(UP, Verdict(0), Verdict(0), None, id="ready"),
        pytest.param(DONE, Verdict(0), Verdict(0), Verdict(0), id="succeeded"),
        pytest.param(BROKEN, Verdict(1, FAILED), Verdict(1, FAILED), Verdict(1, FAILED), id="failed"),
        pytest.param(SPENT, Verdict(1, SPENT_TEXT), Verdict(1, SPENT_TEXT), Verdict(1, SPENT_TEXT), id="given up"),
        pytest.param(
            replace(PENDING, is_gone=True),
            Verdict(1, "deleted before it was initialized: web"),
            Verdict(1, "deleted before it was ready: web"),
            Verdict(1, "deleted before it was completed: web"),
            id="deleted by somebody",
        ),
        pytest.param(
            GONE,
            Verdict(0),
            Verdict(0),
            Verdict(1, "deleted before it was completed: web"),
            id="deleted when it was ready",
        ),
        pytest.param(
            replace(BROKEN, is_gone=True),
            Verdict(1, FAILED),
            Verdict(1, FAILED),
            Verdict(1, FAILED),
            id="failed and gone",
        ),
        pytest.param(replace(DONE, is_gone=True), Verdict(0), Verdict(0), Verdict(0), id="succeeded and gone"),
    ],
)
def test_one_pod_under_every_condition(
    one: PodView, initialized: Verdict | None, ready: Verdict | None, completed: Verdict | None
) -> None:
    found = [verdict(RunView(pods=(one,)), VerdictOptions(until=until), NOW) for until in Until]
    assert found == [initialized, ready, completed]


def other(one: PodView) -> PodView:
    return replace(
        one, manifest={**one.manifest, "metadata": {**one.manifest["metadata"], "name": "b", "uid": "uid-b"}}
    )


@pytest.mark.parametrize(
    ("pods", "until", "wanted"),
    [
        pytest.param((UP, other(UP)), READY, Verdict(0), id="both are there"),
        pytest.param((UP, other(PENDING)), READY, None, id="one is waited for"),
        pytest.param(
            (BROKEN, other(PENDING)), READY, Verdict(1, FAILED), id="one that failed cannot be ready any more"
        ),
        pytest.param((BROKEN, other(BEGUN)), COMPLETED, None, id="the others may come to their end"),
        pytest.param((BROKEN, other(DONE)), COMPLETED, Verdict(1, FAILED), id="one of them failed"),
        pytest.param(
            (DONE, other(BROKEN)), COMPLETED, Verdict(1, FAILED.replace("web", "b")), id="the other one failed"
        ),
        pytest.param((SPENT, other(DONE)), COMPLETED, Verdict(1, SPENT_TEXT), id="one was restarted too often"),
        pytest.param(
            (replace(PENDING, is_gone=True), other(PENDING)), READY, None, id="one was deleted, one is waited for"
        ),
        pytest.param(
            (replace(PENDING, is_gone=True), other(replace(PENDING, is_gone=True))),
            READY,
            Verdict(1, "deleted before it was ready: web, b"),
            id="both were deleted",
        ),
        pytest.param(
            (GONE, other(DONE)), COMPLETED, Verdict(1, "deleted before it was completed: web"), id="one was deleted"
        ),
    ],
)
def test_several_pods(pods: tuple[PodView, ...], until: Until, wanted: Verdict | None) -> None:
    assert verdict(RunView(pods=pods), VerdictOptions(until=until), NOW) == wanted


@pytest.mark.parametrize(
    ("pods", "named", "code"),
    [
        pytest.param((pod("web", "Succeeded", ended("main", 5)),), "main", 5, id="of a success"),
        pytest.param((BROKEN,), "main", 3, id="of a failure"),
        pytest.param((BROKEN,), "web/main", 3, id="named with its pod"),
        pytest.param((BROKEN,), "b/main", 1, id="another pod's"),
        pytest.param((BROKEN,), "side", 1, id="one that is not there"),
        pytest.param((pod("web", "Failed", looping("main", 9, 2)),), "main", 9, id="how it ended last"),
        pytest.param((pod("web", "Failed", running("main")),), "main", 1, id="one that has not ended"),
        pytest.param((DONE, other(BROKEN)), "b/main", 3, id="of the second pod"),
        pytest.param(
            (pod("web", "Pending", known=(Trouble(what="x", reason="R", message="m"),)),), "main", 1, id="of none"
        ),
    ],
)
def test_the_exit_code_may_be_a_containers(pods: tuple[PodView, ...], named: str, code: int) -> None:
    found = verdict(RunView(pods=pods), VerdictOptions(exit_code_from=named), NOW)
    assert found is not None
    assert found.exit_code == code


NO_IMAGE = Trouble(what="main", reason="ErrImagePull", message="not found")
SLOW = replace(NO_IMAGE, may_pass=True, message="timeout")


@pytest.mark.parametrize(
    ("trouble", "options", "text"),
    [
        pytest.param(NO_IMAGE, VerdictOptions(), "container main: ErrImagePull: not found", id="once is enough"),
        pytest.param(NO_IMAGE, VerdictOptions(fail_fast=False), "", id="nobody is in a hurry"),
        pytest.param(NO_IMAGE, VerdictOptions(max_restarts=1), "", id="one more attempt"),
        pytest.param(
            replace(NO_IMAGE, attempts=2),
            VerdictOptions(max_restarts=1),
            "container main: ErrImagePull: not found (2 attempts)",
            id="none more",
        ),
        pytest.param(SLOW, VerdictOptions(), "", id="it may pass"),
        pytest.param(
            replace(SLOW, attempts=2),
            VerdictOptions(),
            "container main: ErrImagePull: timeout (2 attempts)",
            id="it did not",
        ),
        pytest.param(NO_IMAGE, VerdictOptions(gives_up=lambda n, _: n > 1), "", id="a strategy goes on"),
        pytest.param(
            replace(NO_IMAGE, reason="InvalidImageName", message="Shop"),
            VerdictOptions(max_restarts=9),
            "container main: InvalidImageName: Shop",
            id="no attempt can go better",
        ),
        pytest.param(
            replace(NO_IMAGE, reason="CreateContainerConfigError", message="runAsUser breaks non-root policy"),
            VerdictOptions(max_restarts=9),
            "container main: CreateContainerConfigError: runAsUser breaks non-root policy",
            id="the pod contradicts itself",
        ),
        pytest.param(
            replace(NO_IMAGE, reason="CreateContainerConfigError", message='secret "x" not found'),
            VerdictOptions(max_restarts=9),
            "",
            id="an object may come",
        ),
        pytest.param(
            Trouble(what=SANDBOX, reason="FailedCreatePodSandBox", message="port"),
            VerdictOptions(gives_up=lambda n, _: n > 0),
            "the pod's sandbox: FailedCreatePodSandBox: port",
            id="a strategy gives up",
        ),
    ],
)
def test_what_would_be_tried_for_ever_is_an_end(trouble: Trouble, options: VerdictOptions, text: str) -> None:
    one = pod("web", "Pending", known=(trouble,))
    found = hopeless(one, options)
    assert ("" if found is None else str(found)) == text
    judged = verdict(RunView(pods=(one,)), options, NOW)
    assert judged == (Verdict(1, f"pod web cannot get there: {text}") if text else None)


def test_troubles_of_pods_that_are_there_already_or_gone_do_not_matter() -> None:
    pods = (replace(UP, known=(NO_IMAGE,)), other(replace(PENDING, known=(NO_IMAGE,), is_gone=True)))
    more = replace(pod("c", "Pending"), known=())
    assert verdict(RunView(pods=(*pods, more)), VerdictOptions(until=READY), NOW) is None


CANNOT_START = Trouble(what="main", reason="RunContainerError", message="no such command")


@pytest.mark.parametrize(
    ("troubles", "options", "text"),
    [
        (
            (CANNOT_START,),
            VerdictOptions(),
            "pod web cannot get there: container main: RunContainerError: no such command",
        ),
        ((CANNOT_START,), VerdictOptions(fail_fast=False), SPENT_TEXT),
        ((CANNOT_START,), VerdictOptions(max_restarts=1), SPENT_TEXT),
        ((replace(CANNOT_START, what="other"),), VerdictOptions(), SPENT_TEXT),
        ((), VerdictOptions(), SPENT_TEXT),
    ],
    ids=[
        "it cannot be started",
        "that is waited for",
        "that was tried once",
        "another cannot be started",
        "it runs and fails",
    ],
)
def test_a_container_that_cannot_be_started_says_why_also_when_it_was_given_up(
    troubles: tuple[Trouble, ...], options: VerdictOptions, text: str
) -> None:
    one = replace(SPENT, known=troubles)
    assert verdict(RunView(pods=(one,)), replace(options, until=READY), NOW) == Verdict(1, text)


# --- restarts that are counted -------------------------------------------------------------------------------------------

RULE = {"action": "RestartAllContainers", "exitCodes": {"operator": "In", "values": [9]}}
ALL_AGAIN = {
    "restartPolicy": "Never",
    "containers": [{"name": "main", "restartPolicy": "Never", "restartPolicyRules": [RULE]}],
}
WITH_INIT = {"initContainers": [{"name": "init"}]}
WITH_SIDECAR = {"initContainers": [{"name": "side", "restartPolicy": "Always"}]}
NEVER, ALWAYS = {"restartPolicy": "Never"}, {"restartPolicy": "Always"}


def counted(*apps: dict[str, Any], **more: Any) -> PodView:
    return pod("web", more.pop("phase", "Running"), *apps, gave_up=None, **more)


@pytest.mark.parametrize(
    ("one", "name"),
    [
        pytest.param(counted(ended("main", 1, restarts=2)), "main", id="it failed once more"),
        pytest.param(counted(ended("main", 1, restarts=1)), "", id="it may be restarted once more"),
        pytest.param(counted(looping("main", 1, 2)), "main", id="it is held back"),
        pytest.param(counted({**running("main"), "restartCount": 2}), "", id="its last restart runs"),
        pytest.param(counted(ended("main", 0, restarts=2)), "", id="success is no failure"),
        pytest.param(counted(ended("main", 0, restarts=2), spec=ALWAYS), "main", id="whatever ends runs again"),
        pytest.param(counted(ended("main", 1, restarts=2), spec=NEVER), "", id="nothing runs again"),
        pytest.param(counted(), "", id="nothing has run"),
        pytest.param(counted(ended("main", 1, restarts=2), phase="Failed"), "", id="the pod is over"),
        pytest.param(counted(ended("main", 1, restarts=2), reason="DeadlineExceeded"), "", id="the pod is stopped"),
        pytest.param(
            counted(ended("main", 137, restarts=2), metadata={"deletionTimestamp": "2026-01-01T00:00:00Z"}),
            "",
            id="the pod is deleted",
        ),
        pytest.param(counted(inits=(ended("init", 1, restarts=2),), spec=WITH_INIT), "init", id="an init container"),
        pytest.param(
            counted(inits=(ended("init", 0, restarts=2),), spec=WITH_INIT), "", id="an init container is through"
        ),
        pytest.param(
            counted(inits=(ended("init", 0, restarts=2, reason="OOMKilled"),), spec=WITH_INIT),
            "init",
            id="an init container of which a process was killed",
        ),
        pytest.param(
            counted(inits=(ended("init", 1, restarts=2),), spec={**WITH_INIT, **NEVER}),
            "",
            id="an init container has failed",
        ),
        pytest.param(
            counted(running("main"), inits=(ended("side", 1, restarts=2),), spec=WITH_SIDECAR), "side", id="a sidecar"
        ),
        pytest.param(
            counted(ended("main"), inits=(ended("side", 1, restarts=2),), spec=WITH_SIDECAR),
            "",
            id="sidecars end with the pod",
        ),
        pytest.param(counted(ended("main", 9, restarts=2), spec=ALL_AGAIN), "", id="everything runs again by a rule"),
        pytest.param(counted(ended("main", 8, restarts=2), spec=ALL_AGAIN), "", id="no rule says so"),
    ],
)
def test_restarts_are_counted_where_nobody_tells(one: PodView, name: str) -> None:
    assert gave_up(one, VerdictOptions(max_restarts=2), NOW) == name
    assert gave_up(one, VerdictOptions(), NOW) == ""
    assert gave_up(replace(one, gave_up="told"), VerdictOptions(max_restarts=2), NOW) == "told"


@pytest.mark.parametrize(
    ("scope", "name"),
    [pytest.param(RetryScope.POD, "init", id="pod"), pytest.param(RetryScope.CONTAINER, "init", id="container")],
)
def test_the_scope_of_retries_makes_no_difference_to_their_number(scope: RetryScope, name: str) -> None:
    one = counted(inits=(ended("init", 1, restarts=2),), spec=WITH_INIT)
    assert gave_up(one, VerdictOptions(max_restarts=2, scope=scope), NOW) == name


@pytest.mark.parametrize(
    ("strategy", "name"),
    [
        pytest.param(lambda restart, _: restart > 2, "main", id="by their number"),
        pytest.param(lambda restart, _: restart > 3, "", id="one more"),
        pytest.param(lambda _, seconds: seconds >= 60, "main", id="by the time since the pod's creation"),
        pytest.param(lambda _, seconds: seconds >= 61, "", id="there is time"),
    ],
)
def test_a_strategy_may_count_restarts(strategy: Callable[[int, float], bool], name: str) -> None:
    one = counted(ended("main", 1, restarts=2))
    assert gave_up(one, VerdictOptions(gives_up=strategy), NOW + timedelta(seconds=60)) == name
    timeless = replace(one, manifest={**one.manifest, "metadata": {"name": "web", "uid": "uid-web"}})
    assert gave_up(timeless, VerdictOptions(gives_up=lambda _, seconds: seconds == 0), NOW) == "main"


# --- workloads -----------------------------------------------------------------------------------------------------------


def workload(source: str = "job/pi", **more: Any) -> WorkloadView:
    return WorkloadView(uid="w", source=source, **{"most_pods": 1, "wanted": 1, **more})


def of_it(one: PodView) -> PodView:
    return replace(one, maker="w")


WEB = workload("deployment/web")
PI = workload()
PI_DONE = workload(state="Complete", wanted=0)
PI_FAILED = workload(state="Failed", reason="BackoffLimitExceeded", message="too often", wanted=0)
PI_TEXT = "job/pi failed: BackoffLimitExceeded: too often"
IDLE = workload("deployment/web", most_pods=0, wanted=0)
SUSPENDED = workload(is_suspended=True, wanted=0)
SUSPENDED_TEXT = "nothing to run: job/pi is suspended and makes no pods (spec.suspend is true)"


@pytest.mark.parametrize(
    ("one", "pods", "until", "wanted"),
    [
        pytest.param(WEB, (of_it(PENDING),), READY, None, id="as many as it wants are waited for"),
        pytest.param(WEB, (of_it(UP),), READY, Verdict(0), id="they are ready"),
        pytest.param(WEB, (of_it(BEGUN),), INITIALIZED, Verdict(0), id="they are initialized"),
        pytest.param(WEB, (of_it(GONE),), READY, None, id="one that is gone does not count"),
        pytest.param(WEB, (of_it(DONE),), READY, None, id="one that has ended does not count"),
        pytest.param(WEB, (of_it(BROKEN),), READY, None, id="a pod that failed is replaced"),
        pytest.param(WEB, (of_it(UP),), COMPLETED, None, id="it never completes"),
        pytest.param(WEB, (of_it(SPENT),), READY, Verdict(1, SPENT_TEXT), id="its pod was restarted too often"),
        pytest.param(replace(WEB, is_deleted=True), (of_it(UP),), READY, None, id="its pods go with it"),
        pytest.param(
            replace(WEB, is_deleted=True),
            (of_it(GONE),),
            READY,
            Verdict(1, "deleted before it was ready: deployment/web"),
            id="it was deleted",
        ),
        pytest.param(PI, (of_it(BEGUN),), COMPLETED, None, id="a Job that goes on"),
        pytest.param(PI_DONE, (of_it(DONE),), COMPLETED, Verdict(0), id="a Job that is complete"),
        pytest.param(PI_DONE, (of_it(UP),), COMPLETED, None, id="a pod of it still runs"),
        pytest.param(PI_DONE, (of_it(GONE),), COMPLETED, Verdict(0), id="its last pod is gone"),
        pytest.param(PI_DONE, (of_it(DONE),), READY, Verdict(0), id="complete is more than ready"),
        pytest.param(
            replace(PI_DONE, is_deleted=True), (of_it(DONE),), COMPLETED, Verdict(0), id="deleted when it was complete"
        ),
        pytest.param(PI_FAILED, (), COMPLETED, Verdict(1, PI_TEXT), id="a Job without pods that failed"),
        pytest.param(PI_FAILED, (of_it(UP),), COMPLETED, None, id="it failed, and a pod of it still runs"),
        pytest.param(
            PI_FAILED,
            (of_it(BROKEN),),
            COMPLETED,
            Verdict(1, f"{PI_TEXT}; pod web, container main, attempt 0: exit code 3"),
            id="a Job that failed, and what became of its last pod",
        ),
        pytest.param(PI_FAILED, (of_it(DONE),), READY, Verdict(1, PI_TEXT), id="its last pod is not to blame"),
        pytest.param(IDLE, (), READY, Verdict(0), id="as ready as can be"),
        pytest.param(
            IDLE, (), COMPLETED, Verdict(1, "nothing to run: deployment/web asks for no pods"), id="nothing to complete"
        ),
        pytest.param(SUSPENDED, (), READY, Verdict(1, SUSPENDED_TEXT), id="suspended"),
        pytest.param(IDLE, (UP,), READY, Verdict(0), id="a pod beside it"),
    ],
)
def test_one_workload(one: WorkloadView, pods: tuple[PodView, ...], until: Until, wanted: Verdict | None) -> None:
    assert verdict(RunView(pods=pods, workloads=(one,)), VerdictOptions(until=until), NOW) == wanted


@pytest.mark.parametrize(
    ("named", "code"),
    [
        pytest.param("main", 4, id="the last pod has the last word"),
        pytest.param("job/pi/main", 4, id="named with the workload"),
        pytest.param("web/main", 0, id="pods of workloads are not named"),
    ],
)
def test_the_exit_code_may_be_that_of_a_workloads_container(named: str, code: int) -> None:
    pods = (of_it(pod("web", "Failed", ended("main", 3))), of_it(pod("b", "Succeeded", ended("main", 4))))
    found = verdict(RunView(pods=pods, workloads=(PI_DONE,)), VerdictOptions(exit_code_from=named), NOW)
    assert found == Verdict(code)


def test_a_pod_that_failed_comes_before_a_workload_that_did() -> None:
    view = RunView(pods=(BROKEN,), workloads=(PI_FAILED,))
    assert verdict(view, VerdictOptions(), NOW) == Verdict(1, FAILED)


# --- ends from outside ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pods", "is_interrupted", "seconds", "wanted"),
    [
        pytest.param((PENDING,), False, 9, None, id="there is time"),
        pytest.param(
            (PENDING,), False, 10, Verdict(4, "timed out waiting for ready: web is Pending"), id="there is none"
        ),
        pytest.param(
            (replace(PENDING, published=None),),
            False,
            10,
            Verdict(4, "timed out waiting for ready: web is Pending"),
            id="no status",
        ),
        pytest.param(
            (BEGUN, other(UP), pod("c", "Pending"), replace(pod("d"), is_gone=True)),
            False,
            11,
            Verdict(
                4,
                "timed out waiting for ready: web is Running; container main: runs, but is not ready, c is Pending",
            ),
            id="only those that are waited for",
        ),
        pytest.param((PENDING,), True, 9, Verdict(130), id="interrupted"),
        pytest.param((PENDING,), True, 10, Verdict(130), id="interrupted when time was up"),
        pytest.param((UP,), True, 10, Verdict(0), id="it is there nevertheless"),
    ],
)
def test_time_and_interruptions(
    pods: tuple[PodView, ...], is_interrupted: bool, seconds: int, wanted: Verdict | None
) -> None:
    options = VerdictOptions(until=READY, deadline=NOW + timedelta(seconds=10))
    view = RunView(pods=pods, is_interrupted=is_interrupted)
    assert verdict(view, options, NOW + timedelta(seconds=seconds)) == wanted


def test_a_pod_without_a_status_is_nothing_yet() -> None:
    assert not any(reached(PodStatus(), until) for until in Until)


def test_pods_that_are_not_there_yet_are_counted() -> None:
    view = RunView(pods=(PENDING, BEGUN, UP))
    assert [left(view, VerdictOptions(until=until)) for until in Until] == [1, 2, 3]
