"""A pod's last status: it comes when nothing of the pod runs any more, and every result is taken from it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.support import Bench, Done, container, pod, with_time_enough

pytestmark = pytest.mark.docker

SLOW_SIDECAR = container("side", "trap 'sleep 1; exit 4' TERM; while :; do sleep 0.1; done", restartPolicy="Always")


def ended(value: Any, name: str) -> tuple[int, str] | None:
    """Exit code and reason of a container in a v1 Pod; None when it has not ended."""
    status = value["status"]
    listed = [*status.get("initContainerStatuses", ()), *status["containerStatuses"]]
    state = next(one["state"] for one in listed if one["name"] == name)
    return (state["terminated"]["exitCode"], state["terminated"]["reason"]) if "terminated" in state else None


def conditions(value: Any) -> dict[str, tuple[str, str]]:
    return {one["type"]: (one["status"], one.get("reason", "")) for one in value["status"].get("conditions", ())}


def test_a_deadline_during_init_gives_results_of_containers_that_have_ended(bench: Bench) -> None:
    name = bench.name("late")
    slow = container("slow", "echo waiting; sleep 1000")

    def run(seconds: int) -> Done:
        spec = {"activeDeadlineSeconds": seconds, "terminationGracePeriodSeconds": 2}
        path = bench.write(pod(name, container("main", "echo never"), inits=[slow], **spec))
        folder = str(bench.directory / "kept")
        return bench("run", path, "-o", "json", "--exit-code-from", "slow", "--artifacts", folder)

    done = with_time_enough(2, run, lambda done: "ContainerStatusUnknown" not in done.out)
    assert done.code == 137, done.err
    value = json.loads(done.out)
    assert (value["status"]["phase"], value["status"]["reason"]) == ("Failed", "DeadlineExceeded")
    assert value["status"]["message"] == "Pod was active on the node longer than the specified deadline"
    assert ended(value, "slow") == (137, "Error")
    assert value["status"]["containerStatuses"][0]["state"] == {"waiting": {"reason": "PodInitializing"}}
    assert [reason for reason, _ in done.events].count("DeadlineExceeded") == 1, "once is told, all are counted"
    kept = json.loads((bench.directory / "kept" / f"default_{name}" / "pod.json").read_text())
    assert kept["status"]["initContainerStatuses"] == value["status"]["initContainerStatuses"]
    bench.assert_nothing_left(name)


def test_a_pod_that_is_kept_has_failed_when_its_last_sidecar_has_ended(bench: Bench) -> None:
    name = bench.name("kept")
    path = bench.write(pod(name, container("main", "exit 3"), inits=[SLOW_SIDECAR], restartPolicy="Never"))
    done = bench("run", path, "-o", "json", "--keep", "always", "--exit-code-from", "side")
    assert done.code == 4, done.err
    for value in (json.loads(done.out), bench.pod(name)):
        assert value["status"]["phase"] == "Failed"
        assert (ended(value, "main"), ended(value, "side")) == ((3, "Error"), (4, "Error"))
        assert conditions(value)["PodReadyToStartContainers"][0] == "False"
    assert bench("delete", "po", name).code == 0
    bench.assert_nothing_left(name)


def test_a_pod_becomes_unready_while_it_is_terminating(bench: Bench) -> None:
    name = bench.name("unready")
    script = "touch /tmp/ok; trap 'rm /tmp/ok; sleep 3; exit 0' TERM; while :; do sleep 0.1; done"
    probe = {"exec": {"command": ["cat", "/tmp/ok"]}, "periodSeconds": 1, "failureThreshold": 1}
    main = container("main", script, readinessProbe=probe, livenessProbe=probe)
    path = bench.write(pod(name, main, terminationGracePeriodSeconds=20))
    process = bench.start("run", path, "--artifacts", str(bench.directory / "kept"))
    process.line("Status", "Running (1/1 ready)")
    process.interrupt()
    done = process.end()
    trace = (bench.directory / "kept" / f"default_{name}" / "trace.jsonl").read_text().splitlines()
    shown = [value for value in (json.loads(line)["pod"] for line in trace) if "deletionTimestamp" in value["metadata"]]
    running = [conditions(value)["Ready"] for value in shown if ended(value, "main") is None]
    assert list(dict.fromkeys(running)) == [("True", ""), ("False", "ContainersNotReady")]
    assert conditions(shown[-1])["Ready"] == ("False", "PodCompleted")
    assert ended(shown[-1], "main") == (0, "Completed")
    told = [message for reason, message in done.events if reason == "Unhealthy"]
    assert told
    assert all("Readiness probe failed" in message for message in told), "the liveness probe is silent"
    bench.assert_nothing_left(name)


def test_a_start_that_fails_is_told_as_a_cluster_tells_it(bench: Bench) -> None:
    name = bench.name("typo")
    path = bench.write(pod(name, container("main", ["/no/such/program"]), restartPolicy="Never"))
    done = bench("run", path, "-o", "json", "--exit-code-from", "main", "--artifacts", str(Path(bench.directory) / "a"))
    assert done.code == 128, done.err
    state = json.loads(done.out)["status"]["containerStatuses"][0]["state"]["terminated"]
    assert (state["exitCode"], state["reason"]) == (128, "StartError")
    assert state["startedAt"] == "1970-01-01T00:00:00Z"
    assert "no such file or directory" in state["message"]
    bench.assert_nothing_left(name)


def test_a_job_that_fails_is_over_when_all_of_its_pods_have_ended(bench: Bench) -> None:
    name = bench.name("job")
    script = """\
trap 'sleep 1; exit 9' TERM
if [ "$JOB_COMPLETION_INDEX" = 0 ]; then sleep 1; exit 3; fi
while :; do sleep 0.1; done
"""
    template = pod("any", container("main", script), restartPolicy="Never")["spec"]
    job = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name},
        "spec": {
            "backoffLimit": 0,
            "completionMode": "Indexed",
            "parallelism": 2,
            "completions": 2,
            "template": {"spec": template},
        },
    }
    done = bench("run", bench.write(job), "-o", "json")
    assert done.code == 1, done.err
    value = json.loads(done.out)
    for one in value.get("items", [value]):
        assert one["status"]["phase"] == "Failed"
        assert ended(one, "main") is not None, "what still runs is no result"
    assert bench.all_left() == []
