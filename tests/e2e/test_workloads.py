"""Workloads on the real Engine: order, replacement, retries, and how a run that has them ends."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from tests.e2e.support import Bench, Process, container, until

pytestmark = pytest.mark.docker

Value = dict[str, Any]


def workload(bench: Bench, kind: str, stem: str, main: Value, spec: Mapping[str, Any], policy: str = "Always") -> Value:
    name = bench.name(stem)
    template = {"spec": {"containers": [main], "restartPolicy": policy, "terminationGracePeriodSeconds": 1}}
    own: Value = {"template": template, **spec}
    if kind != "Job":
        template["metadata"] = {"labels": {"app": name}}
        own["selector"] = {"matchLabels": {"app": name}}
    return {
        "apiVersion": "batch/v1" if kind == "Job" else "apps/v1",
        "kind": kind,
        "metadata": {"name": name},
        "spec": own,
    }


def pods(bench: Bench) -> list[Value]:
    """The pods that the store has, oldest first; what is left of them is removed when a test fails."""
    found: list[Value] = json.loads(bench("get", "po", "-o", "json").out)["items"]
    bench.names += [pod["metadata"]["name"] for pod in found]
    return sorted(found, key=lambda pod: str(pod["metadata"]["creationTimestamp"]))


def running(bench: Bench) -> list[str]:
    return sorted(p["metadata"]["name"] for p in pods(bench) if p["status"]["phase"] == "Running")


def over(bench: Bench, process: Process) -> None:
    process.interrupt()
    assert process.end().code == 130
    assert pods(bench) == []


def test_a_deleted_replica_is_replaced(bench: Bench) -> None:
    value = workload(bench, "ReplicaSet", "rs", container("main"), {"replicas": 2})
    process = bench.start("run", bench.write(value))
    before = until(lambda: found if len(found := running(bench)) == 2 else [], "two replicas")
    assert bench("delete", "po", before[0]).code == 0
    after = until(lambda: found if len(found := running(bench)) == 2 else [], "two replicas again")
    assert before[1] in after
    assert before[0] not in after
    over(bench, process)


def test_stateful_pods_start_one_after_the_other_and_come_back_under_their_names(bench: Bench) -> None:
    probe = {"exec": {"command": ["test", "-e", "/tmp/ready"]}, "periodSeconds": 1}
    main = container("main", "sleep 2; touch /tmp/ready; sleep 3600", readinessProbe=probe)
    value = workload(bench, "StatefulSet", "st", main, {"replicas": 2, "serviceName": "st"})
    name = value["metadata"]["name"]
    process = bench.start("run", bench.write(value))
    until(lambda: running(bench) == [f"{name}-0", f"{name}-1"], "both pods")
    first, second = pods(bench)
    ready = {c["type"]: c["lastTransitionTime"] for c in first["status"]["conditions"] if c["status"] == "True"}
    assert second["metadata"]["creationTimestamp"] >= ready["Ready"]
    assert bench("delete", "po", f"{name}-0").code == 0
    until(lambda: running(bench) == [f"{name}-0", f"{name}-1"], "both pods again")
    again = {pod["metadata"]["name"]: pod["metadata"]["uid"] for pod in pods(bench)}
    assert again[f"{name}-0"] != first["metadata"]["uid"]
    assert again[f"{name}-1"] == second["metadata"]["uid"]
    over(bench, process)


def test_a_job_tries_again_and_gives_up_at_its_limit(bench: Bench) -> None:
    """The waits between its pods are its own, and pass faster with --speed."""
    value = workload(bench, "Job", "bad", container("main", "exit 3"), {"backoffLimit": 2}, "Never")
    done = bench("run", "--speed", "20", "-o", "json", bench.write(value))
    name = value["metadata"]["name"]
    assert done.code == 1
    assert f"job/{name} failed: BackoffLimitExceeded: Job has reached the specified backoff limit" in done.err
    assert f"a pod of job/{name} failed, the next one starts in" in done.err
    found = json.loads(done.out)["items"]
    assert [pod["status"]["phase"] for pod in found] == ["Failed"] * 3
    assert pods(bench) == []


def test_the_exit_code_of_a_jobs_last_pod_can_be_passed_on(bench: Bench) -> None:
    value = workload(bench, "Job", "bad", container("main", "exit 7"), {"backoffLimit": 0}, "Never")
    assert bench("run", "--exit-code-from", "main", bench.write(value)).code == 7


def test_a_job_beyond_its_deadline_is_ended(bench: Bench) -> None:
    value = workload(bench, "Job", "slow", container("main"), {"activeDeadlineSeconds": 3}, "Never")
    done = bench("run", bench.write(value))
    assert done.code == 1
    assert "DeadlineExceeded: Job was active longer than specified deadline" in done.err
    assert pods(bench) == []


def test_a_job_and_a_pod_are_waited_for_together(bench: Bench) -> None:
    job = workload(bench, "Job", "ok", container("main", "echo counted"), {"completions": 2}, "Never")
    name = bench.name()
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name},
        "spec": {"restartPolicy": "Never", "containers": [container("main", "echo alone")]},
    }
    done = bench("run", "-o", "name", bench.write(job, pod))
    assert done.code == 0, done.err
    assert len(done.out.splitlines()) == 3


def test_a_plan_shows_the_first_pods_of_a_workload(bench: Bench) -> None:
    value = workload(bench, "StatefulSet", "st", container("main"), {"replicas": 2})
    done = bench("plan", bench.write(value))
    assert done.code == 0, done.err
    assert done.out.startswith(f"pod/{value['metadata']['name']}-0\n")


def test_more_pods_than_one_node_runs_are_refused(bench: Bench) -> None:
    value = workload(bench, "ReplicaSet", "rs", container("main"), {"replicas": 2_000_000_000})
    done = bench("run", bench.write(value))
    assert done.code == 2
    assert "ask for 2000000000 pods, one node runs at most 110" in done.err
