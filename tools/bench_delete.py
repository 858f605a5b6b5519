"""`python -m tools.bench_delete`: what it costs to be rid of a pod, beside the bare removal of what is there of it.

Rounds of three, one after the other, each about one pod that does not heed SIGTERM: the bare removal by calls of docker-py,
warm and within this process; the whole process `podrunner delete --now`; the teardown of a test of the pytest plugin with
`--podrunner-grace=0`. The differences count, since the Engine's own part is the same.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

import docker

from tools.bench import PODRUNNER, compile_package, seconds
from tools.bench_plugin import pytest_command

NAME = "bench-delete"
MANIFEST = f"""
apiVersion: v1
kind: Pod
metadata: {{name: {NAME}}}
spec:
  containers:
  - name: main
    image: busybox:latest
    imagePullPolicy: IfNotPresent
    command: [sleep, "86400"]
"""
LABEL = f"io.kubernetes.pod.name={NAME}"
TEST = """
import pytest

@pytest.mark.pod("pod.yaml")
def test_ready(pod):
    assert pod.status.is_ready
"""
PLUGIN = """
from pathlib import Path

def pytest_runtest_logreport(report):
    if report.when == "teardown":
        Path("teardown").write_text(str(report.duration))
"""


def _bare(api: docker.APIClient) -> float:
    """Remove a pod as a user who knows what there is of it."""
    containers = api.containers(all=True, filters={"label": LABEL})
    volumes = api.volumes(filters={"label": LABEL})["Volumes"] or []
    containers.sort(key=lambda one: one["Labels"].get("io.kubernetes.docker.type") == "podsandbox")
    begin = time.perf_counter()
    for container in containers:
        api.remove_container(container["Id"], force=True, v=True)
    for volume in volumes:
        api.remove_volume(volume["Name"])
    return time.perf_counter() - begin


def _round(folder: Path, api: docker.APIClient) -> tuple[float, float, float]:
    environment = {**os.environ, "PODRUNNER_HOME": str(folder / "state"), "PODRUNNER_PROGRESS": "plain"}
    note = folder / "log"
    run = [PODRUNNER, "run", str(folder / "pod.yaml"), "--until", "ready", "--keep", "always"]
    delete = [PODRUNNER, "delete", "po", NAME, "--now"]
    seconds(run, environment, note)
    bare = _bare(api)
    seconds(delete, environment, note)  # the record of what is gone
    seconds(run, environment, note)
    deleted = seconds(delete, environment, note)
    test = pytest_command("--podrunner-grace=0", "--rootdir", str(folder), str(folder))
    seconds(["env", "-C", str(folder), *test], environment, note)
    return bare, deleted, float((folder / "teardown").read_text())


def main() -> int:
    """Measure and print the medians; exit code 1 above the limit, if one was given."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.bench_delete", description="what it costs to be rid of a pod"
    )
    parser.add_argument("--rounds", type=int, default=10, help="how many rounds (default 10)")
    parser.add_argument("--limit", type=float, help="fail when one is longer than the bare removal by more seconds")
    options = parser.parse_args()
    compile_package()
    api = docker.from_env().api
    found: list[tuple[float, float, float]] = []
    with tempfile.TemporaryDirectory(prefix="podrunner-bench-") as name:
        folder = Path(name)
        for file, text in (("pod.yaml", MANIFEST), ("test_ready.py", TEST), ("conftest.py", PLUGIN)):
            (folder / file).write_text(text)
        for number in range(options.rounds + 1):
            one = _round(folder, api)
            found += [one] if number else []  # the first only warms up
    bare, deleted, teardown = (statistics.median(column) for column in zip(*found, strict=True))
    more = [statistics.median(one[index] - one[0] for one in found) for index in (1, 2)]
    print(
        f"ending a pod at once: {bare:.3f} s bare, {deleted:.3f} s by podrunner delete ({more[0]:+.3f}), "
        f"{teardown:.3f} s in a test's teardown ({more[1]:+.3f})"
    )
    return 1 if options.limit is not None and max(more) > options.limit else 0


if __name__ == "__main__":
    sys.exit(main())
