"""Descriptions of workloads."""

from __future__ import annotations

import re
from typing import Any

import pytest

from runner.core.model import Json
from runner.core.workloads import Workload, expand
from runner.core.workloads.status import objects_of
from runner.render.describe_workload import describe_workload
from tests.core.test_workload_status import Shown
from tests.support.pods import START, at
from tests.support.workloads import Counting, World, job, loaded, template, workload

EVENT: dict[str, Any] = {
    "type": "Normal",
    "reason": "SuccessfulCreate",
    "message": "Created pod: web-1",
    "firstTimestamp": "2000-01-01T00:00:01Z",
    "lastTimestamp": "2000-01-01T00:00:01Z",
    "source": {"component": "job-controller"},
}


def described(made: Workload, kind: str, *, pods: list[Json] | None = None, events: list[Json] | None = None) -> str:
    """The description of a workload with all its pods, five seconds after they were made."""
    shown = Shown(World(made))
    shown.look()
    value = next(one for one in objects_of(shown.view(0)) if one["kind"] == kind)
    return describe_workload(value, pods or [], events or [], at(5))


def test_a_job_is_described_with_its_counts_and_its_template() -> None:
    made = job(completions=2, activeDeadlineSeconds=60, ttlSecondsAfterFinished=9, completionMode="Indexed")
    text = described(made, "Job", events=[EVENT])
    assert (
        text
        == f"""\
Name:                        web
Namespace:                   default
Selector:                    batch.kubernetes.io/controller-uid={made.uid}
Labels:                      app=web
                             batch.kubernetes.io/controller-uid={made.uid}
                             batch.kubernetes.io/job-name=web
                             controller-uid={made.uid}
                             job-name=web
Annotations:                 <none>
Parallelism:                 1
Completions:                 2
Completion Mode:             Indexed
Suspend:                     false
Backoff Limit:               6
TTL Seconds After Finished:  9
Start Time:                  Sat, 01 Jan 2000 00:00:00 +0000
Active Deadline Seconds:     60s
Pods Statuses:               1 Active (0 Ready) / 0 Succeeded / 0 Failed
Completed Indexes:           <none>
Pod Template:
  Labels:       app=web
                batch.kubernetes.io/controller-uid={made.uid}
                batch.kubernetes.io/job-name=web
                controller-uid={made.uid}
                job-name=web
  Annotations:  note: x
  Containers:
   main:
    Image:         busybox:1.36
    Port:          <none>
    Host Port:     <none>
    Environment:   <none>
    Mounts:        <none>
  Volumes:         <none>
  Node-Selectors:  <none>
  Tolerations:     <none>
Events:
  Type    Reason            Age   From            Message
  ----    ------            ----  ----            -------
  Normal  SuccessfulCreate  4s    job-controller  Created pod: web-1
"""
    )


def test_a_job_that_is_over_has_its_duration() -> None:
    shown = Shown(World(job()))
    shown.look()
    shown.world.end(0, 0, 3)
    shown.look(3)
    text = describe_workload(shown.last["Job"], [], [], at(9))
    assert "Completed At:     Sat, 01 Jan 2000 00:00:03 +0000\nDuration:         3s\n" in text
    assert "0 Active (0 Ready) / 1 Succeeded / 0 Failed" in text


DEPLOYMENT = """\
Selector:               app=web
Replicas:               2 desired | 2 updated | 2 total | 0 available | 2 unavailable
StrategyType:           RollingUpdate
MinReadySeconds:        0
RollingUpdateStrategy:  25% max unavailable, 25% max surge
"""


