"""The names of workloads while their run lasts: no other run takes them. They go with it, also when its process dies.

A workload has a holder as a pod has; its objects in the registry are what ``get`` shows. Those whose pods are kept stay with
them, as they were shown last.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

from runner.clock import Clock
from runner.core.fates import Fate
from runner.core.kindwords import PODS, WORKLOADS
from runner.core.model import Json
from runner.registry.admission import create
from runner.registry.contract import Key, Object, Registry, uid_of
from runner.registry.deletionrequests import forget_request
from runner.registry.fates import Fates
from runner.registry.holders import Holder, IsAlive

if TYPE_CHECKING:
    from runner.core.workloads.model import Workload


def _nothing(_: Sequence[Key]) -> None:
    """No room can be made."""


@contextmanager
def standing(
    workloads: Sequence[Workload],
    registry: Registry,
    holder: Holder,
    lease: str,
    clock: Clock,
    make_room: Callable[[Sequence[Key]], object] = _nothing,
) -> Iterator[None]:
    """Hold the names of workloads. Raises AlreadyExists when a run that lives has one of them, or a pod that is kept.

    ``make_room`` is called with kinds, namespaces and names of what a dead process left behind: its pods may be swept away.
    """
    values = [value for one in workloads for value in (one.parent, one.value) if value is not None]
    written: list[Json] = []
    try:
        for value in values:
            _clear(value, registry, holder.is_alive, clock, make_room)
            create(registry, value, holder=holder.id, lease=lease)
            written.append(value)
        yield
    finally:
        with registry.transaction():
            for value in written:
                registry.ledger.keep(_uid(value))  # With the pods that are kept, if there are any.
        forget_dead(registry, holder.is_alive, clock.now(), besides=holder.id)


def _clear(
    value: Json, registry: Registry, is_alive: IsAlive, clock: Clock, make_room: Callable[[Sequence[Key]], object]
) -> None:
    """Free a workload's name of what a dead process left behind."""
    found = registry.get(*_key(value))
    if found is not None and not is_alive(registry.ledger.holder(_uid(found))):
        make_room([_key(value)])
        forget_dead(registry, is_alive, clock.now())


def forget_dead(registry: Registry, is_alive: IsAlive, now: datetime, *, besides: str = "") -> None:
    """Remove the workloads that no node runs and that have no pods; those that have are shown with the pods that are left.

    ``besides`` is a holder that is letting go.
    """
    values = [value for kind in WORKLOADS for value in registry.list(kind).items]
    if not values:
        return
    fates = Fates(registry, is_alive, besides=besides)
    pods = registry.list(PODS.kind).items
    owners = {uid for pod in pods for uid in _owners(pod)}
    owners |= {uid for value in values if _uid(value) in owners for uid in _owners(value)}
    for value in values:
        if not _is_left(value, fates):
            continue
        if _uid(value) not in owners:
            _forget(registry, value, fates.holder(_uid(value)))
        else:
            _recount(value, values, pods, registry, now)


def _is_left(value: Json, fates: Fates) -> bool:
    """Whether only its pods keep it. Earlier versions wrote down neither who ran it nor for whom."""
    is_unknown = not fates.holder(_uid(value)) and not fates.lease_id(value)
    return is_unknown or fates.of(value) in (Fate.STAYS, Fate.GOES)


def _forget(registry: Registry, value: Json, holder: str) -> None:
    """Remove a workload unless another process has taken it meanwhile."""
    with registry.transaction():
        if registry.ledger.holder(_uid(value)) == holder:
            registry.delete(*_key(value), uid=uid_of(value))
            forget_request(registry, value)


def _recount(value: Json, values: Sequence[Json], pods: Sequence[Json], store: Registry, now: datetime) -> None:
    from runner.core.workloads.kept import recounted

    mine = [pod for pod in pods if _uid(value) in _owners(pod)]
    parent = next((one for one in values if _uid(one) in _owners(value)), None)
    if not mine:
        return  # It owns them by another one, which is counted.
    for one, before in zip(recounted(value, parent, mine, now), (value, parent), strict=False):
        if one != before:
            # A writer that came meanwhile knew better.
            store.change(*_key(one), partial(_replacing, before, one))


def _replacing(before: Json | None, after: Json, found: Object | None) -> Json | None:
    return after if found is not None and found == before else None


def _owners(value: Json) -> list[str]:
    return [str(one.get("uid")) for one in value["metadata"].get("ownerReferences") or ()]


def _key(value: Json) -> Key:
    metadata = value["metadata"]
    return str(value["kind"]), str(metadata["namespace"]), str(metadata["name"])


def _uid(value: Json) -> str:
    return str(value["metadata"].get("uid") or "none")
