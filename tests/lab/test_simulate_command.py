"""The command: tables, trace lines, drawings, mistakes, and that no Docker library is needed for any of it."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from tests.cli.support import CommandLine

MANIFEST = """\
apiVersion: v1
kind: Pod
metadata: {name: web}
spec:
  terminationGracePeriodSeconds: 20
  initContainers:
  - {name: init-1, image: "busybox:1.36", command: ["true"]}
  - {name: init-2, image: "busybox:1.36", command: ["true"]}
  containers:
  - {name: app, image: "busybox:1.36", command: [sleep, "3600"]}
"""
SCRIPT = """\
containers:
  init-2: {attempts: [{exit: 1, after: 3s}, {exit: 1, after: 3s}, {exit: 0, after: 2s}]}
  app: {attempts: [{run: forever, onTerm: ignore}]}
steps: [{at: 30s, delete: {}}]
"""


@pytest.fixture
def podrunner() -> CommandLine:
    return CommandLine()


@pytest.fixture
def manifest(tmp_path: Path) -> str:
    path = tmp_path / "pod.yaml"
    path.write_text(MANIFEST)
    return str(path)


@pytest.fixture
def script(tmp_path: Path) -> str:
    path = tmp_path / "script.yaml"
    path.write_text(SCRIPT)
    return str(path)


def test_the_table_shows_each_change_with_its_time_and_the_events_between(
    podrunner: CommandLine, manifest: str, script: str
) -> None:
    done = podrunner("simulate", manifest, "--script", script, "--retry", "container")
    assert (done.code, done.err) == (0, "50s: the pod is gone\n")
    rows = [line.split() for line in done.out.splitlines() if not line.startswith(" ")]
    assert rows[0] == ["TIME", "READY", "STATUS", "RESTARTS"]
    assert [row[:4] for row in rows[1:]] == [
        ["0s", "0/1", "Pending", "0"],
        ["0s", "0/1", "Init:0/2", "0"],
        ["1s", "0/1", "Init:1/2", "0"],
        ["4s", "0/1", "Init:Error", "0"],
        ["4s", "0/1", "Init:1/2", "1"],
        ["7s", "0/1", "Init:Error", "1"],
        ["7s", "0/1", "Init:CrashLoopBackOff", "1"],
        ["17s", "0/1", "Init:1/2", "2"],
        ["19s", "0/1", "PodInitializing", "0"],
        ["19s", "1/1", "Running", "0"],
        ["30s", "1/1", "Terminating", "0"],
        ["50s", "0/1", "Terminating", "0"],
        ["50s", "0/1", "Error", "0"],
    ]
    assert (
        "          Warning  BackOff      init-2: Back-off restarting failed container init-2 in pod web_default("
        in done.out
    )


def test_json_is_a_trace_from_the_year_2000_on(podrunner: CommandLine, manifest: str, script: str) -> None:
    done = podrunner("simulate", manifest, "--script", script, "-o", "json", "--for", "10s", "--retry", "container")
    lines = [json.loads(line) for line in done.out.splitlines()]
    assert lines[0]["time"] == "2000-01-01T00:00:00.000000Z"
    assert lines[-1]["time"] == "2000-01-01T00:00:07.000000Z"
    assert all(set(line) == {"time", "pod"} and line["pod"]["kind"] == "Pod" for line in lines)
    assert lines[-1]["pod"]["status"]["phase"] == "Pending"
    assert done.err == ""


def test_the_drawing_has_a_row_for_each_attempt_and_fits_80_columns(
    podrunner: CommandLine, manifest: str, script: str
) -> None:
    done = podrunner("simulate", manifest, "--script", script, "-o", "timeline", "--retry", "container")
    assert done.out == textwrap.dedent(
        """\
                        0s                 25s                50s
            init-1   #0 █                                         ran 1s, exit 0
            init-2   #0 ███                                       ran 3s, exit 1
                     #1    ███                                    ran 3s, exit 1
                     #2      ░░░░░░░░███                          ran 2s, exit 0
            app      #0 ···············██████████████████████████ ran 31s, exit 137
                        · waiting  ░ back-off  ▒ pulling  █ running
        """
    )
    assert max(map(len, done.out.splitlines())) <= 80


@pytest.mark.parametrize(
    ("output", "begin"), [("html", "<!DOCTYPE html>"), ("svg", "<svg "), ("chrome", '{"displayTimeUnit": "ms"')]
)
def test_the_same_is_drawn_as_a_page_a_picture_and_a_trace(
    podrunner: CommandLine, manifest: str, script: str, output: str, begin: str
) -> None:
    done = podrunner("simulate", manifest, "--script", script, "-o", output, "--retry", "container")
    assert (done.code, done.out[: len(begin)]) == (0, begin)
    assert "init-2" in done.out
    assert "exit 1" in done.out


def test_many_attempts_are_drawn_in_part(podrunner: CommandLine, manifest: str) -> None:
    script = "containers: {app: {attempts: [{exit: 1, after: 2s}]}}"
    done = podrunner("simulate", manifest, "--script", "-", "-o", "timeline", "--for", "24h", stdin=script)
    assert len(done.out.splitlines()) < 25
    assert "more attempts …" in done.out


@pytest.mark.parametrize(
    ("flags", "restarts"),
    [
        (["--max-restarts", "1"], 1),
        (["--backoff", "1s..2s", "--for", "10s"], 4),
        (["--speed", "10", "--for", "10s"], 3),
        (["--for", "10s"], 1),
    ],
)
def test_the_flags_about_retries_are_those_of_run(
    podrunner: CommandLine, manifest: str, flags: list[str], restarts: int
) -> None:
    script = "containers: {init-2: {attempts: [{exit: 1, after: 1s}]}}"
    done = podrunner("simulate", manifest, "--script", "-", "-o", "json", "--retry", "container", *flags, stdin=script)
    status = json.loads(done.out.splitlines()[-1])["pod"]["status"]
    assert status["initContainerStatuses"][1]["restartCount"] == restarts


def test_giving_up_is_said(podrunner: CommandLine, manifest: str) -> None:
    script = "containers: {app: {attempts: [{exit: 1}]}}"
    done = podrunner("simulate", manifest, "--script", "-", "--max-restarts", "0", stdin=script)
    assert (done.code, done.err) == (0, "gave up after too many restarts of app\n")


@pytest.mark.parametrize(
    ("text", "arguments", "problem"),
    [
        ("boo: 1", ["--script", "-"], "error: boo: unknown field; known are containers, images, objects, steps"),
        ("a: [", ["--script", "-"], "error: -:2:1: "),
        ("", ["--script", "/nowhere.yaml"], 'error: the path "/nowhere.yaml" does not exist'),
        ("", ["--script", "/"], 'error: cannot read "/"'),
        ("", ["--for", "0s"], "error: --for must be longer than nothing"),
        ("", ["--backoff", "x"], "error: 'x' is no back-off like 10s..5m"),
    ],
)
def test_mistakes_are_usage_errors(
    podrunner: CommandLine, manifest: str, text: str, arguments: list[str], problem: str
) -> None:
    done = podrunner("simulate", manifest, *arguments, stdin=text)
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith(problem)


def test_two_pods_of_one_name_are_refused(podrunner: CommandLine, tmp_path: Path) -> None:
    path = tmp_path / "two.yaml"
    path.write_text(MANIFEST + "---\n" + MANIFEST)
    done = podrunner("simulate", str(path))
    assert done.code == 2
    assert done.err.endswith('error: pods "web" already exists\n')


def test_config_maps_beside_the_pod_are_there(podrunner: CommandLine, tmp_path: Path) -> None:
    path = tmp_path / "both.yaml"
    bound = MANIFEST.replace("command: [sleep", "envFrom: [{configMapRef: {name: c}}], command: [sleep")
    path.write_text(bound + "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata: {k: v}\n")
    done = podrunner("simulate", str(path), "-o", "json")
    assert json.loads(done.out.splitlines()[-1])["pod"]["status"]["phase"] == "Running"


def test_the_example_in_the_help_is_a_script(podrunner: CommandLine, tmp_path: Path) -> None:
    """Every field that the help shows is read, and what it says comes true."""
    help_text = podrunner("simulate", "--help").out
    begin, end = help_text.index("    containers:"), help_text.index("  With several pods")
    path = tmp_path / "script.yaml"
    path.write_text(textwrap.dedent(help_text[begin:end]))
    manifest = tmp_path / "pod.yaml"
    manifest.write_text(MANIFEST)
    done = podrunner("simulate", str(manifest), "--script", str(path))
    assert done.code == 0
    assert "Pod sandbox changed, it will be killed and re-created." in done.out
    assert done.err.endswith("the pod is gone\n")


def test_neither_docker_nor_threads_are_needed(manifest: str, script: str) -> None:
    code = (
        "import sys; from runner.cli.main import main; code = main(sys.argv[1:]); "
        "print(code, sorted({'docker', 'requests', 'rich', 'sqlite3'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "simulate", manifest, "--script", script, "-o", "json"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines()[-1] == "0 []"


@pytest.mark.parametrize(
    "kind",
    [
        pytest.param("apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec:", id="a pod"),
        pytest.param("apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec:", id="pods of a workload"),
    ],
)
def test_no_cell_of_the_table_touches_the_next(podrunner: CommandLine, tmp_path: Path, kind: str) -> None:
    """Neither after the longest statuses nor after long times."""
    spec = """\
