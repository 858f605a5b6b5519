"""An Engine that fails now and then: every run ends as it would have, and leaves nothing."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.support import SERVE, Bench, container, mounted, pod, until
from tests.support.faulty import Decide, Dice, FaultyEngine, Kind, Request

pytestmark = [pytest.mark.docker, pytest.mark.timeout(240)]

SECONDS = 150.0
SEEDS = int(os.environ.get("FAULTY_SEEDS") or 1)
"""How many lives of each shape."""
Shape = Callable[[str], tuple[list[dict[str, Any]], list[str], int]]
"""From a name: the manifests, more arguments of the run, and the exit code that is right."""


@contextmanager
def faulty(bench: Bench, decide: Decide) -> Iterator[FaultyEngine]:
    """The bench's Engine behind a bad line."""
    with tempfile.TemporaryDirectory(prefix="pr", dir="/tmp") as folder:
        target = Path(bench.address.removeprefix("unix://"))
        with FaultyEngine(Path(folder, "docker.sock"), target, decide) as proxy:
            yield proxy


def plain(name: str) -> tuple[list[dict[str, Any]], list[str], int]:
    inits = [container("first", "exit 0"), container("second", "exit 0")]
    return [pod(name, container("main", "echo done"), inits=inits, restartPolicy="Never")], [], 0


def failing(name: str) -> tuple[list[dict[str, Any]], list[str], int]:
    value = pod(name, container("main", "exit 7"), restartPolicy="Never")
    return [value], ["--exit-code-from", "main"], 7


def sidecar(name: str) -> tuple[list[dict[str, Any]], list[str], int]:
    probe = {"startupProbe": {"exec": {"command": ["true"]}, "periodSeconds": 1, "failureThreshold": 30}}
    inits = [container("side", SERVE, restartPolicy="Always", **probe)]
    return [pod(name, container("main", "sleep 1"), inits=inits, restartPolicy="Never")], [], 0


def volumes(name: str) -> tuple[list[dict[str, Any]], list[str], int]:
    settings = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"key": "value"}}
    reader = container("main", "grep -q value /config/key && test -f /shared/made", volumeMounts=[])
    reader["volumeMounts"] = [{"name": "config", "mountPath": "/config"}, {"name": "shared", "mountPath": "/shared"}]
    maker = container("maker", "touch /shared/made", **mounted("shared", "/shared"))
    listed = [{"name": "config", "configMap": {"name": name}}, {"name": "shared", "emptyDir": {}}]
    return [settings, pod(name, reader, inits=[maker], volumes=listed, restartPolicy="Never")], [], 0


def retried(name: str) -> tuple[list[dict[str, Any]], list[str], int]:
    script = "test -f /shared/tried || { touch /shared/tried; exit 1; }"
    inits = [container("first", script, **mounted("shared", "/shared"))]
    value = pod(name, container("main", "exit 0"), inits=inits, restartPolicy="OnFailure")
    value["spec"]["volumes"] = [{"name": "shared", "emptyDir": {}}]
    return [value], [], 0


def ready(name: str) -> tuple[list[dict[str, Any]], list[str], int]:
    probe = {"readinessProbe": {"exec": {"command": ["true"]}, "periodSeconds": 1}}
    hook = {"lifecycle": {"preStop": {"exec": {"command": ["true"]}}}}
    apps = [container("one", SERVE, **probe), container("two", SERVE, **hook)]
    return [pod(name, *apps)], ["--until", "ready"], 0


def job(name: str) -> tuple[list[dict[str, Any]], list[str], int]:
    spec = {"containers": [container("main", "exit 0")], "restartPolicy": "Never"}
    value = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name},
        "spec": {"completions": 2, "parallelism": 2, "template": {"spec": spec}},
    }
    return [value], [], 0


SHAPES: tuple[Shape, ...] = (plain, failing, sidecar, volumes, retried, ready, job)


