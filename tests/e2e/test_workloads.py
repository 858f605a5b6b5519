"""Workloads on the real Engine: order, replacement, retries, and how a run that has them ends."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from tests.e2e.support import Bench, Done, Process, container, pod

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


def seen(bench: Bench, what: str, template: str) -> str:
    done = bench("get", what, "-o", f"jsonpath={template}")
    assert done.code == 0, done.err
    return done.out


def test_a_deleted_replica_is_replaced_and_its_owners_are_seen(bench: Bench) -> None:
    """While the run goes on no other run gets the Deployment's name; when it is over nothing of it is shown."""
    value = workload(bench, "Deployment", "web", container("main"), {"replicas": 2})
    name = value["metadata"]["name"]
    path = bench.write(value)
    process = bench.start("run", path)
    before = bench.until(lambda: found if len(found := running(bench)) == 2 else [], "two replicas")
    ready = "{.status.readyReplicas}/{.spec.replicas}"
    bench.until(lambda: seen(bench, f"deploy/{name}", ready) == "2/2", "a Deployment that is ready")
    again = bench("run", path)
    assert (again.code, f'deployments.apps "{name}" already exists' in again.err) == (2, True)
    assert bench("delete", "po", before[0]).code == 0
    after = bench.until(lambda: found if len(found := running(bench)) == 2 else [], "two replicas again")
    assert before[1] in after
    assert before[0] not in after
    bench.until(lambda: seen(bench, f"deploy/{name}", ready) == "2/2", "a Deployment that is ready again")
    (owner,) = {pod["metadata"]["ownerReferences"][0]["name"] for pod in pods(bench)}
    assert [line.split()[0] for line in bench("get", "all").out.splitlines() if "/" in line.split(" ")[0]] == [
        *(f"pod/{pod}" for pod in after),
        f"deployment.apps/{name}",
        f"replicaset.apps/{owner}",
    ]
    reasons = "{range .items[*]}{.source.component} {.reason}{'\\n'}{end}"
    told = bench("events", "--for", f"rs/{owner}", "-o", f"jsonpath={reasons}").out.splitlines()
    assert told == ["replicaset-controller SuccessfulCreate"] * 3
    assert bench("wait", "--for=condition=available", f"deploy/{name}").code == 0
    logs = bench("logs", f"deploy/{name}")
    assert (logs.out, "Found 2 pods, using pod/" in logs.err) == ("up\n", True)
    assert f"NewReplicaSet:   {owner} (2/2 replicas created)" in bench("describe", f"deploy/{name}").out
    process.line(f"deployment/{name}", f"Scaled up replica set {owner} from 0 to 2")
    over(bench, process)
    assert bench("get", "deploy,rs").out == ""


def test_a_suspended_job_alone_is_nothing_to_run(bench: Bench) -> None:
    value = workload(bench, "Job", "later", container("main"), {"suspend": True}, "Never")
    path = bench.write(value)
    assert "is suspended and makes no pods" in bench("plan", path).out
    done = bench("run", path)
    assert done.code == 1
    assert f"nothing to run: job/{value['metadata']['name']} is suspended and makes no pods" in done.err


def test_a_suspended_job_holds_up_nothing_else(bench: Bench) -> None:
    later = workload(bench, "Job", "later", container("main"), {"suspend": True}, "Never")
    value = workload(bench, "Job", "ok", container("main", "echo counted"), {}, "Never")
    done = bench("run", bench.write(later, value))
    assert done.code == 0, done.err
    assert "Job suspended" in done.err


def test_stateful_pods_start_one_after_the_other_and_come_back_under_their_names(bench: Bench) -> None:
    probe = {"exec": {"command": ["test", "-e", "/tmp/ready"]}, "periodSeconds": 1}
    main = container("main", "sleep 2; touch /tmp/ready; sleep 3600", readinessProbe=probe)
    value = workload(bench, "StatefulSet", "st", main, {"replicas": 2, "serviceName": "st"})
    name = value["metadata"]["name"]
    process = bench.start("run", bench.write(value))
    bench.until(lambda: running(bench) == [f"{name}-0", f"{name}-1"], "both pods")
    first, second = pods(bench)
    ready = {c["type"]: c["lastTransitionTime"] for c in first["status"]["conditions"] if c["status"] == "True"}
    assert second["metadata"]["creationTimestamp"] >= ready["Ready"]
    assert bench("delete", "po", f"{name}-0").code == 0
    bench.until(lambda: running(bench) == [f"{name}-0", f"{name}-1"], "both pods again")
    again = {pod["metadata"]["name"]: pod["metadata"]["uid"] for pod in pods(bench)}
    assert again[f"{name}-0"] != first["metadata"]["uid"]
    assert again[f"{name}-1"] == second["metadata"]["uid"]
    over(bench, process)


