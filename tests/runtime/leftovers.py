"""An Engine in memory, as far as sweeping needs one, and owners dead and alive."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from runner.core.labels import (
    DOCKER_TYPE,
    MANAGED,
    OWNER,
    POD_NAME,
    POD_NAMESPACE,
    POD_UID,
    TYPE_CONTAINER,
    TYPE_DEBUG,
    TYPE_SANDBOX,
    VOLUME_KIND,
)
from runner.core.network.proxyconfig import SERVICE
from runner.engine.protocol import ContainerSummary, EngineState, VolumeDetails
from runner.errors import EngineConflict, EngineError, NotFound
from runner.registry.ownership import host_id, owner_label

DEAD = f"{host_id()}:{2**22 + 1}:never"
ALIVE = owner_label()
ELSEWHERE = "ffffffffffff:1:1"


def pod_labels(uid: str, owner: str) -> dict[str, str]:
    return {MANAGED: "1", OWNER: owner, POD_UID: uid, POD_NAMESPACE: "default", POD_NAME: f"pod-{uid}"}


@dataclass(slots=True)
class LeftoverEngine:
    """Holds containers and volumes; a volume of a pod that has a container is in use. ``calls`` logs every verb."""

    containers: dict[str, ContainerSummary] = field(default_factory=dict)
    volumes: dict[str, VolumeDetails] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    failures: dict[str, list[EngineError]] = field(default_factory=dict)
    removals: threading.Barrier | None = None
    """Where the removal of each container waits for the others."""

    def add_pod(self, uid: str, owner: str, created_at: datetime | None = None) -> None:
        """A sandbox, a container (listed after it, though younger) and a volume."""
        labels = pod_labels(uid, owner)
        for name, kind in ((f"{uid}-sandbox", TYPE_SANDBOX), (f"{uid}-main", TYPE_CONTAINER)):
            self.containers[name] = ContainerSummary(
                id=name,
                name=name,
                image="busybox",
                state=EngineState.RUNNING,
                labels={**labels, DOCKER_TYPE: kind},
                created_at=created_at,
            )
        self.add_volume(f"{uid}-volume", labels)

    def add_copy(self, name: str, uid: str, owner: str) -> None:
        """A copy of one of a pod's attempts, for debug; it is younger than the pod."""
        labels = {**pod_labels(uid, owner), DOCKER_TYPE: TYPE_DEBUG}
        made = ContainerSummary(
            id=name, name=name, image="copy", state=EngineState.RUNNING, labels=labels, created_at=None
        )
        self.containers = {name: made, **self.containers}

    def add_proxy(self, uid: str, owner: str) -> None:
        """The proxy of a Service."""
        name, labels = f"{uid}-proxy", {MANAGED: "1", OWNER: owner, POD_UID: uid, SERVICE: f"default/{uid}"}
        self.containers[name] = ContainerSummary(
            id=name, name=name, image="pause", state=EngineState.RUNNING, labels=labels, created_at=None
        )

    def add_volume(self, name: str, labels: Mapping[str, str]) -> None:
        self.volumes[name] = VolumeDetails(name=name, labels=labels)

    def add_claim(self, name: str) -> None:
        self.add_volume(name, {VOLUME_KIND: "pvc"})

    def list_containers(self, labels: Mapping[str, str]) -> list[ContainerSummary]:
        self._call("list_containers")
        return [item for item in tuple(self.containers.values()) if _carries(item.labels, labels)]

    def list_volumes(self, labels: Mapping[str, str]) -> list[VolumeDetails]:
        self._call("list_volumes")
        return [item for item in tuple(self.volumes.values()) if _carries(item.labels, labels)]

    def remove_container(self, container_id: str) -> None:
        self._call(f"remove_container {container_id}")
        if self.removals is not None:
            self.removals.wait()
        if self.containers.pop(container_id, None) is None:
            raise NotFound(f"No such container: {container_id}")

    def remove_volume(self, name: str) -> None:
        self._call(f"remove_volume {name}")
        volume = self.volumes.get(name)
        if volume is None:
            raise NotFound(f"no such volume: {name}")
        uid = volume.labels.get(POD_UID)
        if any(container.labels.get(POD_UID) == uid for container in tuple(self.containers.values()) if uid):
            raise EngineConflict(f"volume {name} is in use")
        del self.volumes[name]

    def _call(self, call: str) -> None:
        self.calls.append(call)
        if self.failures.get(call):
            error = self.failures[call].pop(0)
            if isinstance(error, NotFound):
                self.containers.pop(call.rpartition(" ")[2], None)
            raise error

    @property
    def left(self) -> set[str]:
        return {*self.containers, *self.volumes}


def _carries(labels: Mapping[str, str], wanted: Mapping[str, str]) -> bool:
    return all(key in labels and value in ("", labels[key]) for key, value in wanted.items())
