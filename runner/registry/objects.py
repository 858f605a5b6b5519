"""Writes ConfigMaps, Secrets and Services to the store as an API server does, for a run or for good."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING

from runner.core.kindwords import OBJECTS
from runner.core.model import Json
from runner.core.storedobjects import node_ports_of, owner_of, stored_object
from runner.errors import NoSuchObject
from runner.registry.identities import new_uid
from runner.registry.ownership import owner_is_alive, somebody_runs_pods
from runner.registry.storage import AlreadyExists, Object, Store, name_of

if TYPE_CHECKING:
    from runner.core.manifest import LoadedObject


def put_owned(store: Store, value: Json, now: datetime, owner: str) -> None:
    """Write an object that lives as long as a process; one that was to stay is changed and stays."""
    old = _old(store, value)
    lasting = old is not None and not owner_of(old)
    _write(store, value, old, now, "" if lasting else owner)


def remove_owned(store: Store, objects: Iterable[LoadedObject], owner: str) -> None:
    """Remove those of a run's objects that are still its own."""
    for one in objects:
        found = store.object(one.kind, one.namespace, one.name) if one.kind in OBJECTS else None
        if found is not None and owner_of(found) == owner:
            store.remove_object(one.kind, one.namespace, one.name)


def remove_orphans(store: Store) -> None:
    """Remove what lived as long as processes that are dead."""
    for kind in OBJECTS:
        for value in store.objects(kind):
            if _is_orphan(value):
                store.remove_object(kind, *name_of(value))


def is_in_use(store: Store, uid: str) -> bool:
    """Whether there is a Service of this uid, and living pods that may use it."""
    services = (one for one in store.objects("Service") if one["metadata"].get("uid") == uid)
    return any(not _is_orphan(one) for one in services) and somebody_runs_pods(store)


def _is_orphan(value: Json) -> bool:
    return bool(owner_of(value)) and owner_is_alive(owner_of(value)) is False


def remove_claims(store: Store, namespace: str, uid: str) -> None:
    """Forget the claims that a pod owns; their volumes go with the pod's others."""
    for claim in store.objects("PersistentVolumeClaim", namespace):
        owners = (claim.get("metadata") or {}).get("ownerReferences") or ()
        if any(owner.get("uid") == uid for owner in owners):
            store.remove_object("PersistentVolumeClaim", namespace, claim["metadata"]["name"])


def create_object(store: Store, value: Json, now: datetime) -> Object:
    """Add an object that stays. Raises AlreadyExists."""
    if _old(store, value) is not None:
        raise AlreadyExists(OBJECTS[str(value["kind"])].resource, name_of(value)[1])
    return _write(store, value, None, now, "")


def apply_object(store: Store, value: Json, now: datetime) -> str:
    """Add or change an object, which stays from now on. Returns kubectl's word for what was done."""
    old = _old(store, value)
    written = _write(store, value, old, now, "")
    if old is None:
        return "created"
    return "unchanged" if written == old else "configured"


def delete_object(store: Store, kind: str, namespace: str, name: str) -> None:
    """Remove an object. Raises NoSuchObject when there is none."""
    if store.object(kind, namespace, name) is None:
        raise NoSuchObject(f'{OBJECTS[kind].resource} "{name}" not found')
    store.remove_object(kind, namespace, name)


def _old(store: Store, value: Json) -> Object | None:
    return store.object(str(value.get("kind")), *name_of(value))


def _write(store: Store, value: Json, old: Object | None, now: datetime, owner: str) -> Object:
    namespace, name = name_of(value)
    others: list[Object] = []
    if value.get("kind") == "Service":
        others = [one for one in store.objects("Service") if name_of(one) != (namespace, name)]
    written = stored_object(value, old, uid=new_uid(), now=now, node_ports=node_ports_of(others), owner=owner)
    if written != old:
        store.put_object(written)
    return written
