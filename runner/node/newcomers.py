"""Pods that are written for a node: found by what the registry says, and begun before their workers are there.

Whoever writes a pod, a run, a controller or another process, writes an object with this node as its holder, and tells nobody.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress

from runner.clock import Clock
from runner.core.model import Object
from runner.engine.protocol import Engine
from runner.errors import EngineError, RunnerError, StoreError
from runner.kubelet.containers.removal import remove_everything
from runner.node.owning import Owned
from runner.registry.contract import Registry, uid_of
from runner.registry.deletion import forget_pod, pod_of
from runner.registry.objects import remove_claims
from runner.retry import engine_retry

Means = Callable[[Object], Owned]
"""Gives what it takes to run a v1 Pod."""

ABANDON_SECONDS = 30.0
"""How long what was being made for a pod that is given up is waited for."""


class Newcomers:
    """What a node that ``holder`` names has to run it pods with, from the moment when it finds them in the registry.

    Used by one thread at a time. ``make`` gives what it takes to run a pod; ``begin`` does what is decided first about a new one.
    """

    def __init__(self, registry: Registry, holder: str, make: Means, begin: Callable[[Owned], None]) -> None:
        self.holder = holder
        self._registry = registry
        self._make = make
        self._begin = begin
        self._owned: dict[str, Owned] = {}
        self._waiting: dict[str, Owned] = {}

    def look(self, uid: str = "") -> None:
        """Begin the pods that this node holds and no node has begun with, or that of one uid. Raises StoreError.

        One read, however many there are. Not for the thread that follows the registry, which keeps others waiting.
        """
        for value in self._registry.unbegun(self.holder, uid):
            found = uid_of(value)
            if found not in self._owned:
                self._waiting[found] = self.own(value)
                self.begin(self._waiting[found])

    def own(self, value: Object) -> Owned:
        """What it takes to run a v1 Pod that was found."""
        owned = self._owned[uid_of(value)] = self._make(value)
        return owned

    def begin(self, owned: Owned) -> None:
        """Do what is decided first about a new pod, if nobody has."""
        if owned.begin_once():
            self._begin(owned)

    @property
    def waiting(self) -> tuple[str, ...]:
        """The uids of those that were begun and have no worker yet, in the order in which they were written."""
        return tuple(self._waiting)

    def take(self, uid: str) -> Owned | None:
        """One of those, which has its worker from now on."""
        return self._waiting.pop(uid, None)

    def forget(self, owned: Owned) -> None:
        """Nothing of the pod is left here to be ended."""
        uid = owned.pod.uid
        if self._owned.get(uid) is owned:
            del self._owned[uid]

    # --- the end ----------------------------------------------------------------------------------------------------

    def abandon(self, engine: Engine, clock: Clock) -> None:
        """Undo as much as can be undone of all that this node holds, when what it was for has broken; a sweep finds the rest.

        The pods' workers have ended. Creations that were begun are waited for.
        """
        for owned in tuple(self._held()):
            self._abandon(owned, engine, clock)

    def _held(self) -> Iterator[Owned]:
        """What the ledger says, and what may be in the Engine though its object is gone."""
        try:
            holders = self._registry.ledger.holders()
        except StoreError:  # Then at least what is known.
            yield from self._owned.values()
            return
        yield from (one for uid, one in self._owned.items() if holders.get(uid, self.holder) == self.holder)
        for uid in [uid for uid, holder in holders.items() if holder == self.holder and uid not in self._owned]:
            with suppress(StoreError):
                if (value := pod_of(self._registry, uid)) is not None:
                    yield self._make(value)

    def _abandon(self, owned: Owned, engine: Engine, clock: Clock) -> None:
        owned.making.close()
        owned.release()
        owned.making.wait(ABANDON_SECONDS)
        with suppress(EngineError):
            engine_retry(clock, lambda: remove_everything(owned.pod, engine.of(owned.pod), owned.owner))
        with suppress(RunnerError):
            remove_claims(self._registry, owned.pod.namespace, owned.pod.uid)
        with suppress(RunnerError):
            forget_pod(self._registry, owned.pod.uid)
