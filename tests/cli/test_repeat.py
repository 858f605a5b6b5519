"""repeat: the same run many times, what is said of it, and how it ends."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from runner.core.manifest import LoadedObject
from runner.core.narration import AttemptEnding, Listener, LogLine, LogLines, PodRef, StatusChanged
from runner.core.status.podstatus import PodStatus
from runner.core.text.times import later
from runner.errors import EngineUnavailable, ExitCode
from runner.kubelet.options import RunOptions, Until
from runner.node.outcome import StopRequest
from tests.cli.support import START, CommandLine, FakeResult, FakeRunner

SPEC: dict[str, Any] = {
    "restartPolicy": "Never",
    "initContainers": [{"name": "migrate", "image": "busybox:1.36"}],
    "containers": [{"name": "app", "image": "busybox:1.36", "ports": [{"containerPort": 80, "hostPort": 8080}]}],
}


def ended(code: int) -> dict[str, Any]:
    state = {"exitCode": code, "reason": "Error" if code else "Completed", "containerID": "docker://1"}
    return {"name": "migrate", "image": "busybox:1.36", "imageID": "", "restartCount": 0, "ready": not code,
            "state": {"terminated": state}, "lastState": {}}  # fmt: skip


@dataclass
class SeededRunner(FakeRunner):
    """Runs whose init container fails as often as a rule says."""

    code: Callable[[int], int] = lambda number: 3 if number % 5 == 0 else 0
    runs: list[tuple[Sequence[LoadedObject], RunOptions]] = field(default_factory=list)
    stop_at: int = 0
    error_at: int = 0

    def run_to_end(
        self, objects: Sequence[LoadedObject], options: RunOptions, *, listener: Listener, stop: StopRequest
    ) -> FakeResult:
        self.runs.append((objects, options))
        number = int(objects[0].namespace.split("-r")[1].split("-")[0])
        if number == self.error_at:
            raise EngineUnavailable("the Engine is gone")
        if number == self.stop_at:
            assert self.while_running is not None
            self.while_running(listener, stop)
            assert stop.requested
            return FakeResult(exit_code=ExitCode.INTERRUPTED)
        code = self.code(number)
        ref = PodRef(namespace=objects[0].namespace, name="web", uid=f"uid-{number}")
        metadata = {"name": "web", "namespace": ref.namespace, "uid": ref.uid}
        manifest = {"kind": "Pod", "apiVersion": "v1", "metadata": metadata, "spec": SPEC}
        status = PodStatus.from_json({"phase": "Pending", "initContainerStatuses": [ended(code)]})
        line = LogLine(
            ref=ref, container="migrate", is_init=True, attempt=0, stream="stdout", data=b"no luck", timestamp=""
        )
        listener(StatusChanged(at=START, ref=ref, manifest=manifest, status=PodStatus()))
        listener(LogLines(ref=ref, lines=(line,)))
        listener(StatusChanged(at=later(START, 2), ref=ref, manifest=manifest, status=status))
        times = {"StartedAt": "2030-05-01T12:00:01Z", "FinishedAt": "2030-05-01T12:00:01.5Z"}
        inspection = {"State": times, "Config": {"Env": ["PASSWORD=x"]}}
        listener(
            AttemptEnding(
                ref=ref, container="migrate", is_init=True, attempt=0, container_id="1", inspection=inspection
            )
        )
        pod = {**manifest, "status": status.to_json()}
        return FakeResult(exit_code=1 if code else 0, pods=(pod,), message="pod web failed" if code else "")


@pytest.fixture
def podrunner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pod.yaml").write_text(yaml.safe_dump(manifest()))
    return CommandLine(runner=SeededRunner())


def manifest(**spec: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web"}, "spec": {**SPEC, **spec}}


def runner_of(podrunner: CommandLine) -> SeededRunner:
    assert isinstance(podrunner.runner, SeededRunner)
    return podrunner.runner


@pytest.mark.parametrize("parallel", ["1", "4"])
def test_ten_of_fifty_are_ten_of_fifty(podrunner: CommandLine, parallel: str) -> None:
    done = podrunner("repeat", "-n", "50", "--parallel", parallel, "pod.yaml")
    assert done.code == 1
    lines = done.out.splitlines()
    assert lines[:4] == [
        "10 of 50 runs failed, 40 passed: 80% (95% interval 67% to 89%)",
        "",
        "40x  passed",
        "10x  init container migrate, attempt 0: exit code 3",
    ]
    assert lines[4] == "     runs 5, 10, 15, 20, 25, 30, 35, 40, … 2 more"
    assert " ".join(line.strip() for line in lines[5:7]).startswith("first difference from run ")
    assert "after 1.5s, init container migrate, attempt 0: exit code 3, not exit code 0" in " ".join(
        line.strip() for line in lines[5:7]
    )
    assert "     | no luck" in lines
    assert [line.split(",")[-1].strip()[:6] for line in lines if line.startswith("migrate ")] == ["exit 0", "exit 3"]
    assert max(map(len, lines)) <= 80
    assert min(done.err.splitlines()) == "run 10: init container migrate, attempt 0: exit code 3"
    assert "PASSWORD" not in done.out + done.err


def test_each_run_has_its_own_namespace(podrunner: CommandLine) -> None:
    podrunner("repeat", "-n", "4", "--namespace", "shop", "pod.yaml")
    places = [objects[0].namespace for objects, _ in runner_of(podrunner).runs]
    assert len({*places}) == 4
    assert all(place.startswith("shop-r") for place in places)
    assert [objects[0].value["metadata"]["namespace"] for objects, _ in runner_of(podrunner).runs] == places


def test_all_that_pass_are_a_success(podrunner: CommandLine) -> None:
    runner_of(podrunner).code = lambda _number: 0
    done = podrunner("repeat", "pod.yaml")
    assert (done.code, done.err) == (0, "")
    assert done.out == "20 of 20 runs passed: 100% (95% interval 84% to 100%)\n\n20x  passed\n"


def test_all_that_fail_have_nothing_to_be_compared_with(podrunner: CommandLine) -> None:
    runner_of(podrunner).code = lambda _number: 1
    done = podrunner("repeat", "-n", "2", "pod.yaml", "-q")
    assert (done.code, done.err) == (1, "")
    assert done.out.splitlines()[0] == "2 of 2 runs failed, 0 passed: 0% (95% interval 0% to 66%)"
    assert "first difference" not in done.out


def test_json_has_all_of_it(podrunner: CommandLine) -> None:
    done = podrunner("repeat", "-n", "10", "pod.yaml", "-o", "json")
    assert done.code == 1
    value = json.loads(done.out)
    assert (value["total"], value["passed"], value["failed"], value["passRate"]) == (10, 8, 2, 0.8)
    assert value["outcomes"][1]["firstDifference"]["container"] == "migrate"
    assert value["outcomes"][1]["repetitions"] == [5, 10]


def test_the_number_of_a_run_stands_in_variables(podrunner: CommandLine) -> None:
    podrunner("repeat", "-n", "2", "pod.yaml", "--env", "SEED=s{n}")
    found = [objects[0].value["spec"]["containers"][0]["env"] for objects, _ in runner_of(podrunner).runs]
    assert found == [[{"name": "SEED", "value": "s1"}], [{"name": "SEED", "value": "s2"}]]


@pytest.mark.parametrize(
    ("words", "until", "restarts"),
    [
        ([], Until.COMPLETED, 0),
        (["--until", "initialized", "--max-restarts", "3"], Until.INITIALIZED, 3),
    ],
)
def test_what_a_run_waits_for(podrunner: CommandLine, words: list[str], until: Until, restarts: int) -> None:
    podrunner("repeat", "-n", "1", "pod.yaml", *words, "--fault", "migrate#0:exit=3", "--timeout", "9s")
    ((_, options),) = runner_of(podrunner).runs
    assert (options.until, options.worker.max_restarts, options.timeout) == (until, restarts, 9.0)
    assert (options.fail_fast, options.history, [str(one) for one in options.faults]) == (
        True,
        None,
        ["migrate#0:exit=3"],
    )


def test_what_never_ends_is_to_be_ready(podrunner: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "pod.yaml").write_text(yaml.safe_dump(manifest(restartPolicy="Always")))
    podrunner("repeat", "-n", "1", "pod.yaml")
    assert runner_of(podrunner).runs[0][1].until is Until.READY


def test_runs_at_a_time_take_no_ports_of_the_machine(podrunner: CommandLine) -> None:
    podrunner("repeat", "-n", "2", "--parallel", "2", "pod.yaml")
    ports = [objects[0].value["spec"]["containers"][0]["ports"] for objects, _ in runner_of(podrunner).runs]
    assert not any("hostPort" in port for found in ports for port in found)


def test_artifacts_of_each_run_have_a_directory(podrunner: CommandLine, tmp_path: Path) -> None:
    done = podrunner("repeat", "-n", "5", "pod.yaml", "--artifacts", "out")
    assert [str(options.artifacts) for _, options in runner_of(podrunner).runs] == [f"out/{n}" for n in range(1, 6)]
    assert done.err.splitlines()[-1] == "hint: podrunner timeline out/5 --compare out/1 -o html"


def test_claims_go_with_their_run(podrunner: CommandLine, tmp_path: Path) -> None:
    claim = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "data"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Mi"}}},
    }
    (tmp_path / "pod.yaml").write_text(yaml.safe_dump_all([manifest(), claim]))
    podrunner("repeat", "-n", "2", "pod.yaml")
    asked = runner_of(podrunner).asked
    assert asked["owned"] == asked["removed"]
    assert len(asked["owned"]) == 2


def test_an_interrupted_series_shows_what_is_known(podrunner: CommandLine) -> None:
    runner = runner_of(podrunner)
    runner.stop_at = 7
    runner.while_running = lambda _listener, _stop: podrunner.stop.request()
    done = podrunner("repeat", "-n", "50", "pod.yaml")
    assert done.code == 130
    assert done.out.splitlines()[0] == "1 of 6 runs failed, 5 passed: 83% (95% interval 44% to 97%)"
    assert done.err.splitlines()[-1] == "interrupted: 6 of 50 runs are done"
    assert len(runner.runs) == 7


def test_a_run_that_cannot_be_ends_them_all(podrunner: CommandLine) -> None:
    runner_of(podrunner).error_at = 3
    done = podrunner("repeat", "-n", "50", "pod.yaml")
    assert (done.code, done.out) == (3, "")
    assert "the Engine is gone" in done.err
    assert len(runner_of(podrunner).runs) == 3


def test_a_terminal_sees_how_far_it_is(podrunner: CommandLine) -> None:
    done = podrunner("repeat", "-n", "5", "pod.yaml", "--color", "never", terminal=True)
    assert "\r\x1b[K4 of 5 runs done, 0 failed" in done.err
    assert "\r\x1b[Krun 5: init container migrate, attempt 0: exit code 3\n" in done.err
    assert done.err.endswith("\r\x1b[K")


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (["repeat"], "no manifest given"),
        (["repeat", "nosuch.yaml"], 'the path "nosuch.yaml" does not exist'),
        (["repeat", "-n", "0", "pod.yaml"], "0 is not in the range"),
        (["repeat", "--parallel", "99", "pod.yaml"], "99 is not in the range"),
        (["repeat", "pod.yaml", "--timeout", "0s"], "--timeout must be longer than nothing"),
        (["repeat", "pod.yaml", "--env", "nosuch:A=1"], "nosuch"),
        (["repeat", "pod.yaml", "--fault", "migrate:exist=1"], 'there is no fault "exist"'),
        (["repeat", "pod.yaml", "--same-failures"], "--same-failures needs a capture"),
    ],
)
def test_what_cannot_be_repeated_is_said(podrunner: CommandLine, words: list[str], error: str) -> None:
    done = podrunner(*words)
    assert (done.code, done.out) == (2, "")
    assert error.lower() in done.err.lower()
    assert runner_of(podrunner).runs == []
