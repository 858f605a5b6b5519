"""What a run knows of its pods and workloads, folded from what a watch tells."""

from __future__ import annotations

from typing import Any

import pytest

from runner.core.changes import ChangeType
from runner.core.runview import PodView, RunView, WorkloadView

ADDED, MODIFIED, DELETED = ChangeType


def pod(name: str = "web", *, owner: str = "", phase: str = "", **status: Any) -> dict[str, Any]:
    owners = {"ownerReferences": [{"uid": "x"}, {"uid": owner, "controller": True}]} if owner else {}
    value: dict[str, Any] = {"kind": "Pod", "metadata": {"name": name, "uid": f"uid-{name}", **owners}, "spec": {}}
    return {**value, "status": {"phase": phase, **status}} if phase else value


def begun(**more: Any) -> RunView:
    return RunView(pods=(PodView(manifest=pod()),), **more)


def waiting(reason: str, message: str = "") -> dict[str, Any]:
    return {"name": "main", "state": {"waiting": {"reason": reason, "message": message}}}


def event(reason: str, message: str, *, name: str = "e", count: int | None = None, path: str = "") -> dict[str, Any]:
    about = {"uid": "uid-web", **({"fieldPath": path} if path else {})}
    value = {"kind": "Event", "metadata": {"name": name}, "involvedObject": about, "reason": reason, "message": message}
    return value if count is None else {**value, "count": count}


MAIN = "spec.containers{main}"
RUNS = {"name": "main", "state": {"running": {}}}


def test_a_pod_of_the_run_is_followed_to_its_end() -> None:
    view = begun()
    assert (view.pods[0].published, view.pods[0].status.phase) == (None, "Pending")
    assert view.pods[0].value == pod()
    view = view.after(MODIFIED, pod(phase="Running"))
    assert view.pods[0].value == pod(phase="Running")
    view = view.after(MODIFIED, pod())
    assert view.pods[0].published is None
    view = view.after(MODIFIED, pod(phase="Succeeded")).after(DELETED, pod(phase="Succeeded"))
    assert (view.pods[0].is_gone, view.pods[0].status.phase) == (True, "Succeeded")


def test_pods_of_the_runs_workloads_join_it_and_others_do_not() -> None:
    view = begun(workloads=(WorkloadView(uid="rs", source="deployment/web", most_pods=1),))
    same = view.after(ADDED, pod("stranger")).after(ADDED, pod("theirs", owner="other"))
    assert same.after(DELETED, pod("b", owner="rs")) == view
    more = same.after(ADDED, pod("b", owner="rs", phase="Pending"))
    assert [one.name for one in more.pods] == ["web", "b"]
    assert more.pods_of(more.workloads[0]) == [more.pods[1]]
    assert more.maker_of(more.pods[1]) == more.workloads[0]
    assert more.maker_of(more.pods[0]) is None
    assert more.pods[1].status.phase == "Pending"


