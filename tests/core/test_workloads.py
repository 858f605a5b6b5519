"""Which pods workloads make, and what they do when those end."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import pytest

from runner.core.manifest import Source, load
from runner.core.model import Json
from runner.core.status.podstatus import Condition, ContainerStatus, Phase, PodStatus, Terminated
from runner.core.workloads import (
    WORKLOAD_KINDS,
    Reconciliation,
    Workload,
    WorkloadState,
    expand,
    reconcile,
    template_spec,
)
from runner.core.workloads.statefulset import claims
from tests.support.pods import START, at
from tests.support.workloads import APP, Counting, World, job, loaded, template, workload


def labels(pod: Json) -> Json:
    found: Json = pod["metadata"]["labels"]
    return found


# --- names, labels, owners ----------------------------------------------------------------------------------------------


def test_a_deployments_pods_belong_to_a_replica_set_named_after_the_template() -> None:
    made = workload("Deployment", {"replicas": 2})
    first, second = reconcile(made, (), START).create
    revision = made.name.removeprefix("web-")
    assert 6 <= len(revision) <= 10
    assert set(revision) <= set("bcdfghjklmnpqrstvwxz2456789")
    assert (made.kind, made.source) == ("ReplicaSet", "deployment/web")
    assert labels(first) == {"app": "web", "pod-template-hash": revision}
    assert first["metadata"]["generateName"] == f"web-{revision}-"
    assert first["metadata"]["annotations"] == {"note": "x"}
    assert first["metadata"]["ownerReferences"] == [
        {
            "apiVersion": "apps/v1",
            "kind": "ReplicaSet",
            "name": made.name,
            "uid": made.uid,
            "controller": True,
            "blockOwnerDeletion": True,
        }
    ]
    assert first == second
    assert first["spec"]["enableServiceLinks"] is True


def test_a_template_hash_changes_with_the_template_alone() -> None:
    same = {workload("Deployment", {"replicas": n}).revision for n in (1, 2)}
    assert len(same) == 1
    assert workload("Deployment", hostname="other").revision not in same


@pytest.mark.parametrize(
    ("kind", "generate", "more"),
    [
        ("ReplicaSet", "web-", set()),
        ("ReplicationController", "web-", set()),
        ("DaemonSet", "web-", {"controller-revision-hash", "pod-template-generation"}),
    ],
)
def test_replicas_are_named_after_their_owner(kind: str, generate: str, more: set[str]) -> None:
    (pod,) = reconcile(workload(kind), (), START).create
    assert pod["metadata"]["generateName"] == generate
    assert set(labels(pod)) == {"app", *more}
    assert pod["metadata"]["ownerReferences"][0]["kind"] == kind


def test_a_template_without_labels_and_annotations_gives_a_pod_without_them() -> None:
    made = Workload(
        kind=workload("ReplicaSet").kind,
        api_version="apps/v1",
        name="bare",
        namespace="default",
        uid="u",
        source="replicaset/bare",
        spec={"replicas": 1},
        template={"spec": {"containers": [{**APP, "resources": {}}]}},
        revision="r",
        created_at=START,
    )
    (pod,) = reconcile(made, (), START).create
    assert set(pod["metadata"]) == {"generateName", "namespace", "ownerReferences"}


def test_daemon_pods_tolerate_what_a_node_may_suffer() -> None:
    written = {"key": "own", "operator": "Exists"}
    (pod,) = reconcile(workload("DaemonSet", hostNetwork=True, tolerations=[written]), (), START).create
    keys = [toleration["key"] for toleration in pod["spec"]["tolerations"]]
    assert keys[0] == "own"
    assert {"node.kubernetes.io/not-ready", "node.kubernetes.io/network-unavailable"} <= set(keys)


def test_a_jobs_pods_carry_its_name_and_uid() -> None:
    made = job()
    (pod,) = reconcile(made, (), START).create
    assert pod["metadata"]["generateName"] == "web-"
    assert labels(pod) == {
        "app": "web",
        "job-name": "web",
        "controller-uid": made.uid,
        "batch.kubernetes.io/job-name": "web",
        "batch.kubernetes.io/controller-uid": made.uid,
    }


def test_an_indexed_jobs_pods_know_their_index() -> None:
    made = job(completions=2, parallelism=2, completionMode="Indexed")
    first, second = reconcile(made, (), START).create
    mark = "batch.kubernetes.io/job-completion-index"
    assert [pod["metadata"]["generateName"] for pod in (first, second)] == ["web-0-", "web-1-"]
    assert [pod["spec"]["hostname"] for pod in (first, second)] == ["web-0", "web-1"]
    assert (labels(second)[mark], second["metadata"]["annotations"][mark]) == ("1", "1")
    (variable,) = second["spec"]["containers"][0]["env"]
    assert variable["name"] == "JOB_COMPLETION_INDEX"
    assert variable["valueFrom"]["fieldRef"]["fieldPath"] == f"metadata.labels['{mark}']"


def test_a_variable_that_the_manifest_sets_itself_stays() -> None:
    mine = {"name": "JOB_COMPLETION_INDEX", "value": "mine"}
    spec = {"completions": 1, "completionMode": "Indexed"}
    made = workload("Job", spec, policy="Never", containers=[{**APP, "env": [mine]}])
    assert reconcile(made, (), START).create[0]["spec"]["containers"][0]["env"] == [mine]


def test_a_cron_job_runs_one_job_now_named_after_the_minute() -> None:
    spec = {"schedule": "* * * * *", "jobTemplate": {"spec": {"template": template("Never")}}}
    (made,) = expand([loaded("CronJob", spec)], Counting(), START)
    assert (made.kind, made.source) == ("Job", "cronjob/web")
    assert made.name == f"web-{int(START.timestamp()) // 60}"
    assert len(reconcile(made, (), START).create) == 1


def test_a_generated_name_is_completed() -> None:
    (made,) = expand([loaded("Job", {"template": template("Never")}, "", generateName="pi-")], Counting(), START)
    assert made.name == "pi-sfx01"


def test_what_an_object_runs_is_its_template() -> None:
    cron = {"schedule": "* * * * *", "jobTemplate": {"spec": {"template": template("Never")}}}
    pod = load(
        [
            Source(
                name="f", text=json.dumps({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, **template()})
            )
        ]
    )
    config = load([Source(name="f", text="apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\n")])
    for found in (loaded("Job", {"template": template("Never")}), loaded("CronJob", cron)):
        assert template_spec(found)["containers"][0]["image"] == "busybox:1.36"
    assert template_spec(config.objects[0]) == {}
    assert "Pod" not in WORKLOAD_KINDS
    assert template_spec(pod.objects[0])["containers"][0]["image"] == "busybox:1.36"


# --- replicas -----------------------------------------------------------------------------------------------------------


def test_a_replica_that_ends_or_goes_is_replaced_at_once() -> None:
    world = World(workload("ReplicaSet", {"replicas": 3}))
    assert len(world.step().create) == 3
    assert world.step().create == ()
    world.end(0, 1, 5)
    world.change(1, is_deleted=True)
    world.change(2, is_gone=True)
    assert len(world.step(6).create) == 3


def test_replicas_that_are_too_many_go_newest_first() -> None:
    world = World(workload("ReplicaSet", {"replicas": 2}))
    world.step()
    fewer = workload("ReplicaSet", {"replicas": 1})
    found = reconcile(fewer, world.members, START)
    assert found.delete == (world.members[1].uid,)
    assert (found.create, found.wanted) == ((), 1)


def test_a_failed_daemon_pod_is_deleted_and_made_anew_after_a_while() -> None:
    world = World(workload("DaemonSet"))
    world.step()
    assert world.step(1) == Reconciliation(wanted=1)
    world.end(0, 1, 10)
    found = world.step(10.5)
    assert (found.delete, found.create, found.retry_at) == ((world.members[0].uid,), (), at(11))
    world.change(0, is_gone=True)
    assert len(world.step(11).create) == 1
    world.end(1, 1, 20)
    assert world.step(20).wake_at == at(22)
    assert world.step(20, speed=4).wake_at == at(20.5)


@pytest.mark.parametrize("kind", ["ReplicaSet", "StatefulSet"])
def test_pods_that_end_within_seconds_are_made_anew_ever_later(kind: str) -> None:
    """At once, after 1 s, 2 s, 4 s; a cluster would make them as fast as it can."""
    world = World(workload(kind))
    world.step()
    for second, wait in ((0, 0), (0, 1), (1, 2), (3, 4)):
        position = len(world.members) - 1
        world.change(position, status=PodStatus(phase=Phase.FAILED, reason="SysctlForbidden"))
        assert world.step(second).retry_at == (at(second + wait) if wait else None)
        world.change(position, is_gone=True)
        if wait:
            assert world.step(second, speed=2).retry_at == at(second + wait / 2)
        world.step(second + wait)
    assert len([member for member in world.members if member.is_active]) == 1
    assert len(world.members) == 5


def test_many_pods_that_end_at_once_are_one_failure() -> None:
    world = World(workload("ReplicaSet", {"replicas": 3}))
    world.step()
    for position in range(3):
        world.end(position, 1, 1)
    assert len(world.step(1).create) == 3
    for position in range(3, 6):
        world.end(position, 1, 2)
    assert world.step(2).retry_at == at(3)


def test_pods_that_lived_are_replaced_at_once_and_old_failures_are_forgotten() -> None:
    world = World(workload("ReplicaSet"))
    world.step()
    for position, (made, ended) in enumerate([(0, 1), (1, 2), (3, 100), (100, 800), (800, 801)]):
        world.end(position, 1, ended)
        found = world.step(ended)
        assert bool(found.retry_at) is (position == 1), made
        world.step(ended + 1)


# --- stateful sets ------------------------------------------------------------------------------------------------------


def stateful(**spec: Any) -> Workload:
    return workload("StatefulSet", {"serviceName": "db", "replicas": 3, **spec})


def names(world: World) -> list[str]:
    return [member.name for member in world.members if not member.is_gone]


def test_stateful_pods_start_in_order_each_after_the_one_before_is_ready() -> None:
    world = World(stateful())
    world.step()
    assert names(world) == ["web-0"]
    assert world.step().create == ()
    world.ready(0)
    world.step()
    assert names(world) == ["web-0", "web-1"]
    world.ready(1)
    world.step()
    world.ready(2)
    assert world.step() == Reconciliation(wanted=3)


def test_parallel_stateful_pods_start_together() -> None:
    world = World(stateful(podManagementPolicy="Parallel", ordinals={"start": 5}))
    world.step()
    assert names(world) == ["web-5", "web-6", "web-7"]


def test_an_ended_stateful_pod_is_deleted_first_and_made_anew_under_its_name() -> None:
    world = World(stateful(replicas=1))
    world.step()
    world.end(0, 1, 3)
    assert world.step().delete == (world.members[0].uid,)
    world.change(0, is_deleted=True)
    assert world.step() == Reconciliation(wanted=1)
    world.change(0, is_gone=True)
    world.step()
    assert names(world) == ["web-0"]


def test_a_stateful_pod_has_its_name_its_domain_and_its_claims() -> None:
    claim = {
        "metadata": {"name": "data", "labels": {"own": "x"}},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
    }
    volumes = [{"name": "data", "emptyDir": {}}, {"name": "tmp", "emptyDir": {}}]
    spec = {"serviceName": "db", "replicas": 2, "volumeClaimTemplates": [claim]}
    made = workload("StatefulSet", spec, volumes=volumes)
    (pod,) = reconcile(made, (), START).create
    assert (pod["spec"]["hostname"], pod["spec"]["subdomain"]) == ("web-0", "db")
    assert pod["spec"]["volumes"] == [
        {"name": "data", "persistentVolumeClaim": {"claimName": "data-web-0"}},
        {"name": "tmp", "emptyDir": {}},
    ]
    assert labels(pod)["statefulset.kubernetes.io/pod-name"] == "web-0"
    assert labels(pod)["apps.kubernetes.io/pod-index"] == "0"
    found = claims(made)
    assert [value["metadata"]["name"] for value in found] == ["data-web-0", "data-web-1"]
    assert found[0]["metadata"]["labels"] == {"own": "x", "app": "web"}
    assert "status" not in found[0]


def test_a_stateful_pod_without_service_and_volumes_has_neither() -> None:
    (pod,) = reconcile(workload("StatefulSet", {"replicas": 1}), (), START).create
    assert "subdomain" not in pod["spec"]
    assert "volumes" not in pod["spec"]


# --- jobs ---------------------------------------------------------------------------------------------------------------


def test_a_job_is_complete_after_as_many_successes_as_it_asks_for() -> None:
    world = World(job(completions=3, parallelism=2))
    assert (world.step().wanted, len(world.members)) == (2, 2)
    assert world.step().create == ()
    world.end(0, 0, 1)
    assert len(world.step(1).create) == 1
    world.end(1, 0, 2)
    world.end(2, 0, 2)
    found = world.step(2)
    assert (found.state, found.reason) == (WorkloadState.COMPLETE, "CompletionsReached")


def test_a_failed_pod_is_replaced_after_ever_longer_waits_until_the_limit() -> None:
    """10 s, 20 s, 40 s …, at most 10 minutes, counted from the last failure."""
    world = World(job(backoffLimit=8))
    now, waits = 0.0, []
    for position in range(9):
        found = world.step(now)
        if found.retry_at is not None:
            waits.append((found.retry_at - at(now)).total_seconds())
            now = (found.retry_at - START).total_seconds()
            found = world.step(now)
        assert len(found.create) == 1
        world.end(position, 1, now)
    assert waits == [10, 20, 40, 80, 160, 320, 600, 600]
    found = world.step(now)
    assert (found.state, found.reason) == (WorkloadState.FAILED, "BackoffLimitExceeded")


def test_a_success_makes_the_next_wait_short_again() -> None:
    world = World(job(completions=3))
    world.step()
    world.end(0, 1, 1)
    world.step(11)
    world.end(1, 0, 12)
    assert len(world.step(12).create) == 1
    world.end(2, 1, 13)
    assert world.step(13).retry_at == at(23)
    assert world.step(13, speed=10).retry_at == at(14)


def test_a_deleted_pod_counts_as_failed_and_keeps_its_place_when_the_policy_says_so() -> None:
    world = World(job())
    world.step()
    world.change(0, is_deleted=True)
    assert world.step(1).retry_at is not None
    patient = World(job(podReplacementPolicy="Failed"))
    patient.step()
    patient.change(0, is_deleted=True)
    assert patient.step(1) == Reconciliation(wanted=1)
    patient.change(0, is_gone=True)
    assert patient.step(1).retry_at is not None


@pytest.mark.parametrize(("limit", "restarts", "fails"), [(0, 0, False), (0, 1, True), (3, 2, False), (3, 3, True)])
def test_restarts_in_place_count_towards_the_limit(limit: int, restarts: int, fails: bool) -> None:
    world = World(job("OnFailure", backoffLimit=limit))
    world.step()
    running = ContainerStatus(name="main", restart_count=restarts)
    world.change(0, status=PodStatus(phase=Phase.RUNNING, containers=(running,)))
    found = world.step(1)
    assert (found.state is WorkloadState.FAILED) is fails
    assert found.delete == ((world.members[0].uid,) if fails else ())


def test_a_job_that_takes_too_long_fails_and_its_pods_go() -> None:
    world = World(job(activeDeadlineSeconds=60))
    assert world.step().wake_at == START + timedelta(seconds=60)
    found = world.step(60)
    assert (found.state, found.reason) == (WorkloadState.FAILED, "DeadlineExceeded")
    assert found.delete == (world.members[0].uid,)


def test_a_deadline_beyond_all_times_is_none() -> None:
    assert World(job(activeDeadlineSeconds=2**62)).step().state is WorkloadState.ACTIVE


@pytest.mark.parametrize(
    ("made", "most"),
    [
        (workload("ReplicaSet", {"replicas": 2**31 - 1}), 2**31 - 1),
        (workload("DaemonSet"), 1),
        (job(parallelism=7), 7),
        (job(parallelism=7, completions=3), 3),
    ],
)
def test_how_many_pods_a_workload_may_have_is_known_before_it_makes_them(made: Workload, most: int) -> None:
    assert made.most_pods == most


def test_a_job_without_completions_is_over_when_one_succeeded_and_none_runs() -> None:
    world = World(job(parallelism=2))
    assert len(world.step().create) == 2
    world.end(0, 0, 1)
    assert (world.step(1).create, world.step(1).state) == ((), WorkloadState.ACTIVE)
    world.end(1, 1, 2)
    assert world.step(2).state is WorkloadState.COMPLETE


def test_a_suspended_job_has_no_pods() -> None:
    world = World(job())
    world.step()
    suspended = World(job(suspend=True), world.members)
    found = suspended.step()
    assert (found.create, found.delete, found.wanted) == ((), (world.members[0].uid,), 0)


def test_an_indexed_job_makes_each_index_once_and_failed_ones_again() -> None:
    world = World(job(completions=3, parallelism=2, completionMode="Indexed"))
    world.step()
    assert world.indexes == [0, 1]
    world.end(0, 0, 1)
    world.end(1, 1, 2)
    found = world.step(2)
    assert (found.create, found.retry_at) == ((), at(12))
    world.step(12)
    assert world.indexes == [0, 1, 1, 2]
    for position in (2, 3):
        world.end(position, 0, 13)
    assert world.step(13).state is WorkloadState.COMPLETE


def indexed(**spec: Any) -> Workload:
    return job(completions=3, parallelism=3, completionMode="Indexed", backoffLimitPerIndex=1, **spec)


def test_with_a_limit_for_each_index_the_others_go_on() -> None:
    world = World(indexed())
    world.step()
    world.end(0, 1, 1)
    assert world.step(1).retry_at == at(11)
    world.step(11)
    world.end(3, 1, 12)
    world.end(1, 0, 12)
    assert world.step(12).state is WorkloadState.ACTIVE
    world.end(2, 0, 13)
    found = world.step(13)
    assert (found.state, found.reason) == (WorkloadState.FAILED, "FailedIndexes")


def test_too_many_failed_indexes_end_the_job() -> None:
    world = World(indexed(maxFailedIndexes=0))
    world.step()
    world.end(0, 1, 1)
    world.step(11)
    world.end(3, 1, 12)
    assert world.step(12).reason == "MaxFailedIndexesExceeded"


def policy(*rules: Mapping[str, Any]) -> dict[str, Any]:
    return {"podFailurePolicy": {"rules": list(rules)}}


EXIT_42 = {"onExitCodes": {"operator": "In", "values": [42]}}
DISRUPTED = {"onPodConditions": [{"type": "DisruptionTarget"}]}


@pytest.mark.parametrize(
    ("rules", "exit_code", "reason"),
    [
        ([{"action": "FailJob", **EXIT_42}], 42, "PodFailurePolicy"),
        ([{"action": "FailJob", **EXIT_42}], 1, "BackoffLimitExceeded"),
        ([{"action": "Ignore", **EXIT_42}, {"action": "FailJob", **EXIT_42}], 42, ""),
        ([{"action": "Count", **EXIT_42}], 42, "BackoffLimitExceeded"),
        ([{"action": "FailJob", "onExitCodes": {"operator": "NotIn", "values": [42]}}], 42, "BackoffLimitExceeded"),
        ([{"action": "FailJob", "onExitCodes": {"operator": "NotIn", "values": [42]}}], 7, "PodFailurePolicy"),
        (
            [{"action": "FailJob", "onExitCodes": {"containerName": "side", "operator": "In", "values": [42]}}],
            42,
            "BackoffLimitExceeded",
        ),
        ([{"action": "Ignore", **DISRUPTED}], 1, ""),
        ([{"action": "Ignore", "onPodConditions": [{"type": "Other"}]}], 1, "BackoffLimitExceeded"),
    ],
)
def test_a_failure_policy_decides_by_its_first_rule_that_matches(
    rules: Sequence[Mapping[str, Any]], exit_code: int, reason: str
) -> None:
    containers = [APP, {"name": "side", "image": "busybox:1.36"}]
    spec = {"backoffLimit": 0, **policy(*rules)}
    world = World(workload("Job", spec, policy="Never", containers=containers))
    world.step()
    world.end(0, exit_code, 1, conditions=(Condition(type="DisruptionTarget", status="True"),))
    assert world.step(1).reason == reason


def test_a_job_that_its_policy_fails_says_which_rule_it_was() -> None:
    world = World(job(**policy({"action": "FailJob", **EXIT_42})))
    world.step()
    fine = ContainerStatus(name="log", state=Terminated(exit_code=0))
    bad = ContainerStatus(name="main", state=Terminated(exit_code=42))
    world.change(0, status=PodStatus(phase=Phase.FAILED, containers=(fine, bad)))
    name = world.members[0].name
    expected = f"Container main for pod default/{name} failed with exit code 42 matching FailJob rule at index 0"
    assert world.step(1).message == expected


def test_a_failure_policy_may_give_up_an_index() -> None:
    world = World(indexed(**policy({"action": "FailIndex", **EXIT_42})))
    world.step()
    world.end(0, 42, 1)
    assert world.step(1).create == ()
    world.end(1, 0, 2)
    world.end(2, 0, 2)
    assert world.step(2).reason == "FailedIndexes"


@pytest.mark.parametrize(
    ("rule", "done", "complete"),
    [
        ({"succeededIndexes": "0,2"}, [0], False),
        ({"succeededIndexes": "0,2"}, [0, 2], True),
        ({"succeededIndexes": "0-1", "succeededCount": 1}, [1], True),
        ({"succeededCount": 2}, [0], False),
        ({"succeededCount": 2}, [0, 2], True),
        ({"succeededIndexes": ""}, [0], False),
    ],
)
def test_a_success_policy_may_end_a_job_early(rule: Json, done: Sequence[int], complete: bool) -> None:
    spec: dict[str, Any] = {
        "completions": 3,
        "parallelism": 3,
        "completionMode": "Indexed",
        "successPolicy": {"rules": [rule]},
    }
    world = World(job(**spec))
    world.step()
    for position in done:
        world.end(position, 0, 1)
    found = world.step(1)
    assert (found.state, found.reason) == (
        (WorkloadState.COMPLETE, "SuccessPolicy") if complete else (WorkloadState.ACTIVE, "")
    )
    assert len(found.delete) == (3 - len(done) if complete else 0)
