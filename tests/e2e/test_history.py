"""What is known of a pod's attempts when the pod is over, or its process was killed."""

from __future__ import annotations

import json

import pytest

from tests.e2e.support import Bench, container, mounted, pod

pytestmark = pytest.mark.docker

WORK = mounted("work", "/work")
FLAKY = "echo try >> /work/log; test $(grep -c try /work/log) -ge 3"


def test_after_its_end_a_pod_tells_what_every_attempt_did(bench: Bench) -> None:
    """Each failed attempt shows its own changes alone, though another init container has written before."""
    name = bench.name("flaky")
    inits = [container("first", "echo one > /work/one", **WORK), container("second", FLAKY, **WORK)]
    volumes = [{"name": "work", "emptyDir": {}}]
    path = bench.write(pod(name, container("main", "exit 0"), inits=inits, volumes=volumes, restartPolicy="OnFailure"))
    done = bench("run", path, "--retry", "container", "--speed", "50")
    assert done.code == 0, done.err
    traced = json.loads(bench("trace", name, "-o", "json").out)
    attempts = {(one["container"], one["attempt"]): one for one in traced["attempts"]}
    assert [(key, one["exitCode"]) for key, one in attempts.items()] == [
        (("first", 0), 0),
        (("second", 0), 1),
        (("second", 1), 1),
        (("second", 2), 0),
        (("main", 0), 0),
    ]
    changed = {
        key: one["volumes"] and [(c["path"], c["what"]) for c in one["volumes"]] for key, one in attempts.items()
    }
    assert changed["second", 0] == [("log", "added")]
    assert changed["second", 1] == [("log", "changed")]
    assert (changed["first", 0], changed["second", 2]) == (None, None)
    verbs = {call["verb"] for call in attempts["second", 1]["calls"]}
    assert {"create_container", "start_container"} <= verbs
    assert attempts["second", 0]["ranSeconds"] < attempts["second", 0]["stretches"][0]["seconds"] + 60
    (run,) = json.loads(bench("history", "-o", "json").out)["runs"]
    assert (run["exitCode"], run["pods"]) == (0, [name])
    assert "attempt 0" in bench("diff", f"{name}@{run['run']}", "-c", "second", "0", "1").out
    bench.assert_nothing_left(name)


def test_the_record_of_a_run_that_was_killed_can_be_read(bench: Bench) -> None:
    name = bench.name("killed")
    process = bench.start("run", bench.write(pod(name, container("main", "echo here; sleep 3600"))))
    process.line("here", stream="out")
    bench.until(lambda: "here" in bench("logs", f"{name}@last").out, "the output is recorded")
    (run,) = json.loads(bench("history", "-o", "json").out)["runs"]
    assert run["result"] == "running"
    process.kill()
    process.end()
    (run,) = json.loads(bench("history", "-o", "json").out)["runs"]
    assert run["result"] == "killed"
    assert "here" in bench("trace", "last").out
    assert bench("gc").code == 0
    assert bench("attempts", "last").code == 0
