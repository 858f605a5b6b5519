"""What happens to a simulated pod from outside: kills, deletions, new images, objects that appear."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import datetime
from fnmatch import fnmatchcase
from typing import Any

from msgspec import Struct

from runner.core.labels import CONTAINER_NAME, POD_UID, SANDBOX_CONTAINER
from runner.core.model import Json, Object, Pod
from runner.core.storedobjects import node_ports_of, stored_object
from runner.core.sync.termination import deletion_grace
from runner.engine.protocol import ContainerSummary, EngineState
from runner.engine.simulated import SimulatedEngine
from runner.registry.contract import Registry, name_of, without_status
from runner.registry.deletion import pod_of, request_deletion


class World(Struct, frozen=True):
    """What a step can reach."""

    engine: SimulatedEngine
    store: Registry
    pod: Pod

    def instances(self, container: str) -> list[ContainerSummary]:
        """Everything that the Engine holds of a container (``POD``: the sandbox), newest first."""
        return self.engine.list_containers({POD_UID: self.pod.uid, CONTAINER_NAME: container})

    def running(self, container: str) -> list[ContainerSummary]:
        return [one for one in self.instances(container) if one.state is EngineState.RUNNING]


Action = Callable[[World, datetime], None]
"""Does something to the world at an instant; what it is about may be gone already, then it does nothing."""


class Step(Struct, frozen=True, kw_only=True):
    """``action`` happens ``at`` seconds after the beginning, to the pods of a name (``*`` in it stands for anything).

    ``pod`` "": to every pod that is there.
    """

    at: float
    action: Action
    pod: str = ""

    def concerns(self, pod: Pod) -> bool:
        """Whether it is about this pod."""
        return not self.pod or fnmatchcase(pod.name, self.pod)


def kill(container: str, signal: str = "SIGKILL") -> Action:
    """Send a signal to what runs of a container, from outside."""

    def act(world: World, _now: datetime) -> None:
        for one in world.running(container):
            world.engine.kill_container(one.id, signal)

    return act


kill_sandbox: Action = kill(SANDBOX_CONTAINER)
"""Kill the pod's sandbox, from outside."""


def remove(container: str) -> Action:
    """Remove everything of a container by hand, running or not."""

    def act(world: World, _now: datetime) -> None:
        for one in world.instances(container):
            world.engine.remove_container(one.id)

    return act


def pause(container: str) -> Action:
    """Freeze a container, as ``docker pause`` does."""

    def act(world: World, _now: datetime) -> None:
        for one in world.running(container):
            world.engine.pause(one.id)

    return act


def unpause(container: str) -> Action:
    """Let a paused container go on."""

    def act(world: World, _now: datetime) -> None:
        for one in world.instances(container):
            if one.state is EngineState.PAUSED:
                world.engine.unpause(one.id)

    return act


def delete(grace: int | None = None) -> Action:
    """Ask for the pod's deletion; ``grace`` in seconds, None: the pod's own."""

    def act(world: World, now: datetime) -> None:
        request_deletion(world.store, world.pod.uid, now, deletion_grace(world.pod, grace))

    return act


def update_image(container: str, image: str) -> Action:
    """Give a container of the pod another image."""

    def changed(listed: Any) -> list[Any]:
        return [{**one, "image": image} if one["name"] == container else one for one in listed]

    def act(world: World, _now: datetime) -> None:
        value = pod_of(world.store, world.pod.uid)
        if value is None:
            return
        spec = value["spec"]
        keys = [key for key in ("initContainers", "containers") if spec.get(key)]
        changed_pod = {**without_status(value), "spec": {**spec, **{key: changed(spec[key]) for key in keys}}}
        world.store.update(changed_pod)

    return act


def put_object(value: Json) -> Action:
    """Create or replace a ConfigMap or Secret, in the pod's namespace unless it names one."""

    def act(world: World, now: datetime) -> None:
        write(world.store, value, world.pod.namespace, now)

    return act


def remove_object(kind: str, name: str) -> Action:
    """Delete an object of the pod's namespace."""

    def act(world: World, _now: datetime) -> None:
        world.store.delete(kind, world.pod.namespace, name)

    return act


def write(registry: Registry, value: Json, namespace: str, now: datetime) -> None:
    """Create or replace an object as a server does, in this namespace unless it names one; its UID follows from its name."""
    wanted = placed(value, namespace)
    kind, (namespace, name) = str(wanted.get("kind") or ""), name_of(wanted)
    uid = str(uuid.uuid5(uuid.NAMESPACE_URL, f"{kind}/{namespace}/{name}"))
    taken = node_ports_of(registry.list(kind).items) if kind == "Service" else ()
    registry.change(kind, namespace, name, lambda old: stored_object(wanted, old, uid=uid, now=now, node_ports=taken))


def placed(value: Json, namespace: str) -> Object:
    """An object with its namespace filled in."""
    metadata = value.get("metadata") or {}
    return {**value, "metadata": {**metadata, "namespace": metadata.get("namespace") or namespace}}
