"""Node instances: alive as long as their lock, for every process; a dead one's pods are taken over once."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from runner.registry.holders import NodeInstance, forget_dead_nodes, holder_is_alive
from runner.registry.home import Home
from runner.registry.ownership import host_id, owner_label
from tests.support.gates import open_below

NODE = """
import sys
from pathlib import Path
from runner.registry.holders import NodeInstance
from runner.registry.home import Home

node = NodeInstance(Home(Path(sys.argv[1])))
print(node.id, flush=True)
sys.stdin.readline()
"""


def test_a_node_is_alive_until_it_is_closed_for_itself_and_for_others(tmp_path: Path) -> None:
    home = Home(tmp_path)
    with NodeInstance(home) as one, NodeInstance(home) as other:
        assert one.id != other.id
        assert one.is_alive(one.id)
        assert one.is_alive(other.id)
        assert holder_is_alive(home, one.id)
        other.close()
        assert not one.is_alive(other.id)
    assert not holder_is_alive(home, one.id)
    assert list(home.node_locks.iterdir()) == []


def test_a_node_whose_process_was_killed_is_dead(tmp_path: Path) -> None:
    home = Home(tmp_path)
    process = subprocess.Popen(
        [sys.executable, "-c", NODE, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    holder = process.stdout.readline().strip()
    assert holder_is_alive(home, holder)
    forget_dead_nodes(home)
    assert home.node_lock(holder).exists()
    process.kill()
    process.communicate()
    assert not holder_is_alive(home, holder)
    forget_dead_nodes(home)
    assert not home.node_lock(holder).exists()


def test_a_process_label_of_an_earlier_version_is_judged_too(tmp_path: Path) -> None:
    home = Home(tmp_path)
    assert holder_is_alive(home, owner_label(home=home))
    assert not holder_is_alive(home, f"{host_id()}:999999999:never@1234")
    assert holder_is_alive(home, "elsewhere:1:2"), "nobody can tell from here"
    assert not holder_is_alive(home, "")


def test_a_node_takes_one_descriptor(tmp_path: Path) -> None:
    with NodeInstance(Home(tmp_path)) as node:
        assert open_below(tmp_path) == [str(Home(tmp_path).node_lock(node.id))]
    assert open_below(tmp_path) == []
