"""Writes ConfigMaps, Secrets and Services to the store as an API server does, for a run or for good."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

from runner.core.fates import Fate
from runner.core.kindwords import CLAIMS, OBJECTS
from runner.core.model import Json
from runner.core.storedobjects import node_ports_of, owner_of, stored_object
from runner.errors import NoSuchObject
from runner.registry.admission import Admission, create
from runner.registry.contract import Object, Registry, name_of, uid_of
from runner.registry.fates import Fates
from runner.registry.holders import IsAlive, somebody_runs_pods
from runner.registry.identities import new_uid

if TYPE_CHECKING:
    from runner.core.manifest import LoadedObject


def put_leased(registry: Registry, value: Json, now: datetime, *, lease: str, holder: str = "") -> None:
    """Write an object that lives as long as a lease; one that was to stay is changed and stays.

    ``holder``: the node that runs it, where it is one that is run and is new.
    """
    with registry.transaction():
        old = registry.get(str(value.get("kind")), *name_of(value))
        if old is None:
            create(registry, Admission().admit(value, now), holder=holder, lease=lease)
            return
        uid, has_lease = uid_of(old), bool(registry.ledger.lease(uid_of(old)) or owner_of(old))
        _change(registry, value, lambda found: _written(registry, value, found, now))
        if has_lease:
            registry.ledger.lend(uid, lease)


def remove_leased(registry: Registry, objects: Iterable[LoadedObject], lease: str) -> None:
    """Remove those of a run's objects that are still its own."""
    for one in objects:
        if one.kind in OBJECTS:
            _remove_if(
                registry, one.kind, one.namespace, one.name, lambda found: registry.ledger.lease(uid_of(found)) == lease
            )


def remove_orphans(registry: Registry, is_alive: IsAlive) -> None:
    """Remove what lived as long as runs that are dead."""
    found = [(kind, value) for kind in OBJECTS for value in registry.list(kind).items]
    if not found:
        return
    fates = Fates(registry, is_alive)
    for kind, value in _orphans(fates, found):
        _remove_if(registry, kind, *name_of(value), partial(_is_still, registry, value, fates.lease_id(value)))


def _is_still(registry: Registry, before: Object, lease: str, found: Object) -> bool:
    """Whether the object was not written again meanwhile, under another lease."""
    return uid_of(found) == uid_of(before) and (registry.ledger.lease(uid_of(found)) or owner_of(found)) == lease


def _orphans(fates: Fates, values: Iterable[tuple[str, Object]]) -> list[tuple[str, Object]]:
    """Those that are not wanted. Of a Service that a node holds this is how the node is asked to end the proxy."""
    return [(kind, value) for kind, value in values if fates.of(value) in (Fate.ENDS, Fate.GOES)]


def is_in_use(registry: Registry, uid: str, is_alive: IsAlive) -> bool:
    """Whether there is a Service of this uid, and living pods that may use it."""
    services = [("Service", one) for one in registry.list("Service").items if uid_of(one) == uid]
    is_wanted = bool(services) and not _orphans(Fates(registry, is_alive), services)
    return is_wanted and somebody_runs_pods(registry, is_alive)


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


def create_missing(registry: Registry, value: Json, now: datetime) -> bool:
    """Add an object unless there is one of its name. Returns whether that was so."""
    with registry.transaction():
        if registry.get(str(value.get("kind")), *name_of(value)) is not None:
            return False
        create(registry, Admission().admit(value, now))
        return True


def apply_object(registry: Registry, value: Json, now: datetime) -> str:
    """Add or change an object, which stays from now on. Returns kubectl's word for what was done."""
    with registry.transaction():
        before = registry.get(str(value.get("kind")), *name_of(value))
        if before is None:
            create(registry, Admission().admit(value, now))
            return "created"
        after = _change(registry, value, lambda old: _written(registry, value, old, now))
        if registry.ledger.lease(uid_of(before)):
            registry.ledger.lend(uid_of(before), "")
    return "unchanged" if after == before else "configured"


def delete_object(registry: Registry, kind: str, namespace: str, name: str) -> None:
    """Remove an object. Raises NoSuchObject when there is none."""
    if registry.delete(kind, namespace, name) is None:
        raise NoSuchObject(f'{OBJECTS[kind].resource} "{name}" not found')


def _change(registry: Registry, value: Json, write: Callable[[Object | None], Json | None]) -> Object | None:
    return registry.change(str(value.get("kind")), *name_of(value), write)


def _written(registry: Registry, value: Json, old: Object | None, now: datetime) -> Object:
    """The object as it is to be kept. A Service's node ports are given with all others in view, in the same transaction."""
    others: list[Object] = []
    if value.get("kind") == "Service":
        others = [one for one in registry.list("Service").items if name_of(one) != name_of(value)]
    return stored_object(value, old, uid=new_uid(), now=now, node_ports=node_ports_of(others))
