"""The words for workloads: their kinds on a command line, and what their controllers tell of them."""

from __future__ import annotations

import pytest

from runner.core.kindwords import PODS, WORKLOADS, resource_prefix
from runner.core.reasons import Note
from runner.core.workloads import Workload, WorkloadState, expand
from runner.core.workloads import notes as words
from tests.support.pods import START
from tests.support.workloads import Counting, World, job, loaded, template, workload

CRON = {"schedule": "* * * * *", "jobTemplate": {"spec": {"template": template("Never")}}}


def texts(notes: list[Note]) -> list[tuple[str, str]]:
    return [(note.type, note.reason) for note in notes]


@pytest.mark.parametrize(
    ("kind", "words", "prefix"),
    [
        (
            "Deployment",
            {"deploy", "deployment", "deployments", "deployments.apps", "deployment.apps"},
            "deployment.apps",
        ),
        ("Job", {"job", "jobs", "jobs.batch", "job.batch"}, "job.batch"),
        ("ReplicationController", {"rc", "replicationcontroller", "replicationcontrollers"}, "replicationcontroller"),
    ],
)
def test_a_kind_has_its_words(kind: str, words: set[str], prefix: str) -> None:
    known = WORKLOADS[kind]
    assert set(known.words) == words
    assert known.prefix == prefix
    version = f"{known.group}/v1" if known.group else "v1"
    assert resource_prefix({"apiVersion": version, "kind": kind}) == prefix
    assert PODS.resource == "pods"


@pytest.mark.parametrize(
    ("made", "first"),
    [
        (workload("Deployment", {"replicas": 2}), "ScalingReplicaSet"),
        (workload("Deployment", {"replicas": 0}), None),
        (workload("ReplicaSet"), None),
        (expand([loaded("CronJob", CRON)], Counting(), START)[0], "SuccessfulCreate"),
    ],
)
def test_only_a_parent_has_something_to_tell_first(made: Workload, first: str | None) -> None:
    note = words.parent_begins(made)
    assert (note and note.reason) == first


def test_what_begins_tells_of_its_claims_and_that_it_is_suspended() -> None:
    (claim,) = words.begins(workload("StatefulSet"), ["data-web-3"])
    assert claim.message == "create Claim data-web-3 Pod web-3 in StatefulSet web success"
    assert [note.message for note in words.begins(job(suspend=True), ())] == ["Job suspended"]


@pytest.mark.parametrize(
    ("kind", "exit_code", "told"),
    [
        ("ReplicaSet", 1, [("Normal", "SuccessfulDelete")]),
        ("StatefulSet", 1, [("Normal", "SuccessfulDelete")]),
        ("DaemonSet", 1, [("Warning", "FailedDaemonPod"), ("Normal", "SuccessfulDelete")]),
        ("DaemonSet", 0, [("Normal", "SucceededDaemonPod"), ("Normal", "SuccessfulDelete")]),
    ],
)
def test_a_controller_tells_why_it_deletes_a_pod(kind: str, exit_code: int, told: list[tuple[str, str]]) -> None:
    world = World(workload(kind))
    world.step()
    world.end(0, exit_code, 1)
    assert texts(list(words.deleted(world.workload, world.members[0]))) == told


def test_a_pod_is_told_to_be_made_in_its_controllers_words() -> None:
    assert words.created(workload("StatefulSet"), "web-0").message == "create Pod web-0 in StatefulSet web successful"
    assert words.created(job(), "web-x").message == "Created pod: web-x"
    assert words.component("StatefulSet") == "statefulset-controller"


def test_an_end_is_told_by_the_job_and_its_parent() -> None:
    assert words.ended(WorkloadState.COMPLETE, "CompletionsReached", "").message == "Job completed"
    failed = words.ended(WorkloadState.FAILED, "FailedIndexes", "Job has failed indexes")
    assert (failed.type, failed.reason, failed.message) == ("Warning", "FailedIndexes", "Job has failed indexes")
    assert words.parent_ends(job(), WorkloadState.FAILED).message == "Saw completed job: web, condition: Failed"
