"""Namespaces that live and die with a process, as tests make them: what is in one goes with it, claims' volumes too.

Mirrors pkg/controller/namespace/deletion, as far as there is something to delete.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Protocol

from runner.core.fates import Fate
from runner.core.kindwords import OBJECTS
from runner.core.labels import ACCESS, POD_NAMESPACE, VOLUME_KIND, pvc_volume_name
from runner.engine.protocol import VolumeDetails
from runner.errors import NotFound
from runner.registry.admission import create
from runner.registry.contract import Registry, uid_of
from runner.registry.fates import Fates
from runner.registry.holders import IsAlive

KIND = "Namespace"
_PLACE = "default"
"""Where the registry keeps what is in no namespace."""
_CLAIM = "PersistentVolumeClaim"
_CONTENT = (_CLAIM, *OBJECTS)


class VolumeEngine(Protocol):
    """The verbs of an Engine that are needed here."""

    def list_volumes(self, labels: Mapping[str, str]) -> list[VolumeDetails]: ...

    def remove_volume(self, name: str) -> None: ...


def own_namespace(registry: Registry, name: str, lease: str) -> None:
    """Write a namespace down that lives as long as a lease."""
    with registry.transaction():
        found = registry.get(KIND, _PLACE, name)
        if found is not None:
            registry.ledger.lend(uid_of(found), lease)
            return
        create(
            registry, {"apiVersion": "v1", "kind": KIND, "metadata": {"name": name, "namespace": _PLACE}}, lease=lease
        )


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


def ownerless_namespaces(registry: Registry, is_alive: IsAlive) -> Iterator[str]:
    """Namespaces whose process is dead."""
    values = registry.list(KIND, _PLACE).items
    if values:
        fates = Fates(registry, is_alive)
        yield from (str(value["metadata"]["name"]) for value in values if fates.of(value) is Fate.GOES)
