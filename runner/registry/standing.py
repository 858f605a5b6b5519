"""The names of workloads while their run lasts: taken by nobody else, and forgotten when it is over or its process died.

A workload's lock is like a pod's, by its UID; its objects in the store are what ``get`` shows. Those whose pods are kept stay
with them, as they were shown last.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import TYPE_CHECKING

from runner.clock import SystemClock
from runner.core.kindwords import PODS, WORKLOADS
from runner.core.model import Json
from runner.registry.contract import AlreadyExists, Object, Registry, name_of, uid_of
from runner.registry.deletionrequests import forget_request
from runner.registry.home import Home
from runner.registry.objects import create_missing
from runner.registry.ownership import PodLock, is_locked

if TYPE_CHECKING:
    from runner.core.workloads.model import Workload


def _nothing() -> None:
    """No room can be made."""


@contextmanager
def standing(
    workloads: Sequence[Workload], store: Registry, home: Home, make_room: Callable[[], object] = _nothing
) -> Iterator[None]:
    """Hold the names of workloads. Raises AlreadyExists when a run that lives has one of them, or a pod that is kept.

    ``make_room`` is called for a name that a dead process left behind: its pods may be swept away.
    """
    values = [value for one in workloads for value in (one.parent, one.value) if value is not None]
    with ExitStack() as stack:
        try:
            for value in values:
                _clear(value, store, home, make_room)
                stack.enter_context(PodLock(home, _uid(value)))
                if not create_missing(store, value):
                    raise AlreadyExists(WORKLOADS[str(value["kind"])].resource, name_of(value)[1])
            yield
        finally:
            stack.close()
            forget_dead(store, home)


def _clear(value: Json, store: Registry, home: Home, make_room: Callable[[], object]) -> None:
    """Free a workload's name of what a dead process left behind."""
    found = store.get(*_key(value))
    if found is not None and not is_locked(home, _uid(found)):
        make_room()
        forget_dead(store, home)


def forget_dead(store: Registry, home: Home) -> None:
    """Remove the workloads that nobody runs and that have no pods; those that have are shown with the pods that are left."""
    values = [value for kind in WORKLOADS for value in store.list(kind).items]
    if not values:
        return
    pods = store.list(PODS.kind).items
    owners = {uid for pod in pods for uid in _owners(pod)}
    owners |= {uid for value in values if _uid(value) in owners for uid in _owners(value)}
    for value in values:
        if is_locked(home, _uid(value)):
            continue
        if _uid(value) not in owners:
            store.delete(*_key(value), uid=uid_of(value))
            forget_request(store, value)
        else:
            _recount(value, values, pods, store)


def _recount(value: Json, values: Sequence[Json], pods: Sequence[Json], store: Registry) -> None:
    from runner.core.workloads.kept import recounted

    mine = [pod for pod in pods if _uid(value) in _owners(pod)]
    parent = next((one for one in values if _uid(one) in _owners(value)), None)
    if not mine:
        return  # It owns them by another one, which is counted.
    for one, before in zip(recounted(value, parent, mine, SystemClock().now()), (value, parent), strict=False):
        if one != before:
            # Whoever has written it meanwhile knew better.
            store.change(*_key(one), partial(_replacing, before, one))


def _replacing(before: Json | None, after: Json, found: Object | None) -> Json | None:
    return after if found is not None and found == before else None


def _owners(value: Json) -> list[str]:
    return [str(one.get("uid")) for one in value["metadata"].get("ownerReferences") or ()]


def _key(value: Json) -> tuple[str, str, str]:
    metadata = value["metadata"]
    return str(value["kind"]), str(metadata["namespace"]), str(metadata["name"])


def _uid(value: Json) -> str:
    return str(value["metadata"].get("uid") or "none")
