"""Ends pods, workloads and objects that this process may not have made: asks their node, or removes them itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from runner.client.contract import no_such, words_of
from runner.clock import Countdown
from runner.core.kindwords import CLAIMS, PODS, WORKLOADS
from runner.core.model import Object, Pod
from runner.core.owners import MAKES, pods_of
from runner.core.sync.termination import deletion_grace
from runner.errors import EngineConflict, NotFound, WaitTimeout
from runner.registry.contract import name_of

if TYPE_CHECKING:
    from runner.client import contract
    from runner.client.place import Ending, Place

POLL_SECONDS = 0.1
"""How often locks and volumes are looked at, which do not tell when they are free."""


class Deleting:
    """How deletions are carried out on this machine."""

    def __init__(self, place: Place, ending: Ending) -> None:
        self.place = place
        self._ending = ending

    def delete(self, kind: str, value: Object, grace: int | None, *, uid: str = "") -> Waitable:
        """Ask for the deletion of an object. Raises as ``Client.delete``."""
        metadata = value["metadata"]
        if uid and metadata.get("uid") != uid:
            raise no_such(kind, str(metadata["name"]))
        namespace, name = name_of(value)
        if kind == PODS.kind:
            return self.pod(value, grace)
        if kind in WORKLOADS:
            return self.workload(value, grace)
        if kind == CLAIMS.kind:
            return ClaimDeletion(deleting=self, value=value)
        self.place.registry.delete(kind, namespace, name)
        return Done()

    def pod(self, value: Object, grace: int | None) -> Deletion:
        """Ask for the deletion of a pod: its owner does it, or this process when the owner is dead."""
        pod = Pod.from_json({key: part for key, part in value.items() if key != "status"})
        from runner.registry.deletion import remove_unheld, request_deletion

        wanted = deletion_grace(pod, grace)
        if not remove_unheld(self.place.registry, pod.uid):
            request_deletion(self.place.registry, pod.uid, self.place.clock.now(), wanted)
        return Deletion(deleting=self, pod=pod, is_at_once=wanted == 0)

    def workload(self, value: Object, grace: int | None) -> ObjectDeletion:
        """The node that holds it ends its pods; without a living holder this process asks for it pod by pod."""
        from runner.registry.deletionrequests import request_deletion_of

        registry = self.place.registry
        namespace, made = str(value["metadata"]["namespace"]), MAKES.get(value["kind"])
        between = registry.list(made, namespace).items if made else []
        pods = pods_of(value, registry.list(PODS.kind, namespace).items, between)
        if self.is_held(str(value["metadata"]["uid"])):
            request_deletion_of(registry, value, grace)
            return ObjectDeletion(deleting=self, value=value, pods=pods)
        return ObjectDeletion(deleting=self, value=value, pods=pods, ending=[self.pod(one, grace) for one in pods])

    def finish(self, deletions: Sequence[contract.Waitable]) -> None:
        """Remove the pods of several deletions that no node runs, side by side. Blocks until they are gone."""
        from runner.registry.holders import PodIsOwned
        from runner.registry.standing import forget_dead

        registry = self.place.registry
        ending = [one for deletion in deletions if isinstance(deletion, Waitable) for one in deletion.pods_to_end()]
        left = [one for one in ending if registry.get_by_uid(one.pod.uid) is not None and not self.is_held(one.pod.uid)]
        for one in left:
            if one.is_at_once:
                with suppress(PodIsOwned, NotFound):  # Another process was faster.
                    self._remove_at_once(one.pod)
        gracefully = [one.pod for one in left if not one.is_at_once]
        if gracefully:
            self._ending.adopt_and_remove(*gracefully)
        forget_dead(registry, self.is_alive, self.place.clock.now())

    def _remove_at_once(self, pod: Pod) -> None:
        """Remove a pod whose owner is dead without asking its processes to end. Raises PodIsOwned, EngineError."""
        from runner.janitor.gc import remove_pod
        from runner.registry.objects import remove_orphans

        remove_pod(self.place.engine, self.place.registry, self.place.home, self.place.clock, pod.uid)
        remove_orphans(self.place.registry, self.is_alive)

    def is_held(self, uid: str) -> bool:
        """Whether a node runs it, this process' included."""
        return self.is_alive(self.place.registry.ledger.holder(uid))

    def is_alive(self, holder: str) -> bool:
        """Whether a holder lives."""
        from runner.registry.holders import holder_is_alive

        return holder_is_alive(self.place.home, holder)

    def until(
        self,
        holds: Callable[[], bool],
        timeout: float | None,
        what: str,
        *,
        uid: str = "",
        kinds: Sequence[str] | None = None,
        looks_every: float | None = None,
    ) -> None:
        """Look after every change, of the object of a uid or of some kinds, until something holds.

        ``looks_every`` so many seconds: some of it changes and nothing tells. Raises WaitTimeout after ``timeout`` seconds; None:
        without limit.
        """
        if holds():
            return
        patience = Countdown(self.place.clock, timeout)
        with self.place.registry.watch(kinds=kinds, uids=(uid,) if uid else None) as watch:
            watch.next(0)  # From here on: what has changed before the first look is no change any more.
            while not holds():
                if patience.is_over:
                    raise WaitTimeout(f"timed out waiting for the condition on {what}")
                watch.next(patience.left if looks_every is None else patience.within(looks_every))


