"""The command as a process: what it imports, and pipes whose readers leave."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FIXTURE = ROOT / "fixtures" / "init-container.yaml"

IMPORTS = """
import json, sys
from runner.cli import run_cli
code = run_cli(sys.argv[1:])
print(json.dumps([code, sorted(sys.modules)]), file=sys.stderr)
"""


def environment(home: Path) -> dict[str, str]:
    return {**os.environ, "PODRUNNER_HOME": str(home), "PYTHONPATH": str(ROOT)}


@pytest.mark.parametrize(
    "argv",
    [
        pytest.param(["--help"], id="help"),
        pytest.param(["run", "--help"], id="help of run"),
        pytest.param(["validate", str(FIXTURE)], id="validate"),
        pytest.param(["plan", str(FIXTURE)], id="plan"),
        pytest.param(["get", "po"], id="get"),
        pytest.param(["version"], id="version"),
        pytest.param(["completion", "zsh"], id="completion"),
    ],
)
def test_what_needs_no_engine_imports_neither_docker_nor_bars(tmp_path: Path, argv: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", IMPORTS, *argv], env=environment(tmp_path), capture_output=True, text=True, check=True
    )
    code, modules = json.loads(done.stderr.splitlines()[-1])
    assert code == 0, done.stderr
    unwanted = ("docker", "requests", "rich.live", "rich.progress", "rich.console")
    assert [name for name in modules if name in unwanted] == []


@pytest.mark.parametrize(
    "argv",
    [["get", "po"], ["events"], ["describe", "po"], ["delete", "po", "nosuch"]],
)
def test_what_runs_no_pod_imports_nothing_that_only_running_needs(tmp_path: Path, argv: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", IMPORTS, *argv], env=environment(tmp_path), capture_output=True, text=True, check=False
    )
    code, modules = json.loads(done.stderr.splitlines()[-1])
    assert code in (0, 1), done.stderr
    unwanted = {"tenacity", "http.client", "ssl", "ctypes", "shutil", "subprocess", "fractions", "yaml", "tarfile"}
    assert unwanted & set(modules) == set()
    assert [name for name in modules if name.startswith(("runner.core.manifest", "runner.core.workloads"))] == []


@pytest.mark.parametrize("argv", [["--help"], ["validate", str(FIXTURE), "-o", "yaml"], ["completion", "bash"]])
def test_a_reader_that_left_gets_no_traceback(tmp_path: Path, argv: list[str]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "runner", *argv],
            env=environment(tmp_path),
            stdout=writing,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    finally:
        os.close(writing)
    assert (done.returncode, done.stderr) == (141, "")


def test_a_closed_standard_output_is_no_traceback(tmp_path: Path) -> None:
    """``podrunner version >&-``"""
    done = subprocess.run(
        ["/bin/sh", "-c", f'"{sys.executable}" -m runner version >&-'],
        env=environment(tmp_path),
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Traceback" not in done.stderr


PODS = """
apiVersion: v1
kind: Pod
metadata: {name: one}
spec: {containers: [{name: main, image: a}, {name: alone, image: a}]}
---
apiVersion: v1
kind: Pod
metadata: {name: two}
spec: {containers: [{name: main, image: a}]}
"""


@pytest.mark.parametrize(
    ("named", "told"),
    [
        pytest.param(
            "main",
            "error: 2 pods have a container main\nhint: say which: --exit-code-from one/main or two/main\n",
            id="several pods have it",
        ),
        pytest.param("nosuch", "error: container nosuch is not valid for pod one\n", id="no pod has it"),
        pytest.param("two/alone", "error: container alone is not valid for pod two\n", id="this pod has it not"),
        pytest.param(
            "three/main",
            'error: no pod "three" to take the exit code from\nhint: the manifests make: one, two\n',
            id="there is no such pod",
        ),
    ],
)
def test_a_container_whose_exit_code_nobody_can_tell_is_refused_before_anything_is_touched(
    tmp_path: Path, named: str, told: str
) -> None:
    manifest = tmp_path / "pods.yaml"
    manifest.write_text(PODS)
    done = subprocess.run(
        [sys.executable, "-m", "runner", "run", str(manifest), "--exit-code-from", named],
        env={**environment(tmp_path), "DOCKER_HOST": f"unix://{tmp_path}/nosuch.sock"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (2, told)
