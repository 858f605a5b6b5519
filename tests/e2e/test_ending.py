"""How a run ends: by signals, in time or not, with or without an Engine, and what is kept."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest

from runner.clock import Wakeup
from tests.e2e.support import Bench, container, pod, until, with_time_enough

pytestmark = pytest.mark.docker

STUBBORN = "trap '' TERM; echo up; while :; do sleep 1; done"


def test_sigterm_ends_gracefully_like_ctrl_c(bench: Bench) -> None:
    name = bench.name("term")
    run = bench.start("run", bench.write(pod(name)))
    run.line("up", stream="out")
    run.terminate()
    done = run.end()
    assert done.code == 130
    assert done.statuses[-2:] == ["Terminating", "Completed"], "the trap ended it with 0"
    bench.assert_nothing_left(name)


def is_asleep(process: int) -> bool:
    """Whether the main thread waits without having been woken for a while."""
    switches = [line for line in Path(f"/proc/{process}/status").read_text().splitlines() if "voluntary" in line]
    Wakeup().wait(0.5)
    return switches == [
        line for line in Path(f"/proc/{process}/status").read_text().splitlines() if "voluntary" in line
    ]


def test_a_signal_that_the_system_gives_to_another_thread_ends_a_run_too(bench: Bench) -> None:
    """Which of a process' threads takes a signal is the system's to choose; the one that waits may sleep on."""
    name = bench.name("astray")
    run = bench.start("run", bench.write(pod(name)))
    run.line("Running", "(1/1 ready)")
    main = run.process.pid
    until(lambda: is_asleep(main), "a wait without news")
    other = max(int(thread.name) for thread in Path(f"/proc/{main}/task").iterdir())
    assert other != main
    os.kill(other, signal.SIGINT)  # Linux tries the thread of this number first.
    run.line("deleting pods", seconds=20)
    assert run.end().code == 130
    bench.assert_nothing_left(name)


def test_the_second_ctrl_c_kills_at_once(bench: Bench) -> None:
    name = bench.name("stubborn")
    run = bench.start("run", bench.write(pod(name, container("main", STUBBORN), terminationGracePeriodSeconds=600)))
    run.line("up", stream="out")
    run.interrupt()
    run.line("Killing")
    run.interrupt()
    done = run.end()
    assert done.code == 130
    assert "killing" in done.err.splitlines()
    bench.assert_nothing_left(name)


def test_ctrl_c_cuts_a_back_off_short(bench: Bench) -> None:
    name = bench.name("waiting")
    run = bench.start("run", bench.write(pod(name, inits=[container("bad", "exit 1")])), "--backoff", "10m")
    run.line("Status", "Init:CrashLoopBackOff")
    run.interrupt()
    assert run.end().code == 130
    bench.assert_nothing_left(name)


def test_a_missing_image_ends_at_the_timeout_with_its_status_and_events(bench: Bench) -> None:
    name = bench.name("missing")
    bad = container("bad", "true", image="no-such-image:1")
    path = bench.write(pod(name, inits=[bad]))
    done = with_time_enough(
        5,
        lambda seconds: bench("run", path, "--timeout", f"{seconds}s"),
        lambda done: "Init:ImagePullBackOff" in done.statuses,
    )
    assert done.code == 4
    assert "Init:ImagePullBackOff" in done.statuses
    last = done.err[done.err.index("NAME ") :]
    assert last.splitlines()[1].split()[2] == "Init:ImagePullBackOff"
    assert 'Back-off pulling image "no-such-image:1"' in last
    bench.assert_nothing_left(name)


def test_a_misspelt_field_is_refused_before_anything_is_touched(bench: Bench) -> None:
    name = bench.name("misspelt")
    value = pod(name)
    value["spec"]["containers"][0]["imagePulPolicy"] = "Always"
    done = bench("run", bench.write(value))
    assert done.code == 2
    assert 'unknown field "spec.containers[0].imagePulPolicy"' in done.err
    assert "imagePullPolicy" in done.err
    assert bench.left(name) == []
    assert not Path(bench.environ["PODRUNNER_HOME"]).exists()


def test_without_an_engine_the_exit_code_is_3(bench: Bench) -> None:
    done = bench("run", bench.write(pod(bench.name())), environ={"DOCKER_HOST": "unix:///nowhere/docker.sock"})
    assert done.code == 3
    assert "/nowhere/docker.sock" in done.err
    assert "Traceback" not in done.err


@pytest.mark.parametrize(
    ("until", "status"),
    [
        pytest.param("initialized", ("Initialized", "True"), id="initialized"),
        pytest.param("ready", ("Ready", "True"), id="ready"),
    ],
)
def test_until_ends_the_run_when_it_is_reached(bench: Bench, until: str, status: tuple[str, str]) -> None:
    name = bench.name("until")
    path = bench.write(pod(name, inits=[container("one", "true")]))
    done = bench("run", path, "--until", until, "-o", "json", "-q")
    assert done.code == 0
    conditions = {one["type"]: one["status"] for one in json.loads(done.out)["status"]["conditions"]}
    assert conditions[status[0]] == status[1]
    bench.assert_nothing_left(name)


def test_until_completed_waits_for_the_end(bench: Bench) -> None:
    name = bench.name("until")
    path = bench.write(pod(name, container("main", "echo done"), restartPolicy="Never"))
    done = bench("run", path, "--until", "completed", "-o", "jsonpath={.status.phase}", "-q")
    assert (done.code, done.out) == (0, "Succeeded")


@pytest.mark.parametrize(
    ("keep", "script", "code", "kept"),
    [
        pytest.param("always", "true", 0, True, id="always"),
        pytest.param("failed", "exit 1", 1, True, id="failed, and it failed"),
        pytest.param("failed", "true", 0, False, id="failed, and it did not"),
    ],
)
def test_kept_pods_stay_until_another_process_deletes_them(
    bench: Bench, keep: str, script: str, code: int, kept: bool
) -> None:
    name = bench.name("kept")
    path = bench.write(pod(name, container("main", f"echo said; {script}"), restartPolicy="Never"))
    assert bench("run", path, "--keep", keep, "-q").code == code
    if kept:
        assert len(bench.containers(name)) == 2
        assert bench("logs", name).out == "said\n"
        assert bench("gc").code == 0
        assert bench("gc", environ={"PODRUNNER_HOME": str(bench.directory / "another home")}).code == 0
        assert len(bench.containers(name)) == 2, "what is kept is no garbage, for no state directory"
        assert bench("run", path, "-q").code == 2, "its name is taken"
        replaced = bench("run", path, "--replace", "--keep", keep, "-q")
        assert (replaced.code, f"deleted pod/{name}, which an earlier run had kept" in replaced.err) == (code, True)
        assert len(bench.containers(name)) == 2
        deleted = bench("delete", "po", name)
        assert (deleted.code, deleted.out) == (0, f'pod "{name}" deleted from default namespace\n')
    bench.assert_nothing_left(name)


def test_a_kept_pod_runs_on_and_is_ended_gracefully(bench: Bench) -> None:
    name = bench.name("kept")
    path = bench.write(pod(name))
    assert bench("run", path, "--until", "ready", "--keep", "always", "-q").code == 0
    (main,) = [status for one, status in bench.containers(name).items() if one.startswith("k8s_main")]
    assert main.startswith("Up")
    assert bench("delete", "-f", path).code == 0
    bench.assert_nothing_left(name)


def test_artifacts_tell_what_happened(bench: Bench) -> None:
    name = bench.name("artifacts")
    path = bench.write(pod(name, container("main", "echo hello"), restartPolicy="Never"))
    assert bench("run", path, "-q", "--artifacts", str(bench.directory / "out")).code == 0
    root = bench.directory / "out" / f"default_{name}"
    assert json.loads((root / "pod.json").read_text())["status"]["phase"] == "Succeeded"
    reasons = [event["reason"] for event in json.loads((root / "events.json").read_text())["items"]]
    assert reasons[0] == "Scheduled"
    assert "Started" in reasons
    trace = [json.loads(line) for line in (root / "trace.jsonl").read_text().splitlines()]
    assert trace[0]["pod"]["status"]["phase"] == "Pending"
    assert (root / "logs" / "main" / "0.log").read_text().endswith("Z hello\n")
    assert json.loads((root / "engine" / "main" / "0.json").read_text())["State"]["ExitCode"] == 0


def test_another_process_may_delete_a_pod_that_runs(bench: Bench) -> None:
    name = bench.name("deleted")
    run = bench.start("run", bench.write(pod(name)))
    run.line("→ Running (1/1 ready)")
    waiting = bench.start("wait", "--for=delete", f"pod/{name}")
    assert bench("delete", f"pod/{name}", "--grace-period", "5").code == 0
    done = run.end()
    assert (done.code, done.statuses[-1]) == (0, "Completed"), "its container ended with 0 when it was asked to"
    assert waiting.end().code == 0
    bench.assert_nothing_left(name)


@pytest.mark.parametrize("flags", [["--now"], ["--grace-period=0"], ["--force"]], ids=" ".join)
def test_a_deletion_without_grace_is_sigkill_and_nothing_before(bench: Bench, flags: list[str]) -> None:
    name = bench.name("stubborn")
    told = bench.directory / "told"
    told.mkdir(mode=0o777)
    hook = {"preStop": {"exec": {"command": ["touch", "/told/hook"]}}}
    obedient = "trap 'touch /told/term; exit 0' TERM; echo up; while :; do sleep 0.1; done"
    main = container("main", obedient, lifecycle=hook, volumeMounts=[{"name": "told", "mountPath": "/told"}])
    value = pod(name, main, volumes=[{"name": "told", "hostPath": {"path": str(told)}}])
    assert bench("run", bench.write(value), "--until", "ready", "--keep", "always", "-q").code == 0
    assert bench("delete", "po", name, *flags).code == 0
    assert list(told.iterdir()) == [], "neither the hook nor the signal came"
    bench.assert_nothing_left(name)


def test_a_living_run_kills_at_once_when_that_is_asked_for_meanwhile(bench: Bench) -> None:
    name = bench.name("stubborn")
    run = bench.start("run", bench.write(pod(name, container("main", STUBBORN), terminationGracePeriodSeconds=600)))
    run.line("up", stream="out")
    assert bench("delete", "po", name, "--wait=false").code == 0
    run.line("Killing")
    assert bench("delete", "po", name, "--now").code == 0
    assert "Error" in run.end().statuses[-1:][0], "SIGKILL ended it"
    bench.assert_nothing_left(name)
