"""The names of workloads while their run lasts: taken by nobody else, and forgotten when it is over or its process died.

A workload's lock is like a pod's, by its UID; its objects in the store are what ``get`` shows. Those whose pods are kept stay
with them, as they were shown last.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

from runner.core.kindwords import WORKLOADS
from runner.core.model import Json
from runner.runtime.controllers import Controller
from runner.runtime.home import Home
from runner.runtime.ownership import PodLock, is_locked
from runner.runtime.storage import AlreadyExists, Store


@contextmanager
def standing(controllers: Sequence[Controller], store: Store, home: Home) -> Iterator[None]:
    """Hold the names of workloads. Raises AlreadyExists when a run that lives has one of them."""
    values = [value for one in controllers for value in (one.workload.parent, one.workload.value) if value is not None]
    with ExitStack() as stack:
        for value in values:
            kind, namespace, name = _key(value)
            found = store.object(kind, namespace, name)
            if found is not None and is_locked(home, _uid(found)):
                raise AlreadyExists(WORKLOADS[kind].resource, name)
            stack.enter_context(PodLock(home, _uid(value)))
            store.put_object(value)
        try:
            yield
        finally:
            stack.close()
            forget_dead(store, home)


def forget_dead(store: Store, home: Home) -> None:
    """Remove the workloads that nobody runs and that have no pods."""
    values = [value for kind in WORKLOADS for value in store.objects(kind)]
    if not values:
        return
    owners = {uid for pod in store.pods() for uid in _owners(pod)}
    owners |= {uid for value in values if _uid(value) in owners for uid in _owners(value)}
    for value in values:
        if _uid(value) not in owners and not is_locked(home, _uid(value)):
            store.remove_object(*_key(value))


def _owners(value: Json) -> list[str]:
    return [str(one.get("uid")) for one in value["metadata"].get("ownerReferences") or ()]


def _key(value: Json) -> tuple[str, str, str]:
    metadata = value["metadata"]
    return str(value["kind"]), str(metadata["namespace"]), str(metadata["name"])


def _uid(value: Json) -> str:
    return str(value["metadata"].get("uid") or "none")
