"""Writes ConfigMaps, Secrets and Services to the store as an API server does, for a run or for good."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import TYPE_CHECKING

from runner.core.kindwords import CLAIMS, OBJECTS
from runner.core.model import Json
from runner.core.storedobjects import node_ports_of, owner_of, stored_object
from runner.errors import NoSuchObject
from runner.registry.admission import create
from runner.registry.contract import Object, Registry, name_of
from runner.registry.identities import new_uid
from runner.registry.ownership import owner_is_alive, somebody_runs_pods

if TYPE_CHECKING:
    from runner.core.manifest import LoadedObject


def put_owned(registry: Registry, value: Json, now: datetime, owner: str) -> None:
    """Write an object that lives as long as a process; one that was to stay is changed and stays."""

    def write(old: Object | None) -> Object:
        lasting = old is not None and not owner_of(old)
        return _written(registry, value, old, now, "" if lasting else owner)

    _change(registry, value, write)


def remove_owned(registry: Registry, objects: Iterable[LoadedObject], owner: str) -> None:
    """Remove those of a run's objects that are still its own."""
    for one in objects:
        if one.kind in OBJECTS:
            _remove_if(registry, one.kind, one.namespace, one.name, lambda found: owner_of(found) == owner)


def remove_orphans(registry: Registry) -> None:
    """Remove what lived as long as processes that are dead."""
    for kind in OBJECTS:
        for value in registry.list(kind).items:
            if _is_orphan(value):
                _remove_if(registry, kind, *name_of(value), _is_orphan)


def is_in_use(store: Registry, uid: str) -> bool:
    """Whether there is a Service of this uid, and living pods that may use it."""
    services = (one for one in store.list("Service").items if one["metadata"].get("uid") == uid)
    return any(not _is_orphan(one) for one in services) and somebody_runs_pods(store)


def _is_orphan(value: Json) -> bool:
    return bool(owner_of(value)) and owner_is_alive(owner_of(value)) is False


def _remove_if(registry: Registry, kind: str, namespace: str, name: str, condition: Callable[[Object], bool]) -> None:
    """Remove an object if it is still such a one."""
    with registry.transaction():
        found = registry.get(kind, namespace, name)
        if found is not None and condition(found):
            registry.delete(kind, namespace, name)


def remove_claims(registry: Registry, namespace: str, uid: str) -> None:
    """Forget the claims that a pod owns; their volumes go with the pod's others."""
    for claim in registry.list(CLAIMS.kind, namespace).items:
        owners = (claim.get("metadata") or {}).get("ownerReferences") or ()
        if any(owner.get("uid") == uid for owner in owners):
            registry.delete(CLAIMS.kind, namespace, claim["metadata"]["name"])


def create_missing(registry: Registry, value: Json) -> bool:
    """Add an object as it is unless there is one of its name. Returns whether that was so."""
    with registry.transaction():
        if registry.get(str(value.get("kind")), *name_of(value)) is not None:
            return False
        create(registry, value)
        return True


def apply_object(registry: Registry, value: Json, now: datetime) -> str:
    """Add or change an object, which stays from now on. Returns kubectl's word for what was done."""
    before: list[Object] = []

    def write(old: Object | None) -> Object:
        before.extend([] if old is None else [old])
        return _written(registry, value, old, now, "")

    after = _change(registry, value, write)
    if not before:
        return "created"
    return "unchanged" if after == before[0] else "configured"


def delete_object(registry: Registry, kind: str, namespace: str, name: str) -> None:
    """Remove an object. Raises NoSuchObject when there is none."""
    if registry.delete(kind, namespace, name) is None:
        raise NoSuchObject(f'{OBJECTS[kind].resource} "{name}" not found')


def _change(registry: Registry, value: Json, write: Callable[[Object | None], Json | None]) -> Object | None:
    return registry.change(str(value.get("kind")), *name_of(value), write)


def _written(registry: Registry, value: Json, old: Object | None, now: datetime, owner: str) -> Object:
    """The object as it is to be kept. A Service's node ports are given with all others in view, in the same transaction."""
    others: list[Object] = []
    if value.get("kind") == "Service":
        others = [one for one in registry.list("Service").items if name_of(one) != name_of(value)]
    return stored_object(value, old, uid=new_uid(), now=now, node_ports=node_ports_of(others), owner=owner)
