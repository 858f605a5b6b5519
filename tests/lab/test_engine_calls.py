"""How often a pod's life asks the Engine for something: no call that tells nothing new."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from runner.core.manifest import Source, load
from runner.engine.protocol import Engine
from runner.engine.seam import Call, Seam
from runner.engine.simulated import SimulatedEngine
from runner.lab import new_pod
from runner.lab.between import Between
from runner.lab.script import script_of
from runner.lab.steps import Step, delete
from runner.lab.virtual import End, VirtualNode

T = TypeVar("T")
FIXTURE = Path(__file__).parents[2] / "fixtures/init-container.yaml"
ENDING = {"attempts": [{"exit": 0, "after": "100ms"}]}


class Counting(Between):
    """Counts the calls of a node's Engine by their names."""

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()

    def engine(self, engine: SimulatedEngine) -> Engine:
        return Seam(engine, self, engine.clock)

    def around(self, call: Call, proceed: Callable[[], T]) -> T:
        self.calls[call.name] += 1
        return proceed()

    def take(self) -> dict[str, int]:
        calls, self.calls = self.calls, Counter()
        return {
            name: count for name, count in calls.items() if name.split("_")[0] in ("list", "inspect", "logs", "info")
        }


def test_the_fixture_asks_for_each_thing_once() -> None:
    (loaded,) = load([Source(name="m", text=FIXTURE.read_text())]).objects
    pod = new_pod(loaded.value)
    script = script_of({"containers": dict.fromkeys(("init-container-1", "init-container-2"), ENDING)}, pod)
    counting = Counting()
    virtual = VirtualNode(between=counting)
    running = virtual.add(pod, script)
    virtual.advance(60)
    assert running.status.phase == "Running"
    # The sandbox, each init container as it runs and as it has ended, the main container.
    calls = counting.take()
    assert calls.pop("inspect_image") == 4  # Each before its first pull and after each pull, nginx once.
    assert calls.pop("inspect_volume") == 1
    assert calls == {"inspect_container": 1 + 2 * 2 + 1}
    virtual.do(Step(at=60, action=delete()))
    assert virtual.advance(200) is End.GONE
    calls = counting.take()
    assert calls == {"list_containers": 3, "inspect_container": 2, "list_volumes": 2}