def test_a_deployment_is_described_with_its_strategy_and_its_replica_set() -> None:
    made = workload("Deployment", {"replicas": 2}, volumes=[{"name": "v", "emptyDir": {}}], serviceAccountName="sa")
    text = described(made, "Deployment")
    assert DEPLOYMENT in text
    assert "\n  Service Account:  sa\n" in text
    assert "\n  Volumes:\n   v:\n    Type:" in text
    assert (
        "Conditions:\n  Type           Status  Reason\n  ----           ------  ------\n  Available      False   Min"
        in text
    )
    assert f"OldReplicaSets:  <none>\nNewReplicaSet:   {made.name} (2/2 replicas created)\n" in text


def pod(phase: str) -> Json:
    return {"status": {"phase": phase}}


def single_spaced(text: str) -> str:
    return re.sub(" +", " ", text)


@pytest.mark.parametrize(
    ("made", "kind", "expected"),
    [
        (
            workload("Deployment", {"replicas": 2}),
            "ReplicaSet",
            "Controlled By: Deployment/web\nReplicas: 2 current / 2 desired\n",
        ),
        (workload("ReplicationController"), "ReplicationController", "Selector: app=web\n"),
        (
            workload("StatefulSet", {"replicas": 3}),
            "StatefulSet",
            "3 desired | 1 total\nUpdate Strategy: RollingUpdate\n Partition: 0\n",
        ),
        (workload("StatefulSet"), "StatefulSet", "Volume Claims: <none>\n"),
        (workload("DaemonSet", nodeSelector={"a": "b"}), "DaemonSet", "Node-Selector: a=b\n"),
        (workload("DaemonSet"), "DaemonSet", "Desired Number of Nodes Scheduled: 1\n"),
    ],
)
def test_what_keeps_pods_is_described_with_their_number(made: Workload, kind: str, expected: str) -> None:
    text = single_spaced(
        described(made, kind, pods=[pod(phase) for phase in ("Running", "Pending", "Running", "Failed")])
    )
    assert expected in text
    assert "\nPods Status: 2 Running / 1 Waiting / 0 Succeeded / 1 Failed\n" in text
    assert text.endswith("\nEvents: <none>\n")


def test_claims_of_a_stateful_set_are_described() -> None:
    claim = {
        "metadata": {"name": "data", "labels": {"own": "x"}},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
    }
    text = described(workload("StatefulSet", {"volumeClaimTemplates": [claim]}), "StatefulSet")
    lines = [line.split() for line in text[text.index("Volume Claims:") :].splitlines()]
    assert lines[1:7] == [
        ["Name:", "data"],
        ["StorageClass:"],
        ["Labels:", "own=x"],
        ["Annotations:", "<none>"],
        ["Capacity:", "1Gi"],
        ["Access", "Modes:", "[ReadWriteOnce]"],
    ]


def test_a_cron_job_is_described_with_its_schedule_and_its_job() -> None:
    spec = {"schedule": "* * * * *", "timeZone": "Etc/UTC", "jobTemplate": {"spec": {"template": template("Never")}}}
    (made,) = expand([loaded("CronJob", spec)], Counting(), START)
    text = described(made, "CronJob")
    assert "Schedule:                      * * * * *\nConcurrency Policy:            Allow\n" in text
    assert "Suspend:                       False\nTime Zone:                     Etc/UTC\n" in text
    assert "Suspend:                       False\n" in text
    assert "Selector:                      <unset>\nParallelism:                   <unset>\n" in text
    assert f"Active Jobs:         {made.name}\n" in text
    assert "Last Schedule Time:  Sat, 01 Jan 2000 00:00:00 +0000\n" in text


def test_many_completed_indexes_end_after_the_next_comma() -> None:
    indexes = ",".join(str(number) for number in range(0, 60, 2))
    spec = {"completionMode": "Indexed", "template": template("Never")}
    value = {"kind": "Job", "metadata": {"name": "j"}, "spec": spec, "status": {"completedIndexes": indexes}}
    text = describe_workload(value, (), (), START)
    assert f"Completed Indexes:  {indexes[:52]}...\n" in text
    assert "Pods Statuses:      0 Active / 0 Succeeded / 0 Failed\n" in text
