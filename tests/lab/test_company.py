"""Workloads and several pods in virtual time: when pods are made, what is told, and how it is shown."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from runner.core.manifest import LoadedObject, Source, load
from runner.core.model import Json
from runner.lab import CompanySimulation, names_of, simulate_company
from runner.lab.script import script_of
from runner.lab.simulation import End
from tests.cli.support import CommandLine

IMAGE = "busybox:1.36"
VERSIONS = {"Pod": "v1", "Job": "batch/v1", "CronJob": "batch/v1"}


def manifest(kind: str, name: str, spec: Json) -> dict[str, Any]:
    return {"apiVersion": VERSIONS.get(kind, "apps/v1"), "kind": kind, "metadata": {"name": name}, "spec": spec}


def template(policy: str = "Always", **container: Any) -> dict[str, Any]:
    main = {"name": "main", "image": IMAGE, **container}
    spec = {"containers": [main], "restartPolicy": policy, "terminationGracePeriodSeconds": 2}
    return {"metadata": {"labels": {"app": "x"}}, "spec": spec}


def job(name: str = "web", **spec: Any) -> dict[str, Any]:
    return manifest("Job", name, {"template": template("Never"), **spec})


def lasting(kind: str, *, probe: bool = False, **spec: Any) -> dict[str, Any]:
    readiness: dict[str, Any] = {"readinessProbe": {"exec": {"command": ["ok"]}, "periodSeconds": 1}} if probe else {}
    own = {"selector": {"matchLabels": {"app": "x"}}, "template": template(**readiness), **spec}
    return manifest(kind, "web", own)


def pod(name: str) -> dict[str, Any]:
    return manifest("Pod", name, {**template("Never")["spec"]})


def objects(*values: Json) -> tuple[LoadedObject, ...]:
    result = load([Source(name="m", text=yaml.safe_dump_all(values))])
    assert [str(problem) for problem in result.problems] == []
    return result.objects


def simulated(*values: Json, script: Json | None = None, seconds: float = 600) -> CompanySimulation:
    found = objects(*values)
    return simulate_company(found, script_of(script or {}, names_of(found, "default")), for_seconds=seconds)


def made(simulation: CompanySimulation) -> list[float]:
    """When the pods came."""
    return [simulation.seconds(one.trace[0].at) for one in simulation.pods]


def phases(simulation: CompanySimulation) -> list[str]:
    return [str(one.trace[-1].pod["status"]["phase"]) for one in simulation.pods]


def conditions(simulation: CompanySimulation, kind: str) -> list[str]:
    (value,) = (one for one in simulation.objects if one["kind"] == kind)
    return [one["type"] for one in value["status"].get("conditions") or () if one["status"] == "True"]


MAIN_FAILS_TWICE = {"main": {"attempts": [{"exit": 1, "after": "3s"}] * 2 + [{"exit": 0, "after": "5s"}]}}


def test_a_jobs_pods_go_through_the_script_one_after_the_other() -> None:
    """The waits between them are 10 and 20 s from the failures."""
    found = simulated(job(), script={"containers": MAIN_FAILS_TWICE})
    assert made(found) == [0, 13, 36]
    assert phases(found) == ["Failed", "Failed", "Succeeded"]
    assert (found.end, found.seconds(found.ended_at)) == (End.QUIET, 41)
    assert found.verdicts == ("job/web is complete",)
    assert conditions(found, "Job") == ["SuccessCriteriaMet", "Complete"]


def test_a_job_beyond_its_limit_fails() -> None:
    found = simulated(job(backoffLimit=1), script={"containers": MAIN_FAILS_TWICE})
    assert made(found) == [0, 13]
    assert found.verdicts == ("job/web failed: BackoffLimitExceeded: Job has reached the specified backoff limit",)
    assert conditions(found, "Job") == ["FailureTarget", "Failed"]


def test_each_index_of_a_job_goes_through_the_script() -> None:
    script = {"containers": {"main": {"attempts": [{"exit": 1}, {"exit": 0}]}}}
    value = job(completions=2, parallelism=2, completionMode="Indexed", backoffLimitPerIndex=1)
    found = simulated(value, script=script)
    assert made(found) == [0, 0, 11, 11]
    assert phases(found) == ["Failed", "Failed", "Succeeded", "Succeeded"]


def test_a_jobs_pods_run_so_many_at_a_time() -> None:
    assert made(simulated(job(completions=5, parallelism=2))) == [0, 0, 1, 1, 2]


def test_a_job_is_ended_at_its_deadline() -> None:
    script = {"containers": {"main": {"attempts": [{"run": "forever", "onTerm": "ignore"}]}}}
    found = simulated(job(activeDeadlineSeconds=30), script=script)
    assert (found.end, found.seconds(found.ended_at)) == (End.GONE, 32)
    assert found.verdicts[0].startswith("job/web failed: DeadlineExceeded")
    assert conditions(found, "Job") == ["FailureTarget", "Failed"]


def test_a_suspended_job_makes_nothing() -> None:
    found = simulated(job(suspend=True))
    assert (found.pods, found.end) == ((), End.QUIET)
    assert found.verdicts == ("job/web is suspended and makes no pods (spec.suspend is true)",)


def test_a_cron_job_runs_one_job() -> None:
    spec = {"schedule": "* * * * *", "jobTemplate": {"spec": {"template": template("Never")}}}
    found = simulated(manifest("CronJob", "tick", spec))
    assert found.verdicts == ("cronjob/tick is complete",)
    assert {value["kind"] for value in found.objects} == {"CronJob", "Job"}


def test_deleted_replicas_are_replaced() -> None:
    """A step is about every pod that is there."""
    found = simulated(lasting("Deployment", replicas=2), script={"steps": [{"at": "30s", "delete": {}}]})
    assert made(found) == [0, 0, 30, 30]
    assert phases(found)[2:] == ["Running", "Running"]
    assert conditions(found, "Deployment") == ["Available", "Progressing"]


@pytest.mark.parametrize("kind", ["ReplicaSet", "StatefulSet"])
def test_pods_that_end_at_once_are_not_made_without_end(kind: str) -> None:
    """A container's own policy may let them end, whatever the pod's is."""
    value = lasting(kind, replicas=1)
    value["spec"]["template"]["spec"]["containers"][0]["restartPolicy"] = "Never"
    found = simulated(value, script={"containers": {"main": {"attempts": [{"exit": 1, "after": "0s"}]}}}, seconds=60)
    assert made(found) == [0, 0, 1, 3, 7, 15, 31]


def test_stateful_pods_wait_for_those_before_them() -> None:
    ready = {"readiness": [{"at": "0s", "result": "failure"}, {"at": "10s", "result": "success"}]}
    found = simulated(
        lasting("StatefulSet", probe=True, replicas=3, serviceName="x"),
        script={"containers": {"main": {"probes": ready}}},
        seconds=60,
    )
    assert [one.pod.name for one in found.pods] == ["web-0", "web-1", "web-2"]
    assert made(found) == [0, 10, 20]
    assert found.end is End.LIMIT
    assert found.seconds(found.ended_at) == 60


def test_a_stateful_pod_comes_back_under_its_name_when_the_old_one_is_gone() -> None:
    script = {
        "containers": {"main": {"attempts": [{"run": "forever", "onTerm": "ignore"}]}},
        "steps": [{"at": "5s", "delete": {}}],
    }
    found = simulated(lasting("StatefulSet", replicas=1, serviceName="x"), script=script)
    assert [one.pod.name for one in found.pods] == ["web-0", "web-0"]
    assert made(found) == [0, 7]


def test_pods_and_workloads_run_side_by_side() -> None:
    script = {"containers": {"main": {"attempts": [{"exit": 0, "after": "2s"}]}}}
    found = simulated(pod("a"), pod("b"), job(), script=script)
    assert phases(found) == ["Succeeded"] * 3
    addresses = {one.trace[-2].pod["status"].get("podIP") for one in found.pods}
    assert len(addresses) == 3


def test_pods_that_are_deleted_are_gone() -> None:
    script = {"steps": [{"at": "5s", "delete": {"grace": "0s"}}]}
    assert simulated(pod("a"), pod("b"), script=script).end is End.GONE


def test_an_object_that_comes_later_is_there_for_all_pods() -> None:
    value = job(completions=2, parallelism=2)
    value["spec"]["template"]["spec"]["containers"][0]["envFrom"] = [{"configMapRef": {"name": "late"}}]
    late = {"kind": "ConfigMap", "metadata": {"name": "late"}, "data": {"a": "b"}}
    found = simulated(value, script={"objects": [{"at": "20s", "create": late}]})
    assert phases(found) == ["Succeeded", "Succeeded"]
    assert found.seconds(found.ended_at) > 20
    there = {"apiVersion": "v1", **late}
    assert simulated(value, there).seconds(simulated(value, there).ended_at) == 1


def test_what_one_pod_has_pulled_is_there_for_the_others() -> None:
    """They have one Engine, as the pods of a node have."""
    first, second = pod("a"), pod("b")
    second["spec"]["initContainers"] = [{"name": "first", "image": "first:1"}]
    script: dict[str, Any] = {"images": {IMAGE: [{"ok": True, "took": "5s"}, {"error": "only once"}]}}
    script["containers"] = {"first": {"attempts": [{"exit": 0, "after": "6s"}]}}
    found = simulated(first, second, script=script, seconds=20)
    assert phases(found) == ["Running", "Running"]
    pulls = [one.event["message"] for one in found.pods[1].events if one.event["reason"] == "Pulled"]
    assert f'Container image "{IMAGE}" already present on machine' in " ".join(pulls)


def test_a_script_may_name_one_pod_of_several() -> None:
    """Each of the others does what is said of all."""
    attempts = {"main": {"attempts": [{"exit": 0, "after": "2s"}]}, "web-1/main": {"attempts": [{"exit": 3}]}}
    script: dict[str, Any] = {"containers": attempts, "steps": [{"at": "30s", "pod": "b", "delete": {}}]}
    found = simulated(pod("a"), pod("b"), pod("web-1"), script=script, seconds=40)
    assert phases(found) == ["Succeeded", "Succeeded", "Failed"]
    assert [one.end is End.GONE for one in found.pods] == [False, True, False]


def test_nothing_is_random() -> None:
    first, second = (simulated(lasting("Deployment", replicas=2), job()) for _ in range(2))
    assert first.told == second.told


# --- the command --------------------------------------------------------------------------------------------------------


@pytest.fixture
def podrunner() -> CommandLine:
    return CommandLine()


def write(folder: Path, *values: Json) -> str:
    path = folder / "m.yaml"
    path.write_text(yaml.safe_dump_all(values))
    return str(path)


def test_the_table_names_the_pods(podrunner: CommandLine, tmp_path: Path) -> None:
    script = json.dumps({"containers": MAIN_FAILS_TWICE})
    done = podrunner("simulate", write(tmp_path, job()), "--script", "-", stdin=script)
    assert (done.code, done.err) == (0, "job/web is complete\n41s: nothing more will happen\n")
    rows = [line.split() for line in done.out.splitlines()]
    assert rows[0] == ["TIME", "NAME", "READY", "STATUS", "RESTARTS"]
    first = rows[2][1]
    shown = [row for row in rows if row[0].endswith("s") and row[1] == first]
    assert [(row[0], row[3]) for row in shown] == [
        ("0s", "Pending"),
        ("0s", "ContainerCreating"),
        ("0s", "Running"),
        ("3s", "Error"),
    ]
    assert "          job/web     Normal   SuccessfulCreate  Created pod: web-sim" in done.out
    assert done.out.splitlines()[-1].split() == ["job/web", "Normal", "Completed", "Job", "completed"]


def test_the_trace_has_pods_and_workloads_in_the_order_of_time(podrunner: CommandLine, tmp_path: Path) -> None:
    done = podrunner("simulate", write(tmp_path, job()), "-o", "json")
    lines = [json.loads(line) for line in done.out.splitlines()]
    assert {frozenset(line) for line in lines} == {frozenset({"time", "pod"}), frozenset({"time", "object"})}
    assert [line["time"] for line in lines] == sorted(line["time"] for line in lines)
    assert lines[-1]["object"]["status"]["succeeded"] == 1
    assert done.err == ""


def test_the_drawing_has_one_part_for_each_pod(podrunner: CommandLine, tmp_path: Path) -> None:
    script = json.dumps({"containers": MAIN_FAILS_TWICE})
    done = podrunner("simulate", write(tmp_path, job()), "--script", "-", "-o", "timeline", stdin=script)
    lines = done.out.splitlines()
    assert lines[0].split() == ["0s", "20.5s", "41s"]
    names = [line for line in lines if line.startswith("web-sim")]
    assert len(names) == 3
    bars = [line for line in lines if line.startswith("main")]
    assert [line[line.index("ran") :] for line in bars] == ["ran 3s, exit 1"] * 2 + ["ran 5s, exit 0"]
    starts = [line.index("█") for line in bars]
    assert starts == sorted(set(starts))


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([lasting("ReplicaSet", replicas=111)], "ask for 111 pods, one node runs at most 110"),
        ([{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}}], "no objects passed to simulate"),
    ],
)
def test_what_cannot_be_simulated_is_a_usage_error(
    podrunner: CommandLine, tmp_path: Path, values: list[Json], expected: str
) -> None:
    done = podrunner("simulate", write(tmp_path, *values))
    assert (done.code, done.out) == (2, "")
    assert expected in done.err


def test_a_script_names_only_containers_that_some_pod_has(podrunner: CommandLine, tmp_path: Path) -> None:
    done = podrunner("simulate", write(tmp_path, job(), pod("a")), "--script", "-", stdin="containers: {nosuch: {}}")
    assert done.code == 2
    assert "no container of this name; it has main" in done.err


def test_restarts_without_end_are_given_up(podrunner: CommandLine, tmp_path: Path) -> None:
    script = "containers: {main: {attempts: [{exit: 1}]}}"
    path = write(tmp_path, lasting("ReplicaSet"))
    done = podrunner("simulate", path, "--script", "-", "--max-restarts", "1", stdin=script)
    assert "gave up after too many restarts of main" in done.err
