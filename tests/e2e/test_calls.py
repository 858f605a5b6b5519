"""What ``run -vv`` shows of the calls to the Engine."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from runner.clock import SystemClock
from tests.e2e.support import BUSYBOX, Bench, container, mounted, pod

pytestmark = pytest.mark.docker

_LINE = re.compile(r"^runner\.engine: (?P<name>[a-z_.]+) (?P<target>\S+) \d+\.\d{3} s (?P<outcome>\w+)$", re.MULTILINE)


def test_very_verbose_shows_each_call_with_its_target_and_time_and_no_argument(bench: Bench) -> None:
    name, canary = bench.name("calls"), "canary-4711"
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": canary},
        "stringData": {"password": canary},
    }
    manifest = pod(
        name,
        container(
            "main",
            f"echo {canary} >/dev/null; true",
            env=[
                {"name": "WORD", "value": canary},
                {"name": "PASSWORD", "valueFrom": {"secretKeyRef": {"name": canary, "key": "password"}}},
            ],
            **mounted("login", "/login"),
        ),
        inits=[container("first", f": {canary}")],
        volumes=[{"name": "login", "secret": {"secretName": canary}}],
        restartPolicy="Never",
    )
    done = bench("run", bench.write(secret, manifest), "-vv")
    assert done.code == 0
    calls = [match.groups() for match in _LINE.finditer(done.err)]
    told = [line for line in done.err.splitlines() if line.startswith("runner.engine: ")]
    assert len(calls) == len(told), "every line has name, target, seconds and outcome, and nothing else"
    prefix = f"default/{name}"
    assert {
        ("create_container", f"{prefix}/POD#0", "ok"),
        ("create_container", f"{prefix}/first#0", "ok"),
        ("create_container", f"{prefix}/main#0", "ok"),
        ("start_container", f"{prefix}/main#0", "ok"),
        ("inspect_container", f"{prefix}/main#0", "ok"),
        ("inspect_image", f"{prefix}/main", "ok"),
        ("list_containers", prefix, "ok"),
        ("logs", f"{prefix}/main#0", "ok"),
        ("logs.end", f"{prefix}/main#0", "ok"),
        ("remove_container", f"{prefix}/main#0", "ok"),
        ("events", "-", "ok"),
    } <= set(calls)
    assert canary not in done.err
    assert not any(BUSYBOX in line for line in told)
    bench.assert_nothing_left(name)


def test_a_life_asks_the_engine_for_little(bench: Bench) -> None:
    """Each container is looked at when it was started and when it has ended; a list now and then finds what was not told."""
    name = bench.name("calls")
    manifest = pod(
        name,
        container("main", "echo main"),
        inits=[container("first", "echo first"), container("second", "echo second")],
        restartPolicy="Never",
    )
    clock = SystemClock()
    began = clock.steady()
    done = bench("run", bench.write(manifest), "-vv")
    lists = (clock.steady() - began) / 10
    assert done.code == 0
    calls = Counter((match["name"], match["target"].rpartition("/")[2]) for match in _LINE.finditer(done.err))
    for attempt in ("first#0", "second#0", "main#0"):
        assert calls["inspect_container", attempt] <= 3, "as it starts, as it ends, for whoever reads its output"
        assert 1 <= calls["logs", attempt] <= 2
    assert calls["inspect_container", "POD#0"] <= 3
    # What others have left, what is to be stopped, what is to be removed, and whether it is; before the run and after it.
    assert sum(count for (verb, _), count in calls.items() if verb == "list_containers") <= 6 + lists
    assert sum(count for (verb, _), count in calls.items() if verb == "inspect_image") <= 2, "the sandbox's and busybox"
    assert calls["kill_container", "POD#0"] == 1
    assert not any(verb == "stop_container" for verb, _ in calls)


def test_a_run_that_is_less_verbose_shows_no_calls(bench: Bench) -> None:
    name = bench.name("calls")
    done = bench("run", bench.write(pod(name, container("main", "true"), restartPolicy="Never")), "-v")
    assert (done.code, "runner.engine: " in done.err) == (0, False)