def run_of_a_bad_job(bench: Bench, speed: int) -> tuple[str, Done]:
    value = workload(bench, "Job", "bad", container("main", "exit 3"), {"backoffLimit": 2}, "Never")
    return value["metadata"]["name"], bench("run", "--speed", str(speed), "-o", "json", bench.write(value))


def test_a_job_tries_again_and_gives_up_at_its_limit(bench: Bench) -> None:
    """The waits between its pods are its own, and pass faster with --speed: too fast to be told where a machine is busy."""
    name, done = run_of_a_bad_job(bench, 20)
    for speed in (4, 1):
        if "the next one starts in" not in done.err:
            name, done = run_of_a_bad_job(bench, speed)
    assert done.code == 1
    assert f"job/{name} failed: BackoffLimitExceeded: Job has reached the specified backoff limit" in done.err
    assert f"a pod of job/{name} failed, the next one starts in" in done.err
    told = bench("events", "--for", f"job/{name}", "-o", "jsonpath={.items[*].reason}").out.split()
    assert told == ["SuccessfulCreate"] * 3 + ["BackoffLimitExceeded"]
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
    told = bench("events", "--for", f"job/{value['metadata']['name']}", "-o", "jsonpath={.items[*].reason}").out.split()
    assert told == ["SuccessfulCreate", "SuccessfulDelete", "DeadlineExceeded"]
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


def test_what_is_kept_of_a_workload_is_true_and_can_be_deleted(bench: Bench) -> None:
    """A second run makes no second pod for one replica, and a pod that is deleted is counted no more."""
    value = workload(bench, "Deployment", "kept", container("main"), {"replicas": 2})
    name = value["metadata"]["name"]
    path = bench.write(value)
    assert bench("run", path, "--until", "ready", "--keep", "always", "-q").code == 0
    assert len(pods(bench)) == 2
    again = bench("run", path, "--until", "ready", "-q")
    assert (again.code, f'deployments.apps "{name}" already exists' in again.err) == (2, True)
    first, second = pods(bench)
    assert bench("delete", "po", first["metadata"]["name"], "--now").code == 0
    assert seen(bench, f"deploy/{name}", "{.status.readyReplicas}/{.spec.replicas}") == "1/2"
    done = bench("delete", "-f", path, "--now")
    assert (done.code, done.out) == (0, f'deployment.apps "{name}" deleted from default namespace\n')
    assert bench("get", "all").out == ""
    assert bench.left(second["metadata"]["name"]) == []


def test_a_workload_that_runs_is_deleted_by_its_run(bench: Bench) -> None:
    value = workload(bench, "StatefulSet", "gone", container("main"), {"replicas": 1, "serviceName": "s"})
    name = value["metadata"]["name"]
    run = bench.start("run", bench.write(value))
    run.line("up", stream="out")
    done = bench("delete", "sts", name, "nosuch")
    assert (done.code, done.out) == (1, f'statefulset.apps "{name}" deleted from default namespace\n')
    assert done.err == 'Error from server (NotFound): statefulsets.apps "nosuch" not found\n'
    assert bench("get", "all").out == ""
    over = run.end()
    assert (over.code, f"deleted before it was completed: statefulset/{name}" in over.err) == (1, True)


def test_a_deletion_by_manifest_waits_for_the_pod_although_its_configuration_is_gone(bench: Bench) -> None:
    """What a run brought along goes with the run."""
    name = bench.name("pod")
    config = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": f"{name}-config"}, "data": {"a": "b"}}
    claim = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": f"{name}-data"}}
    claim["spec"] = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Mi"}}}
    volume = {"name": "data", "persistentVolumeClaim": {"claimName": f"{name}-data"}}
    bench.claims.append(f"{name}-data")
    main = container("main", volumeMounts=[{"name": "data", "mountPath": "/data"}])
    path = bench.write(config, claim, pod(name, main, volumes=[volume]))
    assert bench("run", path, "--until", "ready", "--keep", "always", "-q").code == 0
    done = bench("delete", "-f", path)
    assert done.out == (
        f'persistentvolumeclaim "{name}-data" deleted from default namespace\n'
        f'pod "{name}" deleted from default namespace\n'
    )
    missing = f'error when deleting "{path}": configmaps "{name}-config" not found'
    assert (done.code, done.err) == (1, f"Error from server (NotFound): {missing}\n")
    bench.assert_nothing_left(name)
    found = bench.engine.volumes.list(filters={"name": f"k8s_pvc_{name}-data_default"})
    assert found == []