@pytest.mark.parametrize(
    ("told", "wanted"),
    [
        pytest.param([], "", id="nothing"),
        pytest.param([waiting("ContainerCreating")], "", id="it is being made"),
        pytest.param(
            [waiting("ErrImagePull", "x: not found")], "container main: ErrImagePull: x: not found", id="no image"
        ),
        pytest.param(
            [
                event("Failed", "Failed to pull", path=MAIN, name="a"),
                event("Failed", "Error: ErrImagePull", path=MAIN, name="b"),
                waiting("ErrImagePull", "x: not found"),
                event("BackOff", "Back-off pulling image", path=MAIN, name="c"),
                event("Failed", "Error: ImagePullBackOff", path=MAIN, name="d", count=5),
                waiting("ImagePullBackOff", "Back-off"),
                event("Failed", "Error: ErrImagePull", path=MAIN, name="b", count=2),
                waiting("ErrImagePull", "x: not found"),
            ],
            "container main: ErrImagePull: x: not found (2 attempts)",
            id="attempts are counted, waiting is none",
        ),
        pytest.param(
            [
                event("Failed", "Error: ErrImagePull", path=MAIN, name="a", count=3),
                waiting("ErrImagePull", "x: not found"),
                event("Failed", 'Error: configmap "x" not found', path=MAIN, name="b"),
                waiting("CreateContainerConfigError", 'configmap "x" not found'),
                event("Failed", 'Error: configmap "x" not found', path=MAIN, name="b", count=2),
            ],
            'container main: CreateContainerConfigError: configmap "x" not found (2 attempts)',
            id="another cause counts anew",
        ),
        pytest.param(
            [event("Failed", "Error: ErrImagePull", path=MAIN), waiting("ErrImagePull", "x"), RUNS],
            "",
            id="it runs at last",
        ),
        pytest.param([event("Failed", "Error: ErrImagePull", path=MAIN)], "", id="the cause is not known yet"),
        pytest.param([event("Failed", "Error: no", name="e")], "", id="about no container"),
        pytest.param([event("Started", "Error: no", path=MAIN)], "", id="no failure"),
        pytest.param(
            [event("FailedCreatePodSandBox", "Failed to create pod sandbox: port is taken", count=2)],
            "the pod's sandbox: FailedCreatePodSandBox: port is taken (2 attempts)",
            id="a sandbox",
        ),
        pytest.param(
            [event("FailedMount", 'configmap "x" not found')],
            'the pod\'s volumes: FailedMount: configmap "x" not found',
            id="a volume",
        ),
        pytest.param([event("FailedMount", "no"), None], "", id="the sandbox is there"),
    ],
)
def test_troubles_are_read_from_events_and_statuses(told: list[dict[str, Any] | None], wanted: str) -> None:
    view = begun()
    for one in told:
        if one is None:
            conditions = [{"type": "PodReadyToStartContainers", "status": "True"}]
            view = view.after(MODIFIED, pod(phase="Pending", conditions=conditions))
        elif one.get("kind") == "Event":
            view = view.after(ADDED, one)
        else:
            view = view.after(MODIFIED, pod(phase="Pending", containerStatuses=[one]))
    assert ", ".join(map(str, view.pods[0].troubles)) == wanted


@pytest.mark.parametrize("name", ["sandbox", "volumes", "pod"])
def test_a_container_may_have_the_name_of_what_its_pod_has(name: str) -> None:
    """Its troubles are its own: they are not over when the pod's sandbox and volumes are there."""
    path = f"spec.containers{{{name}}}"
    waits = {"name": name, "state": {"waiting": {"reason": "ErrImagePull", "message": "x: not found"}}}
    conditions = [{"type": "PodReadyToStartContainers", "status": "True"}]
    view = begun().after(ADDED, event("Failed", "Error: ErrImagePull", path=path, count=2))
    view = view.after(MODIFIED, pod(phase="Pending", containerStatuses=[waits], conditions=conditions))
    view = view.after(MODIFIED, pod(phase="Pending", containerStatuses=[waits], conditions=conditions))
    (trouble,) = view.pods[0].troubles
    assert str(trouble) == f"container {name}: ErrImagePull: x: not found (2 attempts)"


def test_events_about_others_say_nothing() -> None:
    about_another = {**event("FailedMount", "no"), "involvedObject": {"uid": "another"}}
    view = begun()
    assert view.after(ADDED, about_another) == view
    assert view.after(ADDED, {"kind": "Event", "metadata": {"name": "x"}}) == view


def test_what_whoever_runs_the_pod_tells_comes_first() -> None:
    assert PodView(manifest=pod(), known=()).with_event(event("FailedMount", "no")).troubles == ()


