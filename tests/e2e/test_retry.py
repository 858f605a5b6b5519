"""What runs again when a container fails, in both scopes, and when it is given up."""

from __future__ import annotations

import json

import pytest

from tests.e2e.support import Bench, container, mounted, pod

pytestmark = pytest.mark.docker

NOTE = mounted("shared", "/shared")
SHARED = [{"name": "shared", "emptyDir": {}}]
FLAKY = "echo two >> /shared/log; test $(grep -c two /shared/log) -ge 3"


@pytest.mark.parametrize(
    ("scope", "first_runs", "log"),
    [
        pytest.param("pod", 3, ["one", "two", "one", "two", "one", "two"], id="the whole pod"),
        pytest.param("container", 1, ["one", "two", "two", "two"], id="the failed container alone"),
    ],
)
def test_an_init_container_that_fails_twice_is_retried_in_the_scope(
    bench: Bench, scope: str, first_runs: int, log: list[str]
) -> None:
    """The volume keeps what every attempt wrote; the main container runs once, after the last init container."""
    name = bench.name("flaky")
    path = bench.write(
        pod(
            name,
            container("main", "echo main >> /shared/log; cat /shared/log", **NOTE),
            inits=[container("one", "echo one >> /shared/log", **NOTE), container("two", FLAKY, **NOTE)],
            volumes=SHARED,
            restartPolicy="OnFailure",
        )
    )
    done = bench("run", path, "--retry", scope, "--speed", "20", "--artifacts", str(bench.directory / "kept"))
    assert done.code == 0, done.err
    assert [line.partition("| ")[2] for line in done.out.splitlines()] == [*log, "main"]
    engine = bench.directory / "kept" / f"default_{name}" / "engine"
    attempts = {part: sorted(file.stem for file in (engine / part).iterdir()) for part in ("one", "two", "main")}
    assert attempts["one"] == [str(n) for n in range(first_runs)]
    assert attempts["two"] == ["0", "1", "2"]
    assert len(attempts["main"]) == 1
    # On a busy machine a short back-off is over before the failure is seen.
    assert {"Init:CrashLoopBackOff", "Init:Error"} & {*done.statuses}
    assert "back-off 500ms (10s at normal speed)" in done.err
    assert f"--retry {scope}" in done.err
    assert done.statuses.index("Init:CrashLoopBackOff") < done.statuses.index("PodInitializing")
    bench.assert_nothing_left(name)


def test_statuses_show_the_nominal_back_off(bench: Bench) -> None:
    name = bench.name("nominal")
    path = bench.write(pod(name, inits=[container("bad", "exit 4")]))
    done = bench("run", path, "--speed", "100", "--max-restarts", "2", "-o", "json", "-q")
    assert done.code == 1
    (status,) = json.loads(done.out)["status"]["initContainerStatuses"]
    assert status["restartCount"] == 2
    assert "gave up after too many restarts of bad" in done.err
    bench.assert_nothing_left(name)


def test_a_failing_init_container_ends_a_pod_that_is_never_restarted(bench: Bench) -> None:
    name = bench.name("never")
    path = bench.write(pod(name, inits=[container("bad", "echo why; exit 3")], restartPolicy="Never"))
    done = bench("run", path, "-o", "json", "--artifacts", str(bench.directory / "kept"))
    assert done.code == 1
    value = json.loads(done.out)
    assert value["status"]["phase"] == "Failed"
    assert value["status"]["initContainerStatuses"][0]["state"]["terminated"]["exitCode"] == 3
    assert not (bench.directory / "kept" / f"default_{name}" / "engine" / "main").exists()
    assert "main: Container created" not in done.err
    assert "why" in done.err, "with a machine format the logs go to standard error"
    bench.assert_nothing_left(name)


@pytest.mark.parametrize(
    ("policy", "script", "code", "restarts"),
    [
        pytest.param("Never", "exit 0", 0, 0, id="Never, success"),
        pytest.param("Never", "exit 5", 1, 0, id="Never, failure"),
        pytest.param("OnFailure", "exit 0", 0, 0, id="OnFailure, success"),
        pytest.param(
            "OnFailure", "test -e /shared/x || { touch /shared/x; exit 1; }", 0, 1, id="OnFailure, second try"
        ),
    ],
)
def test_a_job_like_pod_completes(bench: Bench, policy: str, script: str, code: int, restarts: int) -> None:
    name = bench.name("job")
    path = bench.write(pod(name, container("main", script, **NOTE), volumes=SHARED, restartPolicy=policy))
    done = bench("run", path, "-o", "json", "-q")
    assert done.code == code, done.err
    status = json.loads(done.out)["status"]
    assert status["phase"] == ("Failed" if code else "Succeeded")
    assert status["containerStatuses"][0]["restartCount"] == restarts
    bench.assert_nothing_left(name)


def test_the_exit_code_of_a_container_is_passed_on(bench: Bench) -> None:
    name = bench.name("code")
    path = bench.write(pod(name, container("main", "exit 7"), restartPolicy="Never"))
    assert bench("run", path, "--exit-code-from", "main", "-q").code == 7
    bench.assert_nothing_left(name)


def test_always_pulls_for_every_start(bench: Bench) -> None:
    name = bench.name("pulls")
    flaky = container("main", "test -e /shared/x || { touch /shared/x; exit 1; }", imagePullPolicy="Always", **NOTE)
    done = bench("run", bench.write(pod(name, flaky, volumes=SHARED, restartPolicy="OnFailure")))
    assert done.code == 0, done.err
    assert [reason for reason, _ in done.events].count("Pulling") == 2
    bench.assert_nothing_left(name)
