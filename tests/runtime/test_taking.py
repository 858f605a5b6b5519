"""Of two that want to remove what a dead one held, one does it; and who dies over it is a dead one again."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing, suppress
from pathlib import Path
from typing import cast

import pytest

from runner import Runner
from runner.clock import SystemClock
from runner.core.labels import MANAGED, OWNER
from runner.engine.protocol import Engine
from runner.errors import NoSuchObject
from runner.janitor.gc import GcReport, remove_pod, sweep
from runner.registry.holders import NodeInstance, PodIsOwned, take_over
from runner.registry.home import Home
from runner.registry.sqlite import SqliteRegistry
from tests.runtime.leftovers import DEAD, LeftoverEngine

RACES = 200
SECONDS = 60.0

SWEEPER = """
import sys
from pathlib import Path
from runner.registry.holders import NodeInstance, take_over
from runner.registry.home import Home
from runner.registry.sqlite import SqliteRegistry

home = Home(Path(sys.argv[1]))
node = NodeInstance(home)
take_over(SqliteRegistry(home), "u1", node.id, node.is_alive)
print("taken", flush=True)
sys.stdin.readline()
"""


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


@pytest.fixture
def registry(home: Home) -> Iterator[SqliteRegistry]:
    with closing(SqliteRegistry(home)) as made:
        yield made


def leave(engine: LeftoverEngine, registry: SqliteRegistry, uid: str, holder: str = DEAD) -> None:
    """What a process has left that was killed."""
    engine.add_pod(uid, DEAD)
    value = {"kind": "Pod", "metadata": {"name": f"pod-{uid}", "namespace": "default", "uid": uid}, "spec": {}}
    registry.create(value, holder=holder, lease=f"{DEAD}@1234#1")


@pytest.mark.parametrize("other", ["sweep", "delete"])
def test_of_two_that_race_one_removes_the_pod(home: Home, registry: SqliteRegistry, other: str) -> None:
    """Each looks at the registry with a connection of its own, as processes do."""
    engine, start, problems = LeftoverEngine(), threading.Barrier(3, timeout=SECONDS), list[BaseException]()
    with ExitStack() as stack:
        runners = [stack.enter_context(Runner(home=home, engine=cast(Engine, engine))) for _ in range(2)]

        def sweeps(runner: Runner) -> None:
            sweep(engine, runner.registry, home, SystemClock())

        def deletes(runner: Runner) -> None:
            with suppress(NoSuchObject):
                for pod in runner.registry.list("Pod").items:
                    deletion = runner.client.delete("Pod", "default", pod["metadata"]["name"], grace=0)
                    runner.client.finish([deletion])
                    deletion.wait(SECONDS)

        def work(runner: Runner, remove: object) -> None:
            for _ in range(RACES):
                start.wait()
                try:
                    remove(runner)  # type: ignore[operator]
                except BaseException as error:
                    problems.append(error)
                start.wait()

        ways = [sweeps, sweeps if other == "sweep" else deletes]
        threads = [threading.Thread(target=work, args=pair) for pair in zip(runners, ways, strict=True)]
        for thread in threads:
            thread.start()
        for number in range(RACES):
            leave(engine, registry, f"u{number}")
            start.wait()
            start.wait()
        for thread in threads:
            thread.join()
    assert problems == []
    removals = [call for call in engine.calls if call.startswith("remove")]
    assert (len(removals), len(set(removals))) == (3 * RACES, 3 * RACES), "each was removed once"
    assert engine.left == set()
    assert registry.list("Pod").items == []


@pytest.mark.parametrize("is_named", [True, False], ids=["of a pod", "of nobody"])
def test_of_two_sweeps_that_race_one_removes_what_no_record_tells_of(
    home: Home, registry: SqliteRegistry, is_named: bool
) -> None:
    """There is nothing in the registry to be taken by compare-and-swap."""
    engine, start, problems = LeftoverEngine(), threading.Barrier(3, timeout=SECONDS), list[BaseException]()
    reports = list[GcReport]()

    def work() -> None:
        with closing(SqliteRegistry(home)) as own:
            for _ in range(RACES):
                start.wait()
                try:
                    reports.append(sweep(engine, own, home, SystemClock()))
                except BaseException as error:
                    problems.append(error)
                start.wait()

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for number in range(RACES):
        if is_named:
            engine.add_pod(f"u{number}", DEAD)
        else:
            engine.add_volume(f"v{number}", {MANAGED: "1", OWNER: DEAD})
        start.wait()
        start.wait()
    for thread in threads:
        thread.join()
    assert problems == []
    told = [name for report in reports for name in (*report.containers, *report.volumes)]
    removals = [call for call in engine.calls if call.startswith("remove")]
    wanted = RACES * (3 if is_named else 1)
    assert (len(removals), len(set(removals)), len(told), len(set(told))) == (wanted,) * 4, "each once"
    assert engine.left == set()
    assert list(home.locks.glob("*.lock")) == []


def test_what_a_killed_sweep_has_taken_is_swept_by_the_next(home: Home, registry: SqliteRegistry) -> None:
    engine = LeftoverEngine()
    leave(engine, registry, "u1")
    sweeper = subprocess.Popen(
        [sys.executable, "-c", SWEEPER, str(home.path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert sweeper.stdout is not None
    assert sweeper.stdout.readline() == "taken\n"
    assert sweep(engine, registry, home, SystemClock()).is_empty, "somebody is about it"
    with pytest.raises(PodIsOwned):
        remove_pod(engine, registry, home, SystemClock(), "u1")
    sweeper.kill()
    sweeper.communicate()
    assert sweep(engine, registry, home, SystemClock()).pods == ("default/pod-u1",)
    assert engine.left == set()


def test_a_pod_whose_node_has_died_waits_as_long_as_its_run_lives(home: Home, registry: SqliteRegistry) -> None:
    from runner.registry.leases import new_lease

    engine = LeftoverEngine()
    leave(engine, registry, "u1", holder="0123456789abcdef")
    registry.ledger.lend("u1", new_lease(home))
    for everything in (False, True):
        assert sweep(engine, registry, home, SystemClock(), everything=everything).is_empty
    with NodeInstance(home) as node:
        take_over(registry, "u1", node.id, node.is_alive)
        assert registry.ledger.holder("u1") == node.id
        with pytest.raises(PodIsOwned), NodeInstance(home) as another:
            take_over(registry, "u1", another.id, another.is_alive)
