"""The statuses of workloads while their pods come and go, and the rows in which they are shown."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from runner.core.model import Json
from runner.core.printers.workloadcolumns import WIDE_WORKLOAD_COLUMNS, WORKLOAD_COLUMNS, selector_text, workload_cells
from runner.core.workloads import Reconciliation, Workload, expand
from runner.core.workloads.status import View, changes_at, objects_of, ranges
from tests.support.pods import START, at
from tests.support.workloads import APP, Counting, World, job, loaded, template, workload

Value = dict[str, Any]


@dataclass
class Shown:
    """A world whose objects are looked at as a controller does: each time with what was shown before."""

    world: World
    last: dict[str, Value] = field(default_factory=dict)
    found: Reconciliation = field(default_factory=Reconciliation)

    def view(self, seconds: float) -> View:
        return View(
            workload=self.world.workload,
            members=self.world.members,
            state=self.found.state,
            reason=self.found.reason,
            message=self.found.message,
            before=self.last,
            now=at(seconds),
        )

    def look(self, seconds: float = 0) -> Value:
        """The status of the first object: the Deployment's, the CronJob's, else the workload's own."""
        self.found = self.world.step(seconds)
        return self.show(seconds)

    def show(self, seconds: float) -> Value:
        values = objects_of(self.view(seconds))
        self.last = {value["kind"]: value for value in values}
        status: Value = values[0]["status"]
        return status

    def cells(self, kind: str, seconds: float = 0, *, wide: bool = False) -> tuple[str, ...]:
        return workload_cells(self.last[kind], at(seconds), wide=wide)


def shown(made: Workload) -> Shown:
    return Shown(World(made))


def conditions(status: Json) -> list[tuple[str, str, str]]:
    return [(one["type"], one["status"], one["reason"]) for one in status.get("conditions") or ()]


# --- replicas -----------------------------------------------------------------------------------------------------------


def test_a_deployment_progresses_until_all_its_pods_are_available() -> None:
    watched = shown(workload("Deployment", {"replicas": 3}))
    first = watched.look()
    assert {key: first[key] for key in ("replicas", "updatedReplicas", "unavailableReplicas")} == {
        "replicas": 3,
        "updatedReplicas": 3,
        "unavailableReplicas": 3,
    }
    assert conditions(first) == [
        ("Available", "False", "MinimumReplicasUnavailable"),
        ("Progressing", "True", "ReplicaSetUpdated"),
    ]
    assert watched.cells("Deployment", 3) == ("web", "0/3", "3", "0", "3s")
    for position in range(3):
        watched.world.ready(position, 5)
    last = watched.look(5)
    assert (last["readyReplicas"], last["availableReplicas"]) == (3, 3)
    assert "unavailableReplicas" not in last
    assert conditions(last) == [
        ("Available", "True", "MinimumReplicasAvailable"),
        ("Progressing", "True", "NewReplicaSetAvailable"),
    ]
    times = [(one["lastTransitionTime"], one["lastUpdateTime"]) for one in last["conditions"]]
    assert times == [("2000-01-01T00:00:05Z", "2000-01-01T00:00:05Z"), ("2000-01-01T00:00:00Z", "2000-01-01T00:00:05Z")]
    name = watched.world.workload.name
    assert last["conditions"][1]["message"] == f'ReplicaSet "{name}" has successfully progressed.'
    assert watched.cells("Deployment", 65) == ("web", "3/3", "3", "3", "65s")
    assert watched.cells("ReplicaSet", 65) == (name, "3", "3", "3", "65s")


def test_a_deployment_that_was_rolled_out_loses_its_availability_but_not_its_progress() -> None:
    watched = shown(workload("Deployment", {"replicas": 4}))
    watched.look()
    for position in range(4):
        watched.world.ready(position, 1)
    before = watched.look(1)
    watched.world.end(0, 1, 2)
    still = watched.look(2)
    assert (still["availableReplicas"], conditions(still)) == (3, conditions(before))
    watched.world.end(1, 1, 3)
    assert conditions(watched.look(3)) == [
        ("Available", "False", "MinimumReplicasUnavailable"),
        ("Progressing", "True", "NewReplicaSetAvailable"),
    ]


