"""What a look at one pod asks the Engine, and what it sees."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from runner.clock import VirtualClock
from runner.core.container.containerconfig import ContainerConfig
from runner.core.labels import (
    ATTEMPT,
    CONTAINER_NAME,
    DOCKER_TYPE,
    POD_UID,
    PREPARED,
    SANDBOX_CONTAINER,
    TYPE_CONTAINER,
    TYPE_SANDBOX,
)
from runner.engine.protocol import EngineEvent
from runner.engine.simulated import SimulatedEngine
from runner.errors import EngineUnavailable
from runner.kubelet.loop.observer import Observer

UID, RELIST = "uid-1", 10.0


class Scene:
    """A new pod on an Engine, and its observer."""

    def __init__(self, noted: dict[str, int] | None = None) -> None:
        self.clock = VirtualClock()
        self.engine = SimulatedEngine(self.clock, record_calls=True)
        self.engine.add_image("busybox:1.36")
        self.observer = Observer(self.engine, self.clock, UID, noted=noted, relist=RELIST)
        self.events: list[EngineEvent] = []
        self.engine.subscribe({}, self.events.append)

    def start(self, name: str, **labels: str) -> str:
        kind = TYPE_SANDBOX if name == SANDBOX_CONTAINER else TYPE_CONTAINER
        known = {POD_UID: UID, CONTAINER_NAME: name, ATTEMPT: "0", DOCKER_TYPE: kind, **labels}
        made = self.engine.create_container(ContainerConfig(name=name, image="busybox:1.36", labels=known))
        self.engine.start_container(made)
        return made

    def look(self) -> tuple[list[str], list[tuple[str, str]]]:
        """The calls of one look, and the containers and their states in its answer."""
        self.engine.calls.clear()
        seen = self.observer.observe()
        calls = [call.verb for call in self.engine.calls if call.verb != "inspect_image"]
        return calls, sorted((one.name, one.state.value) for one in seen.containers)

    def hear(self) -> list[bool]:
        """Pass on what the Engine has told since."""
        told = [self.observer.hear(event) for event in self.events if event.action in ("die", "destroy")]
        self.events.clear()
        return told


@pytest.fixture
def scene() -> Scene:
    made = Scene()
    for name in ("main", "side"):
        made.observer.suspect(made.start(name), name, 0)
    assert made.look() == (["inspect_container"] * 2, [("main", "running"), ("side", "running")])
    made.hear()
    return made


def test_of_a_new_pod_nothing_is_asked() -> None:
    assert Scene().look() == ([], [])


def test_of_a_pod_that_was_taken_over_everything_is_asked() -> None:
    scene = Scene({"main": 0})
    scene.start("main")
    assert scene.look() == (["list_containers", "inspect_container"], [("main", "running")])
    assert scene.look() == ([], [("main", "running")])


def test_what_was_told_of_is_inspected_alone(scene: Scene) -> None:
    scene.engine.kill_container("main", "SIGKILL")
    assert scene.hear() == [True]
    assert scene.look() == (["inspect_container"], [("main", "exited"), ("side", "running")])


def test_a_container_whose_end_is_known_is_not_inspected_again_but_for_another_end(scene: Scene) -> None:
    scene.engine.kill_container("main", "SIGKILL")
    scene.observer.suspect(scene.engine.inspect_container("main").id, "main", 0)
    scene.look()
    assert scene.hear() == [False]
    assert scene.look() == ([], [("main", "exited"), ("side", "running")])
    scene.clock.advance(scene.clock.now() + timedelta(seconds=2))
    scene.engine.start_container("main")
    scene.engine.kill_container("main", "SIGKILL")
    assert scene.hear() == [True]


def test_a_container_that_is_gone_is_not_asked_for(scene: Scene) -> None:
    scene.engine.remove_container("main")
    assert scene.hear() == [True, True]
    assert scene.look() == ([], [("side", "running")])


def test_one_that_went_unheard_is_gone_when_it_is_looked_at(scene: Scene) -> None:
    gone = scene.engine.inspect_container("main").id
    scene.engine.remove_container("main")
    scene.observer.suspect(gone, "main", 0)
    assert scene.look() == (["inspect_container"], [("side", "running")])


def unheard(scene: Scene) -> None:
    scene.clock.advance(scene.clock.now() + timedelta(seconds=RELIST))


def broken(scene: Scene) -> None:
    """A look that fails has not seen what it was to see."""
    scene.observer.suspect(scene.engine.inspect_container("main").id, "main", 0)
    scene.engine.fail_next("inspect_container", EngineUnavailable("no answer"))
    with pytest.raises(EngineUnavailable):
        scene.observer.observe()


@pytest.mark.parametrize("happens", [lambda scene: scene.observer.mistrust(), unheard, broken])
def test_when_anything_may_have_happened_everything_is_asked(scene: Scene, happens: Callable[[Scene], object]) -> None:
    scene.engine.kill_container("main", "SIGKILL")
    scene.start("third")
    happens(scene)
    calls, seen = scene.look()
    assert calls == ["list_containers", "inspect_container", "inspect_container"]
    assert seen == [("main", "exited"), ("side", "running"), ("third", "running")]
    assert scene.look() == ([], seen)


def test_what_was_prepared_is_seen_when_its_turn_has_come(scene: Scene) -> None:
    prepared = scene.start(SANDBOX_CONTAINER, **{PREPARED: "1"})
    scene.observer.suspect(prepared, SANDBOX_CONTAINER, 0)
    assert not scene.observer.observe().sandboxes
    scene.observer.mistrust()
    assert not scene.observer.observe().sandboxes
    scene.observer.reveal(prepared)
    scene.observer.started(prepared, SANDBOX_CONTAINER, 0)
    assert [one.ready for one in scene.observer.observe().sandboxes] == [True]
    scene.observer.spoil(prepared, 0)
    assert [one.ready for one in scene.observer.observe().sandboxes] == [False]
