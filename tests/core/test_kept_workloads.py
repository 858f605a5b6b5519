"""What kept workloads show after some of their pods have gone."""

from __future__ import annotations

from typing import Any

import pytest

from runner.core.model import Json
from runner.core.workloads import expand
from runner.core.workloads.kept import recounted
from tests.core.test_workload_status import Shown, shown
from tests.support.pods import at
from tests.support.workloads import Counting, job, loaded, workload


def kept(made: Shown) -> tuple[Json, Json | None, list[Json]]:
    """A workload of ready pods as it was shown last, the Deployment or CronJob that it comes from, and its pods."""
    made.look()
    pods: list[Json] = []
    for position in range(len(made.world.members)):
        if made.world.members[position].status.phase == "Pending":
            made.world.ready(position)
        member = made.world.members[position]
        pods.append({**member.pod, "status": member.status.to_json()})
    made.show(1)
    own = made.last[str(made.world.workload.kind)]
    parent = made.world.workload.parent
    return own, None if parent is None else made.last[parent["kind"]], pods


@pytest.mark.parametrize(
    ("kind", "counts", "left"),
    [
        pytest.param("ReplicaSet", ("replicas", "readyReplicas", "availableReplicas"), 1, id="ReplicaSet"),
        pytest.param("ReplicationController", ("replicas", "readyReplicas", "availableReplicas"), 1, id="its ancestor"),
        pytest.param("Deployment", ("replicas", "updatedReplicas", "readyReplicas", "availableReplicas"), 1, id="Deployment"),
        pytest.param("StatefulSet", ("replicas", "readyReplicas", "availableReplicas", "updatedReplicas"), 1, id="StatefulSet"),
        pytest.param("DaemonSet", ("currentNumberScheduled", "numberReady", "numberAvailable"), 0, id="DaemonSet"),
    ],
)  # fmt: skip
def test_counts_are_those_of_the_pods_that_are_left(kind: str, counts: tuple[str, ...], left: int) -> None:
    spec: dict[str, Any] = {} if kind == "DaemonSet" else {"replicas": 2}
    if kind == "StatefulSet":
        spec |= {"serviceName": "web", "podManagementPolicy": "Parallel"}
    own, parent, pods = kept(shown(workload(kind, spec)))
    same = recounted(own, parent, pods, at(2))
    assert same == ((own,) if parent is None else (own, parent)), "nothing has gone"
    now = recounted(own, parent, pods[:left], at(9))
    for value in now:
        assert {
            name: value["status"].get(name, 0) for name in counts if name in (value["status"] | same[0]["status"])
        } == {name: left for name in counts if name in (value["status"] | same[0]["status"])}
    if parent is not None:
        assert now[1]["status"]["unavailableReplicas"] == 1
    if kind == "StatefulSet":
        assert now[0]["status"]["updateRevision"] == own["status"]["updateRevision"]


def test_a_pod_that_is_being_deleted_is_not_counted() -> None:
    own, _, (pod,) = kept(shown(workload("ReplicaSet", {"replicas": 1})))
    leaving = {**pod, "metadata": {**pod["metadata"], "deletionTimestamp": "2030-01-01T00:00:00Z"}}
    assert recounted(own, None, [leaving], at(2))[0]["status"]["replicas"] == 0


@pytest.mark.parametrize("kind", ["Job", "CronJob"])
def test_what_a_job_has_come_to_stays(kind: str) -> None:
    template = {"template": {"spec": {"restartPolicy": "Never", "containers": [{"name": "main", "image": "a"}]}}}
    (cron,) = expand(
        [loaded("CronJob", {"schedule": "* * * * *", "jobTemplate": {"spec": template}})], Counting(), at(0)
    )
    made = shown(job(completions=2) if kind == "Job" else cron)
    if kind == "Job":
        made.look()
        made.world.end(0, 0, 5)
    own, parent, pods = kept(made)
    succeeded = own["status"].get("succeeded", 0)
    now = recounted(own, parent, [], at(9))
    assert now[1:] == (() if parent is None else (parent,))
    status = now[0]["status"]
    assert (status.get("active"), status["ready"], status.get("succeeded", 0)) == (None, 0, succeeded)
    assert own["status"]["active"] == 1
    assert recounted(own, parent, pods, at(9))[0]["status"]["active"] == 1
