"""Namespaces that live and die with a process, as tests make them: what is in one goes with it, claims' volumes too.

Mirrors pkg/controller/namespace/deletion, as far as there is something to delete.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Protocol

from runner.core.kindwords import OBJECTS
from runner.core.labels import ACCESS, OWNER, POD_NAMESPACE, VOLUME_KIND, pvc_volume_name
from runner.engine.protocol import VolumeDetails
from runner.errors import NotFound
from runner.registry.contract import Registry
from runner.registry.ownership import owner_is_alive

KIND = "Namespace"
_PLACE = "default"
"""Where the registry keeps what is in no namespace."""
_CLAIM = "PersistentVolumeClaim"
_CONTENT = (_CLAIM, *OBJECTS)


class VolumeEngine(Protocol):
    """The verbs of an Engine that are needed here."""

    def list_volumes(self, labels: Mapping[str, str]) -> list[VolumeDetails]: ...

    def remove_volume(self, name: str) -> None: ...


def own_namespace(registry: Registry, name: str, owner: str) -> None:
    """Write a namespace down as belonging to a process."""
    metadata = {"name": name, "namespace": _PLACE, "annotations": {OWNER: owner}}
    value = {"apiVersion": "v1", "kind": KIND, "metadata": metadata}
    registry.change(KIND, _PLACE, name, lambda _: value)


def remove_namespace(engine: VolumeEngine, registry: Registry, name: str) -> tuple[str, ...]:
    """Remove a namespace and what is left in it when its pods are gone. Returns the names of the volumes that went.

    Raises EngineError, for instance EngineConflict as long as a container uses a volume.
    """
    removed = []
    for kind in _CONTENT:
        for value in registry.list(kind, name).items:
            own_name = str(value["metadata"]["name"])
            if kind == _CLAIM:
                volume = pvc_volume_name(name, own_name)
                with suppress(NotFound):
                    engine.remove_volume(volume)
                    removed.append(volume)
            registry.delete(kind, name, own_name)
    for shared in engine.list_volumes({VOLUME_KIND: ACCESS, POD_NAMESPACE: name}):
        with suppress(NotFound):
            engine.remove_volume(shared.name)
            removed.append(shared.name)
    registry.delete(KIND, _PLACE, name)
    return tuple(removed)


def ownerless_namespaces(registry: Registry) -> Iterator[str]:
    """Namespaces whose process is dead."""
    for value in registry.list(KIND, _PLACE).items:
        owner = (value["metadata"].get("annotations") or {}).get(OWNER)
        if owner and owner_is_alive(str(owner)) is False:
            yield str(value["metadata"]["name"])