initContainers: [{name: one, image: a, env: [{name: A, valueFrom: {configMapKeyRef: {name: late, key: k}}}]}]
containers: [{name: main, image: a}]
"""
    if "Deployment" in kind:
        labels = "{app: a}"
        spec = f"selector: {{matchLabels: {labels}}}\ntemplate:\n  metadata: {{labels: {labels}}}\n  spec:\n" + (
            textwrap.indent(spec, "    ")
        )
    manifest, script = tmp_path / "pod.yaml", tmp_path / "script.yaml"
    manifest.write_text(kind + "\n" + textwrap.indent(spec, "  "))
    late = "{kind: ConfigMap, metadata: {name: late}, data: {k: v}}"
    script.write_text(
        f"objects: [{{at: 30s, create: {late}}}]\ncontainers: {{main: {{attempts: [{{exit: 1, after: 1.125s}}]}}}}\n"
    )
    done = podrunner("simulate", str(manifest), "--script", str(script), "--for", "1h")
    rows = [line.split() for line in done.out.splitlines() if "/" in line.partition("Normal")[0]]
    columns = 5 if "Deployment" in kind else 4
    assert {len(row[:columns]) for row in rows if "Normal" not in row and "Warning" not in row} == {columns}
    assert any("Init:CreateContainerConfigError" in row for row in rows)
    assert any(len(row[0]) > len("10m0.125s") for row in rows)
