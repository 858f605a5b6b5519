"""Which attempt is copied, what a copy is, and that nothing of it stays, on a simulated Engine."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from runner.api.facade import Runner
from runner.clock import VirtualClock
from runner.core.container.containerconfig import ContainerConfig, Mount, MountType
from runner.core.labels import (
    DOCKER_TYPE,
    MANAGED,
    OWNER,
    POD_UID,
    TYPE_DEBUG,
    container_labels,
    container_name,
    kept_name,
    sandbox_labels,
)
from runner.core.manifest.ephemeral import Debugger
from runner.core.model import Object, Pod
from runner.engine.simulated import SimulatedEngine
from runner.errors import EngineConflict, EngineRefusal, EngineUnavailable, UsageError
from runner.registry.memory import MemoryRegistry
from tests.support.pods import make_pod

IMAGE = "busybox:1.36"
OWNED = "somebody"


class World:
    """A pod with an init and an app container, in the registry and in the Engine."""

    def __init__(self, home: Path) -> None:
        self.engine = SimulatedEngine(VirtualClock(), images=(IMAGE, "pause:1"), record_calls=True)
        self.runner = Runner(home=home, store=MemoryRegistry(), engine=self.engine)
        self.pod = make_pod(["init"], ["main"])
        value: Object = {**self.pod.manifest, "apiVersion": "v1", "kind": "Pod", "status": {"phase": "Pending"}}
        self.runner.registry.create(value)
        config = ContainerConfig(name="sandbox", image="pause:1", labels=sandbox_labels(self.pod, 0, OWNED))
        self.sandbox = self.engine.create_container(replace(config, ipc_mode="shareable", network_mode="bridge"))
        self.engine.start_container(self.sandbox)

    def attempt(self, name: str, number: int, code: int | None, *, kept: bool = False, **settings: Any) -> str:
        """An instance of a container; without a ``code`` it runs on."""
        container = self.pod.container(name)
        assert container is not None
        namespace = f"container:{self.sandbox}"
        labels = container_labels(self.pod, container, attempt=number, sandbox_id=self.sandbox, owner=OWNED)
        config = ContainerConfig(
            name=container_name(name, self.pod, number),
            image=IMAGE,
            labels=labels,
            network_mode=namespace,
            ipc_mode=namespace,
            **settings,
        )
        made = self.engine.create_container(config)
        self.engine.start_container(made)
        if code is not None:
            self.engine.end(made, code)
        if kept:
            self.engine.rename_container(made, kept_name(made))
        return made

    @property
    def left(self) -> list[str]:
        """What debug has made: containers and images."""
        containers = self.engine.list_containers({POD_UID: self.pod.uid, DOCKER_TYPE: TYPE_DEBUG})
        images = self.engine.list_images({MANAGED: "", OWNER: ""})
        return [*(one.name for one in containers), *(one.tags[0] for one in images)]

    def copy(self, container: str = "", attempt: int | None = None, **more: Any) -> Any:
        return self.runner.client.copy_attempt(self.pod.namespace, self.pod.name, container, attempt, **more)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    with made.runner:
        yield made


def test_the_last_failed_attempt_is_copied_unless_another_one_is_named(world: World) -> None:
    world.attempt("init", 0, 3, kept=True)
    world.attempt("init", 1, 4, kept=True)
    world.attempt("init", 2, 0)
    with world.copy("init") as copy:
        assert (copy.attempt.number, copy.attempt.exit_code) == (1, 4)
    with world.copy("init", 0) as copy:
        assert (copy.attempt.number, copy.attempt.exit_code) == (0, 3)
    with world.copy("init", 2) as copy:
        assert (copy.attempt.number, copy.attempt.exit_code) == (2, 0)


def test_without_a_container_it_is_the_one_that_has_failed_last(world: World) -> None:
    world.attempt("main", 0, 1)
    world.engine.clock.advance(world.engine.clock.now())
    world.engine.clock.sleep(5)
    world.attempt("init", 0, 2)
    with world.copy() as copy:
        assert copy.attempt.name == "init"


def test_a_copy_has_what_the_attempt_had_and_is_gone_afterwards(world: World) -> None:
    mount = Mount(type=MountType.VOLUME, source="data", target="/data")
    settings: dict[str, Any] = {
        "env": ("A=1",),
        "user": "1000",
        "working_dir": "/w",
        "mounts": (mount,),
        "cap_drop": ("ALL",),
    }
    world.attempt("init", 0, 3, **settings)
    with world.copy("init") as copy:
        made = world.engine.container_config(copy.container_id)
        assert (made.env, made.user, made.working_dir, made.cap_drop) == (("A=1",), "1000", "/w", ("ALL",))
        assert made.mounts[0] == mount
        assert made.network_mode == made.ipc_mode == f"container:{world.sandbox}"
        assert copy.has_network
        assert copy.root == "/"
        assert made.labels[POD_UID] == world.pod.uid, "it goes with the pod"
        assert len(world.left) == 1, "the image is not needed any more"
    assert world.left == []


def test_tools_stand_beside_the_copy_and_see_its_processes(world: World) -> None:
    world.attempt("init", 0, 3, user="1000")
    with world.copy("init", image="tools:1") as copy:
        made = world.engine.container_config(copy.container_id)
        assert (made.image, made.user, made.cap_add) == ("tools:1", "", ("SYS_PTRACE",))
        assert made.pid_mode.startswith("container:")
        assert copy.root == "/proc/1/root"
        assert len(world.left) == 2
    assert world.left == []


def test_what_runs_again_has_the_attempts_own_command(world: World) -> None:
    world.attempt("init", 0, 3, entrypoint=("sh",), command=("-c", "x"))
    with world.runner.client.rerun_attempt(world.pod.namespace, world.pod.name, "init") as copy:
        made = world.engine.container_config(copy.container_id)
        assert (made.entrypoint, made.command) == (("sh",), ("-c", "x"))
    assert world.left == []


def test_without_the_pods_sandbox_a_copy_has_no_network(world: World) -> None:
    world.attempt("init", 0, 3)
    world.engine.remove_container(world.sandbox)
    with world.copy("init") as copy:
        made = world.engine.container_config(copy.container_id)
        assert (made.network_mode, made.ipc_mode, copy.has_network) == ("none", "private", False)


@pytest.mark.parametrize("verb", ["commit_container", "create_container", "upload", "start_container"])
@pytest.mark.parametrize("error", [EngineRefusal("no"), EngineConflict("no")])
def test_nothing_stays_of_a_copy_that_cannot_be_made(world: World, verb: str, error: Exception) -> None:
    world.attempt("init", 0, 3)
    world.engine.fail_next(verb, error, times=3)  # type: ignore[arg-type]
    with pytest.raises(EngineRefusal), world.copy("init"):
        pass
    assert world.left == []


def test_when_the_engine_goes_the_error_says_so_and_a_sweep_finds_the_rest(world: World) -> None:
    world.attempt("init", 0, 3)
    with suppress(EngineUnavailable), world.copy("init"):
        world.engine.fail_next("remove_container", EngineUnavailable("gone"), times=5)
        raise EngineUnavailable("gone")
    assert len(world.left) == 1
    assert all(label.startswith("podrunner_debug_") for label in world.left)


@pytest.mark.parametrize(
    ("attempts", "container", "number", "message", "hint"),
    [
        pytest.param(
            (), "nope", None, "container nope is not valid for pod web out of: main, init (init)", "", id="none"
        ),
        pytest.param(
            (),
            "init",
            None,
            'no failed attempt of container "init" in pod "web" is there',
            "describe po web",
            id="nothing",
        ),
        pytest.param(
            (("init", 0, None),),
            "init",
            None,
            'no failed attempt of container "init"',
            "shell web -c init",
            id="it runs",
        ),
        pytest.param(
            (("init", 0, 0),), "init", None, "no failed attempt", "debug web -c init --attempt 0", id="it went well"
        ),
        pytest.param(
            (("init", 1, 3),),
            "init",
            0,
            'attempt 0 of container "init" in pod "web" is not there any more, or was never',
            "there are: 1 (exit code 3)",
            id="it is gone",
        ),
        pytest.param((("init", 1, None),), "init", 1, "is running", "shell web -c init", id="the one named runs"),
        pytest.param((), "", None, 'nothing of pod "web" has failed', "describe po web", id="nothing of the pod"),
    ],
)
def test_why_there_is_no_copy(
    world: World, attempts: tuple[Any, ...], container: str, number: int | None, message: str, hint: str
) -> None:
    for one in attempts:
        world.attempt(*one)
    with pytest.raises(UsageError) as caught, world.copy(container, number):
        pass
    assert message in caught.value.message
    assert hint in caught.value.hint
    assert world.left == []


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param({"status": {"phase": "Failed"}}, 'pod "web" is over (Failed)', id="a pod that is over"),
        pytest.param({}, 'no node runs pod "web"', id="a pod that nobody runs"),
    ],
)
def test_nothing_is_added_that_nobody_would_start(world: World, change: dict[str, Any], message: str) -> None:
    found = world.runner.client.get("Pod", world.pod.namespace, world.pod.name)
    world.runner.registry.change("Pod", world.pod.namespace, world.pod.name, lambda _: {**found, **change})
    with pytest.raises(UsageError) as caught:
        world.runner.client.add_debugger(world.pod.namespace, world.pod.name, Debugger(image="tools"))
    assert caught.value.message.startswith(message)
    assert not Pod.from_json(world.runner.client.get("Pod", world.pod.namespace, world.pod.name)).ephemeral_containers
