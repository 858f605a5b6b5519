"""The names of workloads while their run lasts: taken by nobody else, and forgotten when it is over or its process died.

A workload's lock is like a pod's, by its UID; its objects in the store are what ``get`` shows. Those whose pods are kept stay
with them, as they were shown last.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from runner.clock import SystemClock
from runner.core.kindwords import WORKLOADS
from runner.core.model import Json
from runner.registry.deletionrequests import forget_request
from runner.registry.home import Home
from runner.registry.ownership import PodLock, is_locked
from runner.registry.storage import AlreadyExists, Store

if TYPE_CHECKING:
    from runner.core.workloads.model import Workload


def _nothing() -> None:
    """No room can be made."""


@contextmanager
def standing(
    workloads: Sequence[Workload], store: Store, home: Home, make_room: Callable[[], object] = _nothing
) -> Iterator[None]:
    """Hold the names of workloads. Raises AlreadyExists when a run that lives has one of them, or a pod that is kept.

    ``make_room`` is called for a name that a dead process left behind: its pods may be swept away.
    """
    values = [value for one in workloads for value in (one.parent, one.value) if value is not None]
    with ExitStack() as stack:
        for value in values:
            _claim(value, store, home, make_room)
            stack.enter_context(PodLock(home, _uid(value)))
            store.put_object(value)
        try:
            yield
        finally:
            stack.close()
            forget_dead(store, home)


def _claim(value: Json, store: Store, home: Home, make_room: Callable[[], object]) -> None:
    """See that a workload's name is free. Raises AlreadyExists."""
    kind, namespace, name = _key(value)
    found = store.object(kind, namespace, name)
    if found is not None and not is_locked(home, _uid(found)):
        make_room()
        forget_dead(store, home)
        found = store.object(kind, namespace, name)
    if found is not None:
        raise AlreadyExists(WORKLOADS[kind].resource, name)


def forget_dead(store: Store, home: Home) -> None:
    """Remove the workloads that nobody runs and that have no pods; those that have are shown with the pods that are left."""
    values = [value for kind in WORKLOADS for value in store.objects(kind)]
    if not values:
        return
    pods = store.pods()
    owners = {uid for pod in pods for uid in _owners(pod)}
    owners |= {uid for value in values if _uid(value) in owners for uid in _owners(value)}
    for value in values:
        if is_locked(home, _uid(value)):
            continue
        if _uid(value) not in owners:
            store.remove_object(*_key(value))
            forget_request(store, value)
        else:
            _recount(value, values, pods, store)


def _recount(value: Json, values: Sequence[Json], pods: Sequence[Json], store: Store) -> None:
    from runner.core.workloads.kept import recounted

    mine = [pod for pod in pods if _uid(value) in _owners(pod)]
    parent = next((one for one in values if _uid(one) in _owners(value)), None)
    if not mine:
        return  # It owns them by another one, which is counted.
    for one, before in zip(recounted(value, parent, mine, SystemClock().now()), (value, parent), strict=False):
        if one != before:
            store.put_object(one)


def _owners(value: Json) -> list[str]:
    return [str(one.get("uid")) for one in value["metadata"].get("ownerReferences") or ()]


def _key(value: Json) -> tuple[str, str, str]:
    metadata = value["metadata"]
    return str(value["kind"]), str(metadata["namespace"]), str(metadata["name"])


def _uid(value: Json) -> str:
    return str(value["metadata"].get("uid") or "none")
