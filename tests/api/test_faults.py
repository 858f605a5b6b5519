"""Faults of a run before it begins: what is refused, and in which forms they may come."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from runner import Fault, Runner, UsageError
from runner.api.options import RunOptions
from runner.api.settings import options_of
from runner.clock import VirtualClock
from runner.core.faults.files import FaultLike
from runner.engine.protocol import EngineInfo
from runner.engine.simulated import SimulatedEngine
from runner.registry.memory import MemoryRegistry

POD = """\
apiVersion: v1
kind: Pod
metadata: {name: web}
spec:
  initContainers: [{name: migrate, image: "busybox:1.36"}]
  containers: [{name: app, image: "busybox:1.36"}]
"""


class Unlimited(SimulatedEngine):
    """An Engine to which no memory controller was delegated."""

    def info(self) -> EngineInfo:
        return replace(super().info(), limits_memory=False)


def refusal(fault: str, folder: Path) -> tuple[str, list[object]]:
    """What a run says that cannot have a fault, and what it has written."""
    store = MemoryRegistry()
    with Runner(home=folder, store=store, engine=Unlimited(VirtualClock())) as runner:
        with pytest.raises(UsageError) as caught:
            runner.run(POD, faults=[fault])
        return f"{caught.value.message}; {caught.value.hint}", [*store.list("Pod").items]


def test_what_the_engine_cannot_do_is_refused_before_anything_starts(tmp_path: Path) -> None:
    assert refusal("migrate:oom", tmp_path) == (
        'fault "migrate:oom": the Engine enforces no limits of memory, so nothing is killed for it; '
        "it needs the cgroup controller memory; without root, delegate it to the user",
        [],
    )


def test_what_concerns_nothing_is_refused_before_anything_starts(tmp_path: Path) -> None:
    text, written = refusal("migrat:exit=1", tmp_path)
    assert text.startswith('fault "migrat:exit=1", column 1: no pod has a container "migrat", did you mean "migrate"?')
    assert written == []


def test_a_call_takes_faults_in_every_form() -> None:
    """The marker of the pytest plugin hands its keywords on as they are."""
    fault = Fault.parse("migrate#0:exit=3")
    listed: list[FaultLike] = [fault, "migrate#0:exit=3", {"target": "migrate", "attempts": 0, "fault": "exit=3"}]
    assert options_of({"faults": listed}, RunOptions()).faults == (fault,) * 3
    assert options_of({}, RunOptions()).faults == ()