class Waitable:
    """A deletion under way. ``needs_waiting``: this process has to carry it out."""

    needs_waiting: ClassVar[bool] = False

    def pods_to_end(self) -> Sequence[Deletion]:
        """The deletions of pods that belong to it, which this process may have to carry out."""
        return ()

    def wait(self, timeout: float | None = None) -> None:
        """Wait until it is done, at most so many seconds. Raises WaitTimeout."""


class Done(Waitable):
    """What went at once."""


@dataclass(frozen=True, slots=True)
class Deletion(Waitable):
    """The deletion of a pod that has been asked for."""

    deleting: Deleting
    pod: Pod
    is_at_once: bool = False

    def pods_to_end(self) -> Sequence[Deletion]:
        return (self,)

    def wait(self, timeout: float | None = None) -> None:
        """Wait until the pod is gone, removing it here when no node runs it. Raises WaitTimeout."""
        registry, uid = self.deleting.place.registry, self.pod.uid
        self.deleting.finish([self])
        what = f"{PODS.plural}/{self.pod.name}"
        self.deleting.until(lambda: registry.get_by_uid(uid) is None, timeout, what, uid=uid)


@dataclass(frozen=True, slots=True)
class ObjectDeletion(Waitable):
    """The deletion of a workload with its pods; ``ending`` are those that this process has to end."""

    deleting: Deleting
    value: Object
    pods: Sequence[Object]
    ending: Sequence[Deletion] = field(default_factory=tuple)

    def pods_to_end(self) -> Sequence[Deletion]:
        return self.ending

    def wait(self, timeout: float | None = None) -> None:
        """Wait until it and its pods are gone; an object of the same name that came after it does not count."""
        what = f"{words_of(self.value['kind']).plural}/{self.value['metadata']['name']}"
        kinds = (PODS.kind, str(self.value["kind"]))
        self.deleting.until(self._is_gone, timeout, what, kinds=kinds, looks_every=POLL_SECONDS)

    def _is_gone(self) -> bool:
        from runner.registry.deletionrequests import deletion_asked_of
        from runner.registry.standing import forget_dead

        registry, value = self.deleting.place.registry, self.value
        if any(registry.get_by_uid(str(pod["metadata"]["uid"])) is not None for pod in self.pods):
            return False
        found = registry.get(value["kind"], value["metadata"]["namespace"], value["metadata"]["name"])
        if found is None or found["metadata"].get("uid") != value["metadata"]["uid"]:
            return True
        if not self.deleting.is_held(str(value["metadata"]["uid"])):
            forget_dead(registry, self.deleting.is_alive, self.deleting.place.clock.now())
            return True
        return not deletion_asked_of(registry, value)[0]  # A Deployment's ReplicaSet, which is there again.


@dataclass(frozen=True, slots=True)
class ClaimDeletion(Waitable):
    """The deletion of a claim with its volume, as soon as no container uses that."""

    deleting: Deleting
    value: Object
    needs_waiting: ClassVar[bool] = True

    def wait(self, timeout: float | None = None) -> None:
        """Remove the volume as soon as that is possible. Raises WaitTimeout, EngineError."""
        what = f"{CLAIMS.plural}/{self.value['metadata']['name']}"
        self.deleting.until(self._remove, timeout, what, kinds=(CLAIMS.kind,), looks_every=POLL_SECONDS)

    def _remove(self) -> bool:
        from runner.core.labels import pvc_volume_name

        namespace, name = str(self.value["metadata"]["namespace"]), str(self.value["metadata"]["name"])
        try:
            self.deleting.place.engine.remove_volume(pvc_volume_name(namespace, name))
        except NotFound:
            pass  # It was never used.
        except EngineConflict:
            return False
        self.deleting.place.registry.delete(CLAIMS.kind, namespace, name)
        return True
