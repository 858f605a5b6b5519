"""Into failed attempts, and beside containers that run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from runner.core.labels import DOCKER_TYPE, OWNER, TYPE_DEBUG
from runner.registry.home import Home
from runner.registry.ownership import home_id
from tests.e2e.support import Bench, container, mounted, pod

pytestmark = pytest.mark.docker

IMAGE = "busybox:1.36"
FAILS = "n=$(wc -l < /shared/log); echo attempt $n > /own; echo two >> /shared/log; echo trying $n; exit 3"


def debug_containers(bench: Bench, name: str) -> list[str]:
    labels = [f"io.kubernetes.pod.name={name}", f"{DOCKER_TYPE}={TYPE_DEBUG}"]
    return [one["Id"] for one in bench.engine.api.containers(all=True, filters={"label": labels})]


def images(bench: Bench) -> list[str]:
    """The images that this bench's processes have made."""
    home = f"@{home_id(Home(Path(bench.environ['PODRUNNER_HOME'])))}"
    rows = bench.engine.api.images(filters={"label": [OWNER]})
    return [str(row["RepoTags"]) for row in rows if home in row["Labels"].get(OWNER, "")]


def test_an_init_container_that_failed_twice_can_be_looked_into(bench: Bench) -> None:
    """Its own files and those of the volume are there, of both attempts, and nothing stays behind."""
    name = bench.name("debug")
    shared = mounted("shared", "/shared")
    first = container("one", "touch /shared/log", **shared)
    second = container("two", FAILS, env=[{"name": "WHO", "value": "me"}], workingDir="/tmp", **shared)
    path = bench.write(pod(name, inits=[first, second], volumes=[{"name": "shared", "emptyDir": {}}]))
    done = bench("run", path, "--max-restarts", "1", "--keep", "failed", "--speed", "50")
    assert done.code == 1, done.err
    before = sorted(bench.left(name))

    newest = bench("debug", name, "-c", "two", "--", "sh", "-c", "cat /own /shared/log; pwd; echo $WHO; exit 7")
    assert (newest.code, newest.out) == (7, "attempt 1\ntwo\ntwo\n/tmp\nme\n"), newest.err
    assert "a copy of attempt 1 of two, which ended with exit code 3" in newest.err
    older = bench("debug", name, "--attempt", "0", stdin="cat /own\nexit 4\n")
    assert (older.code, older.out) == (4, "attempt 0\n"), older.err
    tools = bench(
        "debug", name, "-c", "two", "--image", IMAGE, "-q", "--", "cat", "/proc/1/root/own", "/proc/1/root/shared/log"
    )
    assert (tools.code, tools.out, tools.err) == (0, "attempt 1\ntwo\ntwo\n", "")
    again = bench("debug", name, "-c", "two", "--rerun")
    assert (again.code, again.out) == (3, "trying 2\n"), again.err
    assert "it ended with exit code 3" in again.err
    missing = bench("debug", name, "-c", "two", "--attempt", "9")
    assert missing.code == 2
    assert "there are: 0 (exit code 3), 1 (exit code 3)" in missing.err
    assert sorted(bench.left(name)) == before
    assert images(bench) == []

    lost = bench.start("debug", name, "-c", "two", "--", "sleep", "1000")
    bench.until(lambda: debug_containers(bench, name), "a copy")
    lost.line("a copy of attempt 1")
    lost.kill()
    lost.end()
    assert debug_containers(bench, name)
    assert bench("gc").code == 0
    assert sorted(bench.left(name)) == before
    assert images(bench) == []
    assert bench("delete", "po", name).code == 0
    bench.assert_nothing_left(name)


def _debugger(bench: Bench, name: str) -> dict[str, Any]:
    """The status of the pod's one ephemeral container."""
    (status,) = bench.pod(name)["status"]["ephemeralContainerStatuses"]
    assert isinstance(status, dict)
    return status


def test_an_ephemeral_container_sees_the_processes_of_its_target(bench: Bench) -> None:
    name = bench.name("target")
    path = bench.write(pod(name, container("main", "exec sleep 4321")))
    run = bench.start("run", path)
    run.line(name, "Running")
    told = bench("debug", name, "--target", "main", "--image", IMAGE, stdin="ps\nexit 6\n")
    assert told.code == 6, told.err
    first, second, *rest = told.out.splitlines()
    assert first.startswith('Targeting container "main". If you don\'t see processes from this container')
    assert second.startswith("Defaulting debug container name to debugger-")
    assert any("sleep 4321" in line for line in rest), told.out
    made = second.removesuffix(".").rpartition(" ")[2]
    bench.until(lambda: "terminated" in _debugger(bench, name)["state"], "its end")
    value = bench.pod(name)
    (status,) = value["status"]["ephemeralContainerStatuses"]
    assert (status["name"], status["state"]["terminated"]["exitCode"], status["restartCount"]) == (made, 6, 0)
    assert value["status"]["containerStatuses"][0]["restartCount"] == 0
    refused = bench("debug", name, "--target", "main", "--image", IMAGE, "-c", made)
    assert (refused.code, refused.err.splitlines()[0]) == (
        2,
        f'error: The Pod "{name}" is invalid: spec.ephemeralContainers[1].name: Duplicate value: "{made}"',
    )
    run.interrupt()
    assert run.end().code == 130
    bench.assert_nothing_left(name)
