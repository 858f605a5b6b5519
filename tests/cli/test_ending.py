"""The last words of a run that failed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.support import CommandLine, FakeResult, line, pod

MANIFEST = """\
kind: Pod
apiVersion: v1
metadata: {name: web}
spec:
  initContainers: [{name: first, image: "busybox:1.36"}]
  containers: [{name: main, image: "nginx:1.27"}]
"""


@pytest.fixture
def manifest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    Path("pod.yaml").write_text(MANIFEST)
    return "pod.yaml"


def failed(name: str = "web", **more: Any) -> dict[str, Any]:
    """A pod whose init container has failed twice."""
    value = {**pod(name, phase="Failed", **more)}
    ended = {"terminated": {"exitCode": 3, "reason": "Error"}}
    value["status"] = {
        **value["status"],
        "initContainerStatuses": [{"name": "first", "state": ended, "restartCount": 1, "ready": False}],
    }
    return value


@pytest.fixture
def podrunner() -> CommandLine:
    command_line = CommandLine()
    command_line.runner.narrations = [
        line(f"line {number}", container="first", is_init=True, attempt=attempt)
        for attempt in (0, 1)
        for number in range(1, 8)
    ]
    command_line.runner.result = FakeResult(exit_code=1, pods=(failed(),), message="pod web failed: Init:Error")
    return command_line


def test_a_failure_shows_the_end_of_the_log_of_the_attempt_and_what_to_type_next(
    podrunner: CommandLine, manifest: str
) -> None:
    done = podrunner("run", manifest, "-q")
    assert done.err.splitlines() == [
        "the last lines of first, attempt 1:",
        *(f"  line {number}" for number in range(3, 8)),
        "error: pod web failed: Init:Error",
        "hint: `podrunner run pod.yaml --keep failed` leaves the pod to be looked at; "
        "then `podrunner logs web -c first --attempt 1`",
    ]


def test_a_pod_that_is_kept_can_be_looked_at_at_once(podrunner: CommandLine, manifest: str) -> None:
    podrunner.runner.result = FakeResult(exit_code=1, pods=(failed(namespace="shop"),), message="pod web failed")
    done = podrunner("run", manifest, "-q", "--keep", "failed")
    assert done.err.splitlines()[-1] == "hint: podrunner logs web -c first --attempt 1 -n shop"


def test_the_pod_that_the_message_names_is_the_one_to_look_at(podrunner: CommandLine, manifest: str) -> None:
    podrunner.runner.result = FakeResult(exit_code=1, pods=(failed("db"), failed("web")), message="pod web failed: x")
    assert "podrunner logs web " in podrunner("run", manifest, "-q").err


def test_a_pod_of_a_workload_is_not_there_to_be_looked_at(podrunner: CommandLine, manifest: str) -> None:
    made = failed("web-x1", ownerReferences=[{"kind": "Job", "name": "web"}])
    podrunner.runner.result = FakeResult(exit_code=1, pods=(made,), message="job/web failed: BackoffLimitExceeded")
    done = podrunner("run", manifest, "-q", "--keep", "failed")
    assert done.err.splitlines()[-1] == (
        "hint: `podrunner run pod.yaml --artifacts DIR` writes down every attempt: statuses, events, logs"
    )


def test_json_has_the_hint_in_its_last_object(podrunner: CommandLine, manifest: str) -> None:
    last = json.loads(podrunner("run", manifest, "--progress", "json").err.splitlines()[-1])
    assert (last["type"], last["exitCode"], last["message"]) == ("error", 1, "pod web failed: Init:Error")
    assert last["hint"].endswith("`podrunner logs web -c first --attempt 1`")


def test_a_pod_that_nothing_holds_up_has_no_hint(podrunner: CommandLine, manifest: str) -> None:
    podrunner.runner.result = FakeResult(
        exit_code=1, pods=(pod("web"),), message="deleted before it was completed: web"
    )
    assert podrunner("run", manifest, "-q").err == "error: deleted before it was completed: web\n"
