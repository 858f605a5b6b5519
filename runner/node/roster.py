"""The pods that a node holds: found by what the ledger says, begun, let go of, and remembered as long as they are asked for."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from runner.core.changes import ChangeType
from runner.core.fates import Fate
from runner.core.kindwords import PODS
from runner.core.model import Object, Pod, PodUID
from runner.core.owners import controller_of
from runner.node.newcomers import Newcomers
from runner.node.owning import Owned
from runner.node.running import Past, Running
from runner.registry.contract import Change, Registry, uid_of, was_admitted
from runner.registry.deletion import pod_of
from runner.registry.fates import Fates
from runner.registry.holders import IsAlive, PodIsOwned, take_in, was_held

if TYPE_CHECKING:
    from runner.controllers.control import Controller

MOST_PAST: Final = 200
"""How many pods that workloads have made and that are gone are remembered for the verdict on a run."""

Begin = Callable[[Owned, bool, "Controller | None"], Running]
"""Makes a pod's worker; told whether the pod is new, and which workload has made it."""


class Roster:
    """Mirrors what a kubelet knows of its pods (pkg/kubelet/pod_workers.go, pkg/kubelet/pod/pod_manager.go). For all threads."""

    def __init__(
        self,
        registry: Registry,
        newcomers: Newcomers,
        begin: Begin,
        controllers: Callable[[], Sequence[Controller]],
        on_add: Callable[[Running], None],
        on_leave: Callable[[PodUID], None],
    ) -> None:
        """``newcomers`` are the pods that are written for this node; ``begin`` makes a worker.

        ``on_add`` is called with each pod before it lives, ``on_leave`` with each that is let go of: whoever remembers
        something of it forgets that.
        """
        self._registry = registry
        self._newcomers = newcomers
        self._holder = newcomers.holder
        self._begin = begin
        self._controllers = controllers
        # In the order in which they came; those that run once more, to be found and gone through quickly.
        self._all: dict[str, Running | Past] = {}
        self.live: dict[str, Running] = {}
        self.remembers: int | None = 0
        """How many pods that are gone and that no Job counts are remembered; None: all. A run's own are, unless it is 0."""
        self._on_add = on_add
        self._on_leave = on_leave
        self.guard = threading.RLock()
        """Held while a pod is taken, so that of several threads that hear of it one begins it."""

    @property
    def everyone(self) -> Sequence[Running | Past]:
        return tuple(self._all.values())

    def find(self, uid: str) -> Running | Past | None:
        return self._all.get(uid)

    def remember(self, most: int | None) -> None:
        """Remember so many pods that are gone, for the verdict on a run; None: all."""
        self.remembers = most

    # --- finding ------------------------------------------------------------------------------------------------------

    def look(self) -> None:
        """Begin with all that is held, and let go of what is not: at first, and when changes were missed. Raises StoreError."""
        with self.guard:
            held = [uid for uid, holder in self._registry.ledger.holders().items() if holder == self._holder]
            for uid in dict.fromkeys((*self._newcomers.waiting, *held)):
                self.pick_up(uid)
            for uid in self.live.keys() - set(held):
                self._lose(self.live[uid])

    def heed(self, change: Change) -> None:
        """A pod that this node holds, or held, has changed: in its spec, its holder, or it is no more. Raises StoreError."""
        with self.guard:
            one = self.live.get(change.uid)
            if change.type is ChangeType.DELETED:
                if one is not None:
                    self._lose(one)
            elif one is not None:
                one.wakeup.set()
            else:
                self.pick_up(change.uid)

    def take_in(self, is_alive: IsAlive, node: str) -> None:
        """Become the holder of what waits for one; ``node`` is this node's name. Raises StoreError."""
        pods = self._registry.list(PODS.kind).items
        fates = Fates(self._registry, is_alive)
        for value in pods:
            if fates.of(value) is Fate.WAITS:
                with suppress(PodIsOwned):  # Another node was quicker.
                    take_in(self._registry, uid_of(value), self._holder, is_alive, node)
                    self.pick_up(uid_of(value))

    def pick_up(self, uid: str) -> Running | None:
        """Begin with a pod that this node holds. None: it does not, or nothing is left to be done. Raises StoreError.

        What another node has begun is taken over as it is.
        """
        with self.guard:
            known = self._all.get(uid)
            if known is not None:
                return known if isinstance(known, Running) else None
            owned, is_new = self._newcomers.take(uid), True
            if owned is None:
                value = pod_of(self._registry, uid)
                if value is None or self._registry.ledger.holder(uid) != self._holder:
                    return None
                owned, is_new = self._newcomers.own(value), not self._was_begun(value)
            return self._add(owned, is_new=is_new)

    def _was_begun(self, value: Object) -> bool:
        """Whether a node has begun with a pod: something of it may be in the Engine."""
        uid = uid_of(value)
        return was_admitted(value) or bool(self._registry.ledger.attempts(uid)) or was_held(self._registry, uid)

    def _add(self, owned: Owned, *, is_new: bool) -> Running:
        if not is_new:
            owned.begin_once()  # By another node.
        one = self._begin(owned, is_new, self._maker_of(owned.pod))
        self._all[owned.pod.uid] = self.live[owned.pod.uid] = one
        self._on_add(one)
        return one

    def _maker_of(self, pod: Pod) -> Controller | None:
        controllers = self._controllers()
        uid = controller_of(pod.manifest) if controllers else ""
        return next((one for one in controllers if one.workload.uid == uid), None)

    def reboot(self, uid: str) -> None:
        """All that is known of a pod is what is in the registry and the Engine, from its next step on."""
        one = self.live.get(uid)
        if one is not None:
            one.reboot()

    # --- letting go ---------------------------------------------------------------------------------------------------

    def _lose(self, one: Running) -> None:
        """Another node holds it now, or it was removed. Its worker leaves it as it is."""
        if not one.worker.gone:
            one.lose()

    def let_go(self, one: Running) -> None:
        """Its worker has stopped. One that was lost is not known any more, unless it has come back. Raises StoreError."""
        one.owned.release()
        if one.is_lost:
            self._newcomers.forget(one.owned)
            self._on_leave(one.pod.uid)
            with self.guard:
                self.live.pop(one.pod.uid, None)
                self._all.pop(one.pod.uid, None)
                self.pick_up(one.pod.uid)

    def fold(self, one: Running) -> None:
        """Keep of a pod that is gone only what the verdict on a run, or its workload, looks at."""
        one.owned.release()
        with self.guard:
            self._newcomers.forget(one.owned)
            self._all[one.pod.uid] = Past(view=one.view, controller=one.controller, decision=one.decision)
            self.live.pop(one.pod.uid, None)
            self.forget()
        self._on_leave(one.pod.uid)

    def forget(self) -> None:
        """Forget those that are gone and not asked for any more."""
        if self.remembers is None:
            return
        with self.guard:
            past = [(uid, one) for uid, one in self._all.items() if isinstance(one, Past) and not _is_counted(one)]
            if self.remembers:
                past = [(uid, one) for uid, one in past if one.controller is not None][: -self.remembers]
            for uid, one in past:
                del self._all[uid]
                if one.controller is not None:
                    one.controller.let_go(uid)


def _is_counted(past: Past) -> bool:
    """Whether its workload looks at it still: a Job that is there counts the pods that have ended."""
    maker = past.controller
    return maker is not None and maker.workload.kind == "Job" and not maker.is_deleted
