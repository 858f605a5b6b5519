"""Runs, test workers and a watch over one state directory at the same time: each pod runs once, and everybody sees all of it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.support import SECONDS, Bench, container, mounted, pod, until

pytestmark = pytest.mark.docker

TESTS = """
import pytest

POD = '''
apiVersion: v1
kind: Pod
metadata: {{name: x-{number}}}
spec:
  restartPolicy: Never
  containers:
  - name: main
    image: busybox:1.36
    command: [sh, -c, "echo x-{number} >> /ran/all"]
    volumeMounts: [{{name: ran, mountPath: /ran}}]
  volumes: [{{name: ran, hostPath: {{path: PLACE}}}}]
'''


@pytest.mark.parametrize("number", range(COUNT))
def test_it(number, podrunner):
    assert podrunner.run(POD.format(number=number), until="completed").status.phase == "Succeeded"
"""
LINE = "jsonpath={.metadata.namespace}/{.metadata.name} {.metadata.resourceVersion} {.status.phase}{'\\n'}"


def crowd(bench: Bench, *, in_runs: int, in_tests: int, workers: int) -> None:
    """Two runs of so many pods each, and a session of so many tests."""
    ran = bench.directory / "ran"
    ran.mkdir()
    folder = bench.directory / "project"
    folder.mkdir()
    (folder / "test_it.py").write_text(TESTS.replace("PLACE", str(ran)).replace("COUNT", str(in_tests)))
    volume: dict[str, Any] = {"volumes": [{"name": "ran", "hostPath": {"path": str(ran)}}], "restartPolicy": "Never"}
    manifests = []
    for run in ("one", "two"):
        names = [bench.name(run) for _ in range(in_runs)]
        apps = {name: container("main", f"echo {name} >> /ran/all", **mounted("ran", "/ran")) for name in names}
        manifests.append(bench.write(*(pod(name, app, **volume) for name, app in apps.items()), name=f"{run}.yaml"))
    watching = bench.start("get", "po", "-A", "-w", "-o", LINE)
    registry = bench.store
    until(lambda: registry.database.read("SELECT 1 FROM watchers"), "a watch")
    with registry.watch(str(registry.version()), kinds=["Pod"]) as watch:
        runs = [bench.start("run", manifest) for manifest in manifests]
        session = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "error", "-n", str(workers)],
            cwd=folder,
            env={**bench.environ, "PODRUNNER_REQUIRE_ENGINE": "1"},
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        assert session.returncode == 0, session.stdout + session.stderr
        assert [run.end().code for run in runs] == [0, 0]
        changes = watch.next(0)
        while more := watch.next(0):
            changes += more
    count = 2 * in_runs + in_tests
    lines = sorted((ran / "all").read_text().split())
    assert (len(lines), len(set(lines))) == (count, count), "each pod ran once"
    assert len({change.uid for change in changes if change.type.value == "DELETED"}) == count
    expected = [
        f"{change.namespace}/{change.name} {change.resource_version} {change.value['status']['phase']}"
        for change in changes
    ]
    until(lambda: len(watching.text("out").splitlines()) >= len(expected), "the last line of the watch")
    assert watching.text("out").splitlines() == expected
    before = ticks(watching.process.pid)
    assert registry.watch(str(registry.version())).next(2.0) == []
    assert ticks(watching.process.pid) - before <= 1, "an idle watch costs no time"


def ticks(pid: int) -> int:
    """What a process has used of the processor, in hundredths of a second."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    assert os.sysconf("SC_CLK_TCK") == 100
    return int(fields[11]) + int(fields[12])


def test_runs_test_workers_and_a_watch_share_one_state_directory(bench: Bench) -> None:
    crowd(bench, in_runs=2, in_tests=4, workers=2)
