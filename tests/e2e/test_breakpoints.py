"""Breakpoints on the real Engine: a pod stands, nothing of it goes on, and it goes on as another process says."""

from __future__ import annotations

import json
import secrets
from functools import partial
from pathlib import Path

import pytest

from runner import PodError, Runner, UsageError
from runner.core.faults.breakpoints import stopped_at
from runner.engine.docker import DockerEngine
from tests.e2e.support import Bench, container, mounted, pod

pytestmark = pytest.mark.docker

FAILS = "exit 3"


def test_a_pod_stands_at_breakpoints_until_another_process_lets_it_go_on(bench: Bench) -> None:
    name = bench.name("stands")
    file = bench.write(
        pod(name, container("app", "exit 0"), inits=[container("migrate", FAILS)], restartPolicy="Never")
    )
    run = bench.start("run", file, "--break", "migrate#0.failed", "--break", "migrate#1.failed")
    run.line("stands still", "attempt 0")
    assert stopped_at(bench.pod(name)) == "migrate#0.failed"
    assert "migrate#0.failed" in bench("describe", "pod", name).out
    refused = bench("retry", name)
    assert (refused.code, f"pod {name} stands at breakpoint migrate#0.failed" in refused.err) == (1, True)
    again = bench("continue", name, "--retry")
    assert (again.code, again.out) == (0, f"pod/{name} goes on from migrate#0.failed: the attempt is made again\n")
    run.line("stands still", "attempt 1")
    assert bench("continue", "--skip").code == 0
    done = run.end()
    assert done.code == 0, done.err
    assert f"pod/{name} stands still: attempt 1 of migrate has failed (exit code 3)" in done.err
    assert ("Breakpoint", "migrate: Stopped at breakpoint migrate#1.failed, exit code 3") in done.events
    bench.assert_nothing_left(name)


def test_a_run_is_interrupted_while_its_pod_stands(bench: Bench) -> None:
    name = bench.name("interrupted")
    file = bench.write(pod(name, container("app", "exit 0"), inits=[container("migrate", FAILS)]))
    run = bench.start("run", file, "--timeout", "1s", "--break", "migrate.created")
    run.line("stands still")
    assert stopped_at(bench.pod(name)) == "migrate#0.created"
    run.interrupt()
    done = run.end()
    assert done.code == 130, done.err
    assert "ValueError" not in done.err
    bench.assert_nothing_left(name)


NOWHERE = "localhost:1/team/app:1"
SLOW = ("--speed", "0.01")
"""Ten seconds of back-off take a thousand: nothing that waits for them ends by itself."""


def test_a_back_off_ends_at_once_when_somebody_says_retry(bench: Bench) -> None:
    """Of a crash, again and again, and of an image that nobody has."""
    crash, pull = bench.name("crash"), bench.name("pull")
    inits = [container("migrate", "echo try >> /s/log; test $(grep -c try /s/log) -ge 4", **mounted("s", "/s"))]
    crashes = bench.write(
        pod(crash, container("app", "exit 0"), inits=inits, volumes=[{"name": "s", "emptyDir": {}}]), name="crash.yaml"
    )
    pulls = bench.write(pod(pull, {**container("app"), "image": NOWHERE}), name="pull.yaml")
    crashing = bench.start("run", crashes, *SLOW, "--until", "initialized", "--retry", "container")
    pulling = bench.start("run", pulls, *SLOW, "--no-fail-fast")
    for restarts in (1, 2):
        waits = partial(_waits, bench, crash, "CrashLoopBackOff", restarts)
        bench.until(waits, f"the wait after {restarts} restarts")
        asked = bench("retry", crash)
        assert (asked.code, asked.out) == (0, f"pod/{crash} tries again: migrate\n"), asked.err
    done = crashing.end()
    assert done.code == 0, done.err
    bench.until(lambda: _waits(bench, pull, "ImagePullBackOff"), "the wait for another pull")
    before = _pulls(bench, pull)
    assert bench("retry", pull).code == 0
    bench.until(lambda: _pulls(bench, pull) > before, "another pull")
    assert bench("delete", "pod", pull).code == 0
    pulling.end()
    bench.assert_nothing_left(pull)


def _waits(bench: Bench, name: str, reason: str, restarts: int = 0) -> bool:
    found = [one for one in bench.store.list("Pod").items if one["metadata"]["name"] == name]
    status = found[0].get("status") or {} if found else {}
    every = [*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())]
    return any(
        ((one.get("state") or {}).get("waiting") or {}).get("reason") == reason and one["restartCount"] == restarts
        for one in every
    )


def _pulls(bench: Bench, name: str) -> int:
    done = bench("events", "--for", f"pod/{name}", "-o", "json")
    assert done.code == 0, done.err
    return sum(int(one.get("count") or 1) for one in json.loads(done.out)["items"] if one["reason"] == "Pulling")


def test_every_end_of_a_pod_that_stands_leaves_nothing(bench: Bench) -> None:
    """Deleted from elsewhere, ended by SIGTERM, killed and swept; kept, it stands nowhere any more."""
    names = {way: bench.name(way) for way in ("deleted", "ended", "kept", "killed")}
    runs = {
        way: bench.start(
            "run",
            bench.write(pod(name, container("app", "exit 0"), inits=[container("migrate", FAILS)]), name=f"{way}.yaml"),
            "--break",
            "migrate.failed",
            "--keep",
            "always" if way == "kept" else "never",
        )
        for way, name in names.items()
    }
    for run in runs.values():
        run.line("stands still")
    late = bench("wait", f"pod/{names['deleted']}", "--for=condition=Ready", "--timeout=1s")
    assert late.code != 0
    assert "timed out" in late.err
    assert bench("delete", "pod", names["deleted"]).code == 0
    assert "Traceback" not in runs["deleted"].end().err
    runs["ended"].terminate()
    assert runs["ended"].end().code == 130
    runs["kept"].interrupt()
    assert runs["kept"].end().code == 130
    assert stopped_at(bench.pod(names["kept"])) == ""
    assert bench("delete", "pod", names["kept"]).code == 0
    runs["killed"].kill()
    assert bench("gc").code == 0
    assert [bench.left(name) for name in names.values()] == [[], [], [], []]
    assert bench.store.list("Pod").items == []


def test_a_program_says_how_a_pod_goes_on(docker_engine: DockerEngine, tmp_path: Path) -> None:
    value = pod(f"told-{secrets.token_hex(4)}", container("app"), inits=[container("migrate", FAILS)])
    with Runner(engine=docker_engine, home=tmp_path / "home") as runner:
        stops = ["migrate.failed"]
        found = runner.run(value, breakpoints=stops, retry="container", timeout=120)
        with found.stopped_at("migrate#0.failed") as stop:
            assert stop.where == "migrate#0.failed"
            with pytest.raises(PodError, match=r"stands at breakpoint migrate#0\.failed"):
                found.retry()
            stop.resume("retry")
        with pytest.raises(UsageError, match='did you mean "skip"'), found.stopped_at("migrate.failed") as stop:
            stop.resume("skp")
        with found.stopped_at("migrate#2.failed", timeout=120) as stop:
            stop.resume("skip")
        found.wait_for("ready", timeout=120)
        with pytest.raises(PodError, match="does not wait for another try"):
            found.retry()
