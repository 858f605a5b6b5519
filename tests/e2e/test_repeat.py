"""repeat on the real Engine: runs side by side, each with names and volumes of its own, and nothing left behind."""

from __future__ import annotations

import json

import pytest

from runner import Runner
from runner.engine.docker import DockerEngine
from tests.e2e.support import Bench, container, mounted, pod

pytestmark = pytest.mark.docker

WORK = mounted("work", "/work")


def test_a_seed_fails_as_often_as_it_says(bench: Bench, docker_engine: DockerEngine) -> None:
    """Each run has an empty volume, and the first event that differs is the end of the init container."""
    name = bench.name("seeded")
    first = container("prepare", "test ! -e /work/mark && touch /work/mark", **WORK)
    second = container("migrate", "test $((SEED % 4)) != 0 || { echo no luck; exit 3; }")
    value = pod(
        name,
        container("main", "exit 0"),
        inits=[first, second],
        volumes=[{"name": "work", "emptyDir": {}}],
        restartPolicy="Never",
    )
    path = bench.write(value)
    done = bench("repeat", "-n", "4", "--parallel", "4", "--env", "migrate:SEED={n}", path, "-o", "json")
    assert done.code == 1, done.err
    found = json.loads(done.out)
    assert (found["total"], found["failed"], found["passed"]) == (4, 1, 3)
    (failed,) = [one for one in found["outcomes"] if not one["passed"]]
    assert (failed["repetitions"], failed["lastLines"]) == ([4], ["no luck"])
    first_event = failed["firstDifference"]
    assert (first_event["container"], first_event["event"], first_event["inGoodRun"]) == (
        "migrate",
        "exit code 3",
        "exit code 0",
    )
    with Runner(home=bench.environ["PODRUNNER_HOME"], engine=docker_engine) as runner:
        again = runner.repeat(value, n=2, parallel=2, env={"migrate": {"SEED": "{n}4"}}, timeout=120)
    assert (again.passed, again.failed) == (1, 1)
    assert bench.all_left() == []


def test_an_interrupted_series_leaves_nothing(bench: Bench) -> None:
    name = bench.name("seeded")
    path = bench.write(
        pod(name, container("main", "exit 0"), inits=[container("migrate", "exit 3")], restartPolicy="Never")
    )
    process = bench.start("repeat", "-n", "500", "--parallel", "3", path)
    process.line("run ")
    process.interrupt()
    done = process.end()
    assert done.code == 130, done.err
    assert "runs failed, 0 passed: 0%" in done.out
    assert "of 500 runs are done" in done.err
    assert bench.all_left() == []
