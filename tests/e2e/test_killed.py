"""``kill -9`` at any moment of a pod's life, and what sweeping up leaves: nothing."""

from __future__ import annotations

import pytest

from tests.e2e.support import Bench, container, mounted, pod, until

pytestmark = [pytest.mark.docker, pytest.mark.usefixtures("alone")]

STUBBORN = "trap '' TERM; echo up; while :; do sleep 1; done"
VOLUME = mounted("shared", "/shared")


@pytest.mark.parametrize(
    ("words", "first", "second"),
    [
        pytest.param(("Status", "Pending"), "true", "true", id="before the sandbox is known"),
        pytest.param(("Normal", "Pulling", "one:"), "true", "true", id="during a pull"),
        pytest.param(("Normal", "Started", "one:"), "sleep 600", "true", id="while the first init container runs"),
        pytest.param(("Status", "Init:1/2"), "true", "true", id="between the init containers"),
        pytest.param(("Status", "Init:CrashLoopBackOff"), "true", "exit 1", id="while a retry is waited for"),
        pytest.param(("Status", "→ Running (1/1 ready)"), "true", "true", id="while the main container runs"),
    ],
)
def test_gc_leaves_nothing_of_a_run_that_was_killed(
    bench: Bench, words: tuple[str, ...], first: str, second: str
) -> None:
    name = bench.name("killed")
    inits = [container("one", first, imagePullPolicy="Always", **VOLUME), container("two", second, **VOLUME)]
    main = container("main", STUBBORN, **VOLUME)
    run = bench.start("run", bench.write(pod(name, main, inits=inits, volumes=[{"name": "shared", "emptyDir": {}}])))
    run.line(*words)
    run.kill()
    _swept(bench, name)


def test_gc_leaves_nothing_of_a_run_that_was_killed_while_it_deleted(bench: Bench) -> None:
    name = bench.name("killed")
    run = bench.start("run", bench.write(pod(name, container("main", STUBBORN))))
    run.line("up", stream="out")
    run.interrupt()
    run.line("Killing")
    run.kill()
    _swept(bench, name)


def test_a_dry_run_only_tells(bench: Bench) -> None:
    name = bench.name("killed")
    run = bench.start("run", bench.write(pod(name)))
    run.line("→ Running (1/1 ready)")
    run.kill()
    told = bench("gc", "--dry-run").out
    assert f"would remove pod default/{name}\n" in told
    assert len(bench.containers(name)) == 2
    _swept(bench, name)


def test_a_living_owner_is_left_alone(bench: Bench) -> None:
    name = bench.name("alive")
    run = bench.start("run", bench.write(pod(name)))
    run.line("→ Running (1/1 ready)")
    assert bench("gc").code == 0
    assert len(bench.containers(name)) == 2
    run.interrupt()
    assert run.end().code == 130


def test_the_name_of_a_killed_run_can_be_used_at_once(bench: Bench) -> None:
    name = bench.name("again")
    path = bench.write(pod(name))
    run = bench.start("run", path)
    run.line("→ Running (1/1 ready)")
    run.kill()
    assert bench("run", path, "--until", "ready", "-q").code == 0
    bench.assert_nothing_left(name)


def test_a_pod_whose_run_was_killed_can_be_deleted(bench: Bench) -> None:
    name = bench.name("orphan")
    run = bench.start("run", bench.write(pod(name)))
    run.line("→ Running (1/1 ready)")
    run.kill()
    assert bench("delete", "po", name).code == 0
    bench.assert_nothing_left(name)


def test_the_next_run_sweeps_what_a_killed_one_has_left(bench: Bench) -> None:
    """Its objects too: they were written under its lease."""
    name, settings = bench.name("left"), bench.name("settings")
    config = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": settings}, "data": {"k": "v"}}
    killed = bench.start("run", bench.write(config, pod(name)))
    killed.line("→ Running (1/1 ready)")
    killed.kill()
    assert bench.store.get("ConfigMap", "default", settings) is not None
    following = bench.name("next")
    run = bench.start("run", bench.write(pod(following), name="next.yaml"))
    run.line("→ Running (1/1 ready)")
    until(lambda: bench.store.get("ConfigMap", "default", settings) is None, "the sweep")
    assert bench.left(name) == []
    assert [one["metadata"]["name"] for one in bench.store.list("Pod").items] == [following]
    run.interrupt()
    assert run.end().code == 130
    bench.assert_nothing_left(following)


def _swept(bench: Bench, name: str) -> None:
    swept = bench("gc")
    assert swept.code == 0, swept.err
    assert f"removed pod default/{name}\n" in swept.out
    bench.assert_nothing_left(name)
    assert f"/{name}\n" not in bench("gc").out
