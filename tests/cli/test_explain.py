"""explain."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.support import CommandLine, event, line, pod, put_pod

REPORTS = Path(__file__).parents[2] / "fixtures" / "explain"
MEMORY = str(REPORTS / "init-out-of-memory" / "objects.yaml")


def failing(name: str = "web", **more: Any) -> dict[str, Any]:
    """A pod whose init container has failed with exit code 3."""
    value = pod(name, phase="Pending", **more)
    ended = {"exitCode": 3, "reason": "Error", "containerID": "docker://1", "startedAt": None, "finishedAt": None}
    first = {"name": "first", "state": {"terminated": ended}, "ready": False, "image": "busybox:1.36"}
    value["status"]["initContainerStatuses"] = [first]
    return value


@pytest.fixture
def podrunner() -> CommandLine:
    return CommandLine()


def test_a_pod_of_this_machine_is_explained_by_its_status_events_and_output(podrunner: CommandLine) -> None:
    put_pod(podrunner.runner.store, failing())
    podrunner.runner.store.record_event(event("web", "Started", "Container started"))
    podrunner.runner.lines = {"first": [line("cannot open /data/x: Permission denied", container="first")], "main": []}
    done = podrunner("explain", "po/web")
    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines() == [
        "pod default/web: init container first, attempt 0: exit code 3",
        "cause (likely): init container first runs as the image's user, who may not use /data/x of its image",
        "  log of first, attempt 0: cannot open /data/x: Permission denied",
        "next: run it as the user that the image is made for, give that path to the user in the image, "
        "or mount an emptyDir there",
        "looked at: the status of 2 containers; 1 event; the output of first; 1 Pod",
    ]


def test_a_terminal_gets_lines_that_fit_and_colours(podrunner: CommandLine) -> None:
    done = podrunner("explain", MEMORY, terminal=True)
    lines = done.out.splitlines()
    assert lines[2].startswith("\x1b[31mcause (certain):\x1b[0m init container wait-for-db needed more memory")
    assert (
        max(len(text) for text in podrunner("explain", MEMORY, "--color", "never", terminal=True).out.splitlines())
        <= 80
    )


def test_json_is_for_programs(podrunner: CommandLine) -> None:
    value = json.loads(podrunner("explain", MEMORY, "-o", "json").out)
    assert (value["pod"]["name"], value["causes"][0]["cause"]) == ("web-7c9d", "oom-killed")
    both = json.loads(podrunner("explain", MEMORY, str(REPORTS / "none-init-works"), "-o", "json").out)
    assert [one["pod"]["name"] for one in both["items"]] == ["web-7c9d", "restore-db"]


def test_what_kubectl_printed_may_come_on_standard_input(podrunner: CommandLine) -> None:
    done = podrunner("explain", "-", stdin=Path(MEMORY).read_text())
    assert "needed more memory than its limit of 200Mi" in done.out


def test_output_of_a_container_may_be_given(podrunner: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "out.log").write_text("Error: no such table\n")
    objects = str(REPORTS / "chown-without-root" / "objects.yaml")
    done = podrunner("explain", objects, "--log", f"own-data={tmp_path / 'out.log'}")
    assert "no such table" in done.out
    refused = podrunner("explain", objects, "--log", "own-dat=x")
    assert (refused.code, "it has: own-data, collector" in refused.err) == (2, True)
    assert '"x" is not CONTAINER=FILE' in podrunner("explain", objects, "--log", "x").err
    assert "name one" in podrunner("explain", objects, MEMORY, "--log", "a=b").err
    assert "read from files" in podrunner("explain", "web", "--log", "a=b").err


def test_of_many_pods_those_with_which_nothing_is_wrong_are_counted(podrunner: CommandLine) -> None:
    well = str(REPORTS / "none-restarted-once")
    done = podrunner("explain", MEMORY, well)
    assert done.out.splitlines()[-1] == "1 pod with which nothing is wrong as far as can be seen"
    assert "web-7c9d" in done.out
    alone = podrunner("explain", "-f", well, "-f", MEMORY, "web")
    assert alone.out.splitlines()[:2] == ["pod default/web", "nothing is wrong as far as can be seen"]


def test_a_pod_that_merely_takes_its_time_has_no_cause(podrunner: CommandLine) -> None:
    done = podrunner("explain", str(REPORTS / "none-init-works"))
    assert done.out.splitlines() == [
        "pod default/restore-db: init container restore, attempt 0: still runs",
        "no cause found",
        "looked at: the status of 2 containers; 4 events; 1 Pod",
        "not there: the output of restore; Services",
    ]


@pytest.mark.parametrize(
    ("words", "code", "text"),
    [
        (("wbe",), 1, "hint: did you mean web?"),
        (("none.yaml",), 2, 'the path "none.yaml" does not exist'),
        (("other/web",), 2, 'the path "other/web" does not exist'),
        (("-f", MEMORY, "web-7c9"), 1, "hint: did you mean web-7c9d?"),
        ((), 2, "name a pod, or a file"),
    ],
)
def test_what_is_not_there_is_told_with_what_may_be_meant(
    podrunner: CommandLine, words: tuple[str, ...], code: int, text: str
) -> None:
    put_pod(podrunner.runner.store, pod())
    done = podrunner("explain", *words)
    assert (done.code, text in done.err) == (code, True), done.err


def test_one_of_several_pods_may_be_missing(podrunner: CommandLine) -> None:
    put_pod(podrunner.runner.store, pod())
    podrunner.runner.lines = {"first": [], "main": []}
    done = podrunner("explain", "web", "zz")
    assert (done.code, done.out.splitlines()[0]) == (1, "pod default/web")
    assert 'pods "zz" not found' in done.err


def test_a_file_without_a_pod_says_what_it_holds(podrunner: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "web.yaml").write_text("kind: Deployment\n")
    done = podrunner("explain", str(tmp_path / "web.yaml"))
    assert (done.code, "only Deployment" in done.err) == (2, True)
    (tmp_path / "text.txt").write_text("Name:  web\n\tbad: [\n")
    assert "neither YAML nor JSON" in podrunner("explain", str(tmp_path / "text.txt")).err
