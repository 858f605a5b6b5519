"""What becomes of a pod whose node or whose run was killed: one answer for each, for every sweep and every node."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from runner.clock import VirtualClock
from runner.core.fates import Fate
from runner.engine.simulated import SimulatedEngine
from runner.janitor.gc import sweep
from runner.registry.contract import Registry
from runner.registry.fates import Fates
from runner.registry.holders import NodeInstance, PodIsOwned, take_in, was_held
from runner.registry.home import Home
from runner.registry.leases import new_lease
from runner.registry.sqlite import SqliteRegistry
from tests.registry.support import pod, thing

PROCESS = """
import sys
from pathlib import Path
from runner.registry.holders import NodeInstance
from runner.registry.home import Home
from runner.registry.leases import new_lease

home = Home(Path(sys.argv[1]))
node = NodeInstance(home)
print(node.id, new_lease(home), flush=True)
sys.stdin.readline()
"""


class Processes:
    """This process and another one, each a node and a run; the other one is killed by ``kill``."""

    def __init__(self, home: Home, stack: ExitStack) -> None:
        self.home = home
        self.instance = stack.enter_context(NodeInstance(home))
        self._other = subprocess.Popen(
            [sys.executable, "-c", PROCESS, str(home.path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        stack.callback(self.kill)
        assert self._other.stdout is not None
        node, lease = self._other.stdout.readline().split()
        self.nodes = {"ours": self.instance.id, "other": node, "none": ""}
        self.leases = {"ours": new_lease(home), "other": lease, "none": ""}

    def kill(self) -> None:
        self._other.kill()
        self._other.communicate()


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[SqliteRegistry]:
    made = SqliteRegistry(Home(tmp_path))
    yield made
    made.close()


@pytest.fixture
def processes(tmp_path: Path) -> Iterator[Processes]:
    with ExitStack() as stack:
        yield Processes(Home(tmp_path), stack)


def swept(registry: Registry, processes: Processes) -> None:
    clock = VirtualClock()
    sweep(SimulatedEngine(clock), registry, processes.home, clock, strangers=False)


def state(registry: Registry, kind: str = "Pod") -> str:
    found = registry.get(kind, "default", "web")
    if found is None:
        return "gone"
    return "asked to end" if "deletionTimestamp" in found["metadata"] else "there"


@pytest.mark.parametrize(
    ("node", "run", "is_kept", "fate", "left"),
    [
        pytest.param("other", "ours", False, Fate.WAITS, "there", id="the node is dead, the run lives"),
        pytest.param("ours", "other", False, Fate.ENDS, "asked to end", id="the node lives, the run is dead"),
        pytest.param("other", "other", False, Fate.GOES, "gone", id="both are dead"),
        pytest.param("ours", "ours", False, Fate.RUNS, "there", id="both live"),
        pytest.param("other", "none", False, Fate.WAITS, "there", id="the node is dead, no run has written it"),
        pytest.param("none", "none", False, Fate.WAITS, "there", id="it has had no node, no run has written it"),
        pytest.param("none", "other", False, Fate.GOES, "gone", id="it has no node, and the run is dead"),
        pytest.param("other", "other", True, Fate.STAYS, "there", id="both are dead, it is kept"),
        pytest.param("ours", "other", True, Fate.RUNS, "there", id="the run is dead, it is kept and has a node"),
    ],
)
def test_a_pod_has_one_fate_when_a_process_is_killed_and_a_sweep_goes_by_it(
    registry: SqliteRegistry, processes: Processes, node: str, run: str, is_kept: bool, fate: Fate, left: str
) -> None:
    registry.create(pod(uid="u"), holder=processes.nodes[node], lease=processes.leases[run])
    if is_kept:
        registry.ledger.keep("u")
    processes.kill()
    value = registry.get_by_uid("u")
    assert value is not None
    assert Fates(registry, processes.instance.is_alive).of(value) is fate
    for _ in range(2):
        swept(registry, processes)
        assert state(registry) == left
    if fate is Fate.ENDS:
        ending = registry.get_by_uid("u")
        assert ending is not None
        assert ending["metadata"]["deletionGracePeriodSeconds"] == 30, "its own"
        assert Fates(registry, processes.instance.is_alive).of(ending) is Fate.ENDS


def test_the_node_of_a_workload_is_asked_to_end_it_once_its_run_is_dead(
    registry: SqliteRegistry, processes: Processes
) -> None:
    registry.create(pod(uid="u"))  # Without any pod there is nothing to sweep.
    registry.create(thing("Deployment", "web"), holder=processes.instance.id, lease=processes.leases["other"])
    swept(registry, processes)
    assert registry.list("DeletionRequest").items == []
    processes.kill()
    swept(registry, processes)
    (asked,) = registry.list("DeletionRequest").items
    swept(registry, processes)
    assert registry.list("DeletionRequest").items == [asked]
    assert state(registry, "Deployment") == "there", "whoever holds it ends it"


def test_what_a_dead_node_has_left_is_taken_by_one_node_of_several(
    registry: SqliteRegistry, processes: Processes
) -> None:
    registry.create(pod(uid="u"), holder=processes.nodes["other"], lease=processes.leases["ours"])
    with pytest.raises(PodIsOwned):
        take_in(registry, "u", processes.instance.id, processes.instance.is_alive, "me")
    assert registry.get_by_uid("u")["spec"].get("nodeName") is None  # type: ignore[index]
    processes.kill()
    outcomes: list[str] = []
    start = threading.Barrier(4)

    def race(home: Home) -> None:
        with NodeInstance(home) as instance:
            start.wait(30)
            try:
                take_in(registry, "u", instance.id, instance.is_alive, f"node-{instance.id}")
                outcomes.append(instance.id)
            except PodIsOwned:
                outcomes.append("")
            start.wait(30)  # Who ends before the others have looked would be a dead holder again.

    threads = [threading.Thread(target=race, args=(processes.home,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    (winner,) = [one for one in outcomes if one]
    assert len(outcomes) == 4
    assert registry.ledger.holder("u") == winner
    assert registry.get_by_uid("u")["spec"]["nodeName"] == f"node-{winner}"  # type: ignore[index]
    assert was_held(registry, "u"), "something of it may be in the Engine: it is not begun anew"