def test_a_deployment_without_progress_times_out_and_goes_on_when_a_pod_comes() -> None:
    watched = shown(workload("Deployment", {"replicas": 3, "progressDeadlineSeconds": 60}))
    watched.look()
    assert changes_at(watched.view(0)) == at(60)
    watched.world.ready(0, 30)
    assert conditions(watched.look(30))[1] == ("Progressing", "True", "ReplicaSetUpdated")
    assert changes_at(watched.view(30)) == at(90)
    assert conditions(watched.look(90))[1] == ("Progressing", "False", "ProgressDeadlineExceeded")
    assert changes_at(watched.view(90)) is None
    assert conditions(watched.look(100))[1] == ("Progressing", "False", "ProgressDeadlineExceeded")
    watched.world.ready(1, 110)
    assert conditions(watched.look(110))[1] == ("Progressing", "True", "ReplicaSetUpdated")


def test_the_longest_progress_deadline_is_none() -> None:
    watched = shown(workload("Deployment", {"progressDeadlineSeconds": 2**31 - 1, "minReadySeconds": 1}))
    watched.look()
    assert changes_at(watched.view(0)) is None


@pytest.mark.parametrize(
    ("strategy", "ready", "available"),
    [
        ({"type": "Recreate"}, 3, False),
        ({"type": "Recreate"}, 4, True),
        ({"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 2, "maxSurge": 0}}, 2, True),
        ({"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": "10%", "maxSurge": 0}}, 3, True),
        ({"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}}, 3, False),
        ({"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 99}}, 0, True),
    ],
)
def test_how_many_pods_may_lack_follows_the_strategy(strategy: Json, ready: int, available: bool) -> None:
    """Percents are rounded down; where neither number lets it roll, one pod may lack."""
    watched = shown(workload("Deployment", {"replicas": 4, "strategy": strategy}))
    watched.look()
    for position in range(ready):
        watched.world.ready(position, 1)
    assert conditions(watched.look(1))[0][1] == str(available)


def test_a_pod_is_available_when_it_has_been_ready_long_enough() -> None:
    watched = shown(workload("ReplicaSet", {"replicas": 1, "minReadySeconds": 10}))
    watched.look()
    assert changes_at(watched.view(0)) is None
    watched.world.ready(0, 5)
    early = watched.look(5)
    assert (early["readyReplicas"], early.get("availableReplicas")) == (1, None)
    assert changes_at(watched.view(5)) == at(15)
    assert watched.look(15)["availableReplicas"] == 1


def test_a_replication_controller_counts_as_a_replica_set_does() -> None:
    watched = shown(workload("ReplicationController", {"replicas": 2}))
    assert watched.look() == {"replicas": 2, "fullyLabeledReplicas": 2, "observedGeneration": 1}
    assert watched.cells("ReplicationController", wide=True)[5:] == ("main", "busybox:1.36", "app=web")


def test_a_stateful_set_counts_its_pods_and_names_its_revision() -> None:
    watched = shown(workload("StatefulSet", {"replicas": 2, "minReadySeconds": 4}))
    assert watched.look()["replicas"] == 1
    watched.world.ready(0, 1)
    status = watched.look(1)
    assert (status["readyReplicas"], status["availableReplicas"]) == (1, 0)
    assert watched.found.wake_at == at(5)
    revision = f"web-{watched.world.workload.revision}"
    assert status["currentRevision"] == status["updateRevision"] == revision
    status = watched.look(5)
    assert (status["replicas"], status["availableReplicas"], status["collisionCount"]) == (2, 1, 0)
    assert watched.cells("StatefulSet", 5, wide=True) == ("web", "1/2", "5s", "main", "busybox:1.36")


def test_a_daemon_set_wants_one_pod() -> None:
    watched = shown(workload("DaemonSet", nodeSelector={"disk": "ssd", "arch": "amd64"}))
    assert watched.look()["numberUnavailable"] == 1
    assert watched.cells("DaemonSet") == ("web", "1", "1", "0", "1", "0", "arch=amd64,disk=ssd", "0s")
    watched.world.ready(0, 1)
    status = watched.look(1)
    assert (status["numberReady"], status["numberAvailable"]) == (1, 1)
    assert "numberUnavailable" not in status


# --- jobs ---------------------------------------------------------------------------------------------------------------


def test_a_job_is_complete_when_none_of_its_pods_runs_any_more() -> None:
    rule = {"rules": [{"succeededIndexes": "0"}]}
    watched = shown(job(completions=2, parallelism=2, completionMode="Indexed", successPolicy=rule))
    assert watched.look() == {
        "startTime": "2000-01-01T00:00:00Z",
        "active": 2,
        "terminating": 0,
        "ready": 0,
        "uncountedTerminatedPods": {},
    }
    assert watched.cells("Job", 7) == ("web", "Running", "0/2", "7s", "7s")
    watched.world.end(0, 0, 8)
    met = watched.look(8)
    assert conditions(met) == [("SuccessCriteriaMet", "True", "SuccessPolicy")]
    assert watched.cells("Job", 8)[1] == "SuccessCriteriaMet"
    watched.world.change(1, is_deleted=True)
    assert watched.show(9)["terminating"] == 1
    watched.world.change(1, is_gone=True)
    over = watched.show(10)
    assert conditions(over) == [("SuccessCriteriaMet", "True", "SuccessPolicy"), ("Complete", "True", "SuccessPolicy")]
    assert over["conditions"][0]["lastTransitionTime"] == "2000-01-01T00:00:08Z"
    assert "failed" not in over
    assert (over["completionTime"], over["completedIndexes"], over["succeeded"]) == ("2000-01-01T00:00:10Z", "0", 1)
    assert watched.show(99)["completionTime"] == "2000-01-01T00:00:10Z"
    assert watched.cells("Job", 99) == ("web", "Complete", "1/2", "10s", "99s")


def test_a_failed_job_has_no_completion_time() -> None:
    watched = shown(job(backoffLimit=0))
    watched.look()
    watched.world.end(0, 1, 4)
    status = watched.look(4)
    assert conditions(status) == [
        ("FailureTarget", "True", "BackoffLimitExceeded"),
        ("Failed", "True", "BackoffLimitExceeded"),
    ]
    assert (status["failed"], "completionTime" in status) == (1, False)
    assert watched.cells("Job", 9) == ("web", "Failed", "0/1", "9s", "9s")


def test_a_suspended_job_has_not_begun() -> None:
    watched = shown(job(suspend=True, activeDeadlineSeconds=1))
    status = watched.look()
    assert conditions(status) == [("Suspended", "True", "JobSuspended")]
    assert "startTime" not in status
    assert watched.cells("Job") == ("web", "Suspended", "0/1", "", "0s")
    assert conditions(watched.look(5)) == conditions(status)


def test_a_job_without_completions_is_done_when_one_of_its_pods_is() -> None:
    watched = shown(job(parallelism=3))
    watched.look()
    assert watched.cells("Job")[2] == "0/1 of 3"
    one = shown(job(parallelism=1, completionMode="NonIndexed"))
    one.look()
    value = {**one.last["Job"], "spec": {**one.last["Job"]["spec"], "completions": None}}
    assert workload_cells(value, START)[2] == "0/1"
    leaving = {**value, "metadata": {**value["metadata"], "deletionTimestamp": "2000-01-01T00:00:00Z"}}
    assert workload_cells(leaving, START)[1] == "Terminating"


def test_an_index_that_is_given_up_is_listed() -> None:
    watched = shown(job(completions=2, parallelism=2, completionMode="Indexed", backoffLimitPerIndex=0))
    assert watched.look()["failedIndexes"] == ""
    mark = "batch.kubernetes.io/job-index-failure-count"
    assert watched.found.create[0]["metadata"]["annotations"][mark] == "0"
    watched.world.end(1, 1, 1)
    assert watched.look(1)["failedIndexes"] == "1"


def test_a_cron_jobs_only_job_is_active_until_it_is_over() -> None:
    spec = {"schedule": "* * * * *", "timeZone": "Etc/UTC", "jobTemplate": {"spec": {"template": template("Never")}}}
    (made,) = expand([loaded("CronJob", spec)], Counting(), START)
    watched = shown(made)
    (active,) = watched.look()["active"]
    assert (active["kind"], active["name"], active["uid"]) == ("Job", made.name, made.uid)
    cells = ("web", "* * * * *", "Etc/UTC", "False", "1", "2s", "2s")
    assert watched.cells("CronJob", 2) == cells
    assert watched.cells("CronJob", 2, wide=True) == (*cells, "main", "busybox:1.36", "<none>")
    watched.world.end(0, 0, 3)
    status = watched.look(3)
    assert status == {"lastScheduleTime": "2000-01-01T00:00:00Z", "lastSuccessfulTime": "2000-01-01T00:00:03Z"}
    never = {**watched.last["CronJob"], "status": {}}
    assert workload_cells(never, at(3))[2:6] == ("Etc/UTC", "False", "0", "<none>")


def test_an_owner_stands_above_what_it_has_made() -> None:
    metadata: dict[str, Any] = {"labels": {"team": "a"}, "annotations": {"why": "test"}}
    made = loaded(
        "Deployment", {"replicas": 4, "selector": {"matchLabels": {"app": "web"}}, "template": template()}, **metadata
    )
    (found,) = expand([made], Counting(), START)
    deployment, replica_set = objects_of(shown(found).view(0))
    assert deployment["metadata"]["annotations"] == {"why": "test", "deployment.kubernetes.io/revision": "1"}
    assert replica_set["metadata"]["ownerReferences"][0]["uid"] == deployment["metadata"]["uid"]
    assert replica_set["metadata"]["labels"] == {"app": "web", "pod-template-hash": found.revision}
    counts = {key.partition("/")[2]: text for key, text in replica_set["metadata"]["annotations"].items()}
    assert (counts["desired-replicas"], counts["max-replicas"]) == ("4", "5")
    assert replica_set["spec"]["selector"]["matchLabels"] == replica_set["metadata"]["labels"]


def test_a_jobs_own_selector_stays_when_it_is_asked_to() -> None:
    labels = {"app": "web"}
    made = job(manualSelector=True, selector={"matchLabels": labels})
    assert World(made).step().create[0]["metadata"]["labels"] == labels
    chosen = job().spec["selector"]["matchLabels"]
    assert set(chosen) == {"batch.kubernetes.io/controller-uid"}


@pytest.mark.parametrize(
    ("indexes", "text"), [((), ""), ((3,), "3"), ((0, 1), "0,1"), ((0, 2, 3, 4), "0,2-4"), ((1, 2, 3, 5, 6), "1-3,5,6")]
)
def test_indexes_are_written_as_ranges(indexes: tuple[int, ...], text: str) -> None:
    assert ranges(indexes) == text


def test_a_selector_is_one_line_sorted_by_key() -> None:
    expressions = [
        {"key": "b", "operator": "In", "values": ["y", "x"]},
        {"key": "c", "operator": "NotIn", "values": ["z"]},
        {"key": "d", "operator": "Exists"},
        {"key": "e", "operator": "DoesNotExist"},
    ]
    text = selector_text({"matchLabels": {"a": "1"}, "matchExpressions": expressions})
    assert text == "a=1,b in (x,y),c notin (z),d,!e"


@pytest.mark.parametrize("kind", WORKLOAD_COLUMNS)
def test_every_cell_has_a_column(kind: str) -> None:
    spec = {"containers": [APP]}
    value = {"kind": kind, "metadata": {"name": "x"}, "spec": {"template": {"spec": spec}}}
    for wide, columns in ((False, WORKLOAD_COLUMNS), (True, WIDE_WORKLOAD_COLUMNS)):
        assert len(workload_cells(value, START, wide=wide)) == len(columns[kind])


def test_requirements_of_one_key_stay_in_their_order() -> None:
    expressions = [{"key": "app", "operator": "In", "values": ["web"]}]
    assert selector_text({"matchLabels": {"app": "web"}, "matchExpressions": expressions}) == "app=web,app in (web)"