@pytest.mark.parametrize("seed", range(SEEDS))
@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.__name__)
def test_a_run_over_a_faulty_engine_ends_with_the_right_exit_code_and_leaves_nothing(
    bench: Bench, shape: Shape, seed: int
) -> None:
    name = bench.name(shape.__name__)
    values, flags, code = shape(name)
    with faulty(bench, Dice(seed + 1000 * SHAPES.index(shape))) as proxy:
        path = bench.write(*values)
        run = bench.start("run", path, "--timeout", f"{SECONDS:g}", *flags, environ={"DOCKER_HOST": proxy.url})
        done = run.end(SECONDS + 30)
    story = "\n".join([*proxy.done, done.err])
    assert done.code == code, story
    assert "Traceback" not in done.err, story
    assert bench.all_left() == [], story
    assert bench.store.list("Pod").items == [], story


def slow(method: str, path: str, seconds: float) -> Decide:
    """Every request of this kind takes so much longer."""

    def decide(request: Request) -> tuple[Kind, float] | None:
        return (Kind.DELAY, seconds) if request.method == method and request.path.startswith(path) else None

    return decide


@pytest.mark.parametrize("end", ["interrupt", "terminate"])
@pytest.mark.parametrize("seen", [1, 2, 3])
def test_what_is_being_created_when_a_run_is_interrupted_is_waited_for_and_removed(
    bench: Bench, seen: int, end: str
) -> None:
    """The first create is the sandbox's, the next ones are prepared while the Engine is busy."""
    name = bench.name("slow")
    value = pod(name, container("main", SERVE, **mounted("shared", "/shared")), inits=[container("first", "exit 0")])
    value["spec"]["volumes"] = [{"name": "shared", "emptyDir": {}}]
    with faulty(bench, slow("POST", "/containers/create", 1.0)) as proxy:
        run = bench.start("run", bench.write(value), environ={"DOCKER_HOST": proxy.url})
        until(lambda: len(proxy.done) >= seen, f"create number {seen}")
        getattr(run, end)()
        done = run.end()
        assert len(proxy.done) >= seen
    assert done.code == 130, done.err
    assert "Gone" in done.err
    assert "Traceback" not in done.err
    bench.assert_nothing_left(name)


def test_a_pull_that_hangs_keeps_nobody_from_leaving(bench: Bench) -> None:
    name = bench.name("pulling")
    value = pod(name, container("main", SERVE, image="no-such-image:1"))
    with faulty(bench, slow("POST", "/images/create", 60.0)) as proxy:
        run = bench.start("run", bench.write(value), environ={"DOCKER_HOST": proxy.url})
        run.line("Pulling")
        run.interrupt()
        done = run.end(30)
    assert done.code == 130, done.err
    assert "Traceback" not in done.err
    bench.assert_nothing_left(name)


LOST = {
    "create": ("POST", "/containers/create"),
    "start": ("POST", "/start"),
    "remove": ("DELETE", "/containers/"),
}


def losing(method: str, part: str, number: int) -> Decide:
    """The Engine does the n-th request of this kind, and its reply never comes."""
    count = 0

    def decide(request: Request) -> tuple[Kind, float] | None:
        nonlocal count
        count += request.method == method and part in request.path
        return (Kind.LOST, 0.0) if request.method == method and part in request.path and count == number else None

    return decide


@pytest.mark.parametrize("number", [1, 2], ids=["the sandbox", "a container"])
@pytest.mark.parametrize("verb", LOST)
def test_what_was_done_and_never_answered_is_done_once(bench: Bench, verb: str, number: int) -> None:
    """As in virtual time, where `make crashes` loses every reply: no init container runs twice, nothing stays."""
    name = bench.name("lost")
    first = container("first", "echo ran >> /shared/runs", **mounted("shared", "/shared"))
    main = container("main", 'test "$(wc -l < /shared/runs)" -eq 1', **mounted("shared", "/shared"))
    value = pod(name, main, inits=[first], volumes=[{"name": "shared", "emptyDir": {}}], restartPolicy="Never")
    with faulty(bench, losing(*LOST[verb], number)) as proxy:
        done = bench.start("run", bench.write(value), environ={"DOCKER_HOST": proxy.url}).end(60)
        assert len(proxy.done) == 1, proxy.done
    story = "\n".join([*proxy.done, done.err])
    assert done.code == 0, story
    assert "Traceback" not in done.err, story
    assert bench.all_left() == [], story