@pytest.mark.parametrize(
    ("reason", "message", "may_pass"),
    [
        pytest.param("ErrImagePull", "rpc error: code = NotFound desc = x", False, id="missing"),
        pytest.param("ErrImagePull", "pull access denied for x", False, id="not given"),
        pytest.param("ErrImagePull", "dial tcp: i/o timeout", True, id="no answer"),
        pytest.param("RegistryUnavailable", "", True, id="no registry"),
        pytest.param("InvalidImageName", "", False, id="no name"),
    ],
)
def test_a_registry_that_does_not_answer_may_do_so_in_a_moment(reason: str, message: str, may_pass: bool) -> None:
    view = begun().after(MODIFIED, pod(phase="Pending", containerStatuses=[waiting(reason, message)]))
    assert [one.may_pass for one in view.pods[0].troubles] == [may_pass]


def workload(kind: str, spec: dict[str, Any], *conditions: dict[str, Any], **more: Any) -> dict[str, Any]:
    status = {"conditions": list(conditions), **more.pop("status", {})} if conditions or "status" in more else {}
    return {"kind": kind, "metadata": {"name": "web", "uid": "w", **more}, "spec": spec, "status": status}


FAILED = {"type": "Failed", "reason": "BackoffLimitExceeded", "message": "too often"}


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        pytest.param(
            workload("StatefulSet", {"replicas": 3}),
            WorkloadView(uid="w", source="statefulset/web", most_pods=3, wanted=3),
            id="replicas",
        ),
        pytest.param(
            workload("DaemonSet", {}), WorkloadView(uid="w", source="daemonset/web", most_pods=1, wanted=1), id="daemon"
        ),
        pytest.param(
            workload(
                "ReplicaSet", {"replicas": 1}, ownerReferences=[{"kind": "Deployment", "name": "shop", "uid": "d"}]
            ),
            WorkloadView(uid="w", source="deployment/shop", most_pods=1, wanted=1),
            id="a Deployment's",
        ),
        pytest.param(
            workload("ReplicaSet", {}, deletionTimestamp="2026-01-01T00:00:00Z"),
            WorkloadView(uid="w", source="replicaset/web", most_pods=0, is_deleted=True),
            id="deleted",
        ),
        pytest.param(
            workload("Job", {"parallelism": 2, "completions": 3}, status={"succeeded": 2}),
            WorkloadView(uid="w", source="job/web", most_pods=2, wanted=1),
            id="a Job wants no more than are left",
        ),
        pytest.param(
            workload("Job", {"parallelism": 2, "suspend": True}),
            WorkloadView(uid="w", source="job/web", most_pods=2, wanted=2, is_suspended=True),
            id="a Job without completions",
        ),
        pytest.param(
            workload("Job", {"parallelism": 1, "completions": 1}, FAILED),
            WorkloadView(
                uid="w",
                source="job/web",
                most_pods=1,
                wanted=1,
                state="Failed",
                reason="BackoffLimitExceeded",
                message="too often",
            ),
            id="a Job that failed",
        ),
        pytest.param(
            workload("ReplicaSet", {"replicas": 1}, {"type": "Failed"}),
            WorkloadView(uid="w", source="replicaset/web", most_pods=1, wanted=1),
            id="only Jobs end",
        ),
    ],
)
def test_workloads_are_read_from_their_objects(value: dict[str, Any], wanted: WorkloadView) -> None:
    assert WorkloadView.of(value) == wanted
    view = RunView(
        workloads=(WorkloadView(uid="w", source="", most_pods=9), WorkloadView(uid="v", source="", most_pods=0))
    )
    assert view.after(MODIFIED, value).workloads == (wanted, view.workloads[1])
    assert view.after(DELETED, value).workloads[0].is_deleted


def test_workloads_of_others_are_left_out() -> None:
    assert RunView().after(ADDED, workload("Job", {})) == RunView()


def test_what_a_workload_says_of_itself() -> None:
    job = WorkloadView.of(workload("Job", {"parallelism": 1}, FAILED))
    assert (job.failure, job.is_over, job.is_complete, job.is_idle) == (
        "job/web failed: BackoffLimitExceeded: too often",
        True,
        False,
        False,
    )
    assert WorkloadView.of(workload("ReplicaSet", {})).idleness == "replicaset/web asks for no pods"
