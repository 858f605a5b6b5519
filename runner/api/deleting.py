"""Ends pods, workloads and objects that this process may not have made: asks whoever runs them, or removes them itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from runner.api.launching import Launching
from runner.clock import Deadline, Wakeup
from runner.core.kindwords import CLAIMS, EVENTS, OBJECTS, PODS, WORKLOADS, KindWords
from runner.core.model import Json, Object, Pod
from runner.core.sync.termination import deletion_grace
from runner.errors import Conflict, NoSuchObject, NotFound, WaitTimeout
from runner.kubelet.options import RunOptions
from runner.node.outcome import StopRequest

if TYPE_CHECKING:
    from runner.core.manifest import LoadedObject
    from runner.core.narration import Narration

POLL_SECONDS = 0.1


def _deaf(narration: Narration) -> None:
    """A listener that nobody needs."""


class Deleting(Launching):
    """What deleting needs of the facade."""

    def delete(self, namespace: str, name: str, *, grace: int | None, force: bool) -> Deletion:
        """Ask for the deletion of a pod: its owner does it, or this process when the owner is dead.

        ``grace`` in seconds, None: the pod's own; ``force`` means 0. Raises NoSuchObject when there is no such pod.
        """
        value = self.store.pod(namespace, name)
        if value is None:
            raise NoSuchObject(f'pods "{name}" not found')
        return self._delete_pod(value, 0 if force else grace)

    def _delete_pod(self, value: Object, grace: int | None) -> Deletion:
        pod = Pod.from_json({key: part for key, part in value.items() if key != "status"})
        wanted = deletion_grace(pod, grace)
        self.store.request_deletion(pod.uid, self.clock.now(), wanted)
        return Deletion(runner=self, pod=pod, is_at_once=wanted == 0)

    def delete_object(self, kind: str, namespace: str, name: str, *, grace: int | None = None) -> Waitable:
        """Delete an object that is no pod, with the pods that it owns; ``grace`` is for those, in seconds, None: their own.

        Raises NoSuchObject, EngineUnavailable for a claim, whose volume goes too.
        """
        if kind == EVENTS.kind:
            return self._delete_event(namespace, name)
        words = _words(kind)
        value = self.store.object(kind, namespace, name)
        if value is None:
            raise NoSuchObject(f'{words.resource} "{name}" not found')
        if kind in WORKLOADS:
            return self._delete_workload(value, grace)
        if kind == CLAIMS.kind:
            return ClaimDeletion(runner=self, value=value)
        self.store.remove_object(kind, namespace, name)
        return Done()

    def _delete_event(self, namespace: str, name: str) -> Waitable:
        if not any(event["metadata"]["name"] == name for event in self.store.events(namespace)):
            raise NoSuchObject(f'events "{name}" not found')
        self.store.remove_event(namespace, name)
        return Done()

    def _delete_workload(self, value: Object, grace: int | None) -> Waitable:
        """Whoever runs it ends its pods; nobody does when they were kept."""
        from runner.registry.deletionrequests import request_deletion_of
        from runner.registry.ownership import is_locked

        pods = pods_of(self.store.pods(value["metadata"]["namespace"]), self._owned_by(value))
        if is_locked(self.home, str(value["metadata"]["uid"])):
            request_deletion_of(self.store, value, grace)
            return ObjectDeletion(runner=self, value=value, pods=pods)
        return ObjectDeletion(runner=self, value=value, pods=pods, ending=[self._delete_pod(p, grace) for p in pods])

    def _owned_by(self, value: Object) -> frozenset[str]:
        """The uids of a workload and of what stands between it and its pods."""
        made = {"Deployment": "ReplicaSet", "CronJob": "Job"}.get(value["kind"])
        uid = str(value["metadata"]["uid"])
        between = self.store.objects(made, value["metadata"]["namespace"]) if made else []
        return frozenset({uid, *(str(one["metadata"]["uid"]) for one in between if owner_of(one) == uid)})

    def remove_kept(self, objects: Sequence[LoadedObject], grace: int | None) -> list[str]:
        """Delete the pods and workloads of these names that an earlier run has kept, and wait until they are gone.

        ``grace`` in seconds, None: their own. What somebody runs is left alone. Returns what was deleted as ``kind/name``.
        """
        from runner.registry.ownership import is_locked

        deletions: list[Waitable] = []
        names: list[str] = []
        for one in objects:
            is_pod = one.kind == PODS.kind
            if not is_pod and one.kind not in WORKLOADS:
                continue
            store = self.store
            value = store.pod(one.namespace, one.name) if is_pod else store.object(one.kind, one.namespace, one.name)
            if value is not None and not is_locked(self.home, str(value["metadata"].get("uid"))):
                names.append(f"{_words(one.kind).prefix}/{one.name}")
                deletions.append(self._delete_pod(value, grace) if is_pod else self._delete_workload(value, grace))
        if deletions:
            self.remove_unowned(deletions)
        for deletion in deletions:
            deletion.wait()
        return names

    def remove_unowned(self, deletions: Sequence[Waitable]) -> None:
        """Remove the pods of several deletions that nobody runs, side by side. Blocks until they are gone."""
        from runner.registry.ownership import PodIsOwned, is_locked
        from runner.registry.standing import forget_dead

        ending = [one for deletion in deletions for one in deletion.pods_to_end()]
        left = [
            one
            for one in ending
            if not is_locked(self.home, one.pod.uid) and self.store.pod_by_uid(one.pod.uid) is not None
        ]
        for one in left:
            if one.is_at_once:
                with suppress(PodIsOwned, NotFound):  # Somebody else was faster.
                    self.remove_at_once(one.pod)
        gracefully = [one.pod for one in left if not one.is_at_once]
        if gracefully:
            self.adopt_and_remove(*gracefully)
        forget_dead(self.store, self.home)

    def remove_at_once(self, pod: Pod) -> None:
        """Remove a pod whose owner is dead without asking its processes to end. Raises PodIsOwned, EngineError."""
        from runner.janitor.gc import remove_pod
        from runner.registry.objects import remove_orphans

        remove_pod(self.engine, self.store, self.home, pod.uid)
        remove_orphans(self.store)

    def adopt_and_remove(self, *pods: Pod) -> None:
        """Remove pods whose owners are dead: become their owner for what is left of their lives.

        A pod that somebody else owns meanwhile is left to them. Raises EngineUnavailable.
        """
        from runner.node.owning import own
        from runner.registry.ownership import PodIsOwned

        self.engine.architecture()  # Where no Engine answers this says so, the workers would wait for one.
        session = self._session(self._on_this_node(RunOptions()), _deaf, image="")
        try:
            for pod in pods:
                with suppress(PodIsOwned):  # Somebody else was faster.
                    session.add(own(pod, self.home), is_new=False)
            session.open(self.clock.now())
            session.start()
            session.delete_all(StopRequest())
        finally:
            session.close()

    def until(self, holds: Callable[[], bool], timeout: float | None, what: str) -> None:
        """Look again and again until something holds. Raises WaitTimeout after ``timeout`` seconds; None: without limit."""
        deadline, never = Deadline(timeout), Wakeup()
        while not holds():
            if deadline.remaining() == 0:
                raise WaitTimeout(f"timed out waiting for the condition on {what}")
            never.wait(POLL_SECONDS)


class Waitable:
    """A deletion under way. ``needs_waiting``: nobody else carries it out."""

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

    runner: Deleting
    pod: Pod
    is_at_once: bool = False

    def pods_to_end(self) -> Sequence[Deletion]:
        return (self,)

    def wait(self, timeout: float | None = None) -> None:
        """Wait until the pod is gone, removing it here when nobody owns it. Raises WaitTimeout."""
        store, uid = self.runner.store, self.pod.uid
        self.runner.remove_unowned([self])
        self.runner.until(lambda: store.pod_by_uid(uid) is None, timeout, f"{PODS.plural}/{self.pod.name}")


@dataclass(frozen=True, slots=True)
class ObjectDeletion(Waitable):
    """The deletion of a workload with its pods; ``ending`` are those that nobody else ends."""

    runner: Deleting
    value: Object
    pods: Sequence[Object]
    ending: Sequence[Deletion] = field(default_factory=tuple)

    def pods_to_end(self) -> Sequence[Deletion]:
        return self.ending

    def wait(self, timeout: float | None = None) -> None:
        """Wait until it and its pods are gone; an object of the same name that came after it does not count."""
        words = _words(self.value["kind"])
        name = self.value["metadata"]["name"]
        self.runner.until(self._is_gone, timeout, f"{words.plural}/{name}")

    def _is_gone(self) -> bool:
        from runner.registry.deletionrequests import deletion_asked_of
        from runner.registry.ownership import is_locked
        from runner.registry.standing import forget_dead

        store, value = self.runner.store, self.value
        if any(store.pod_by_uid(str(pod["metadata"]["uid"])) is not None for pod in self.pods):
            return False
        found = store.object(value["kind"], value["metadata"]["namespace"], value["metadata"]["name"])
        if found is None or found["metadata"].get("uid") != value["metadata"]["uid"]:
            return True
        if not is_locked(self.runner.home, str(value["metadata"]["uid"])):
            forget_dead(store, self.runner.home)
            return True
        return not deletion_asked_of(store, value)[0]  # A Deployment's ReplicaSet, which is there again.


@dataclass(frozen=True, slots=True)
class ClaimDeletion(Waitable):
    """The deletion of a claim with its volume, as soon as no container uses that."""

    runner: Deleting
    value: Object
    needs_waiting: ClassVar[bool] = True

    def wait(self, timeout: float | None = None) -> None:
        """Remove the volume as soon as that is possible. Raises WaitTimeout, EngineError."""
        self.runner.until(self._remove, timeout, f"{CLAIMS.plural}/{self.value['metadata']['name']}")

    def _remove(self) -> bool:
        from runner.core.labels import pvc_volume_name

        namespace, name = str(self.value["metadata"]["namespace"]), str(self.value["metadata"]["name"])
        try:
            self.runner.engine.remove_volume(pvc_volume_name(namespace, name))
        except NotFound:
            pass  # Nobody has ever used it.
        except Conflict:
            return False
        self.runner.store.remove_object(CLAIMS.kind, namespace, name)
        return True


def owner_of(value: Json) -> str:
    """The uid of the object that controls another one; "" when none does."""
    owners: Any = value["metadata"].get("ownerReferences") or ()
    return next((str(one.get("uid")) for one in owners if one.get("controller")), "")


def pods_of(pods: Sequence[Object], owners: frozenset[str]) -> list[Object]:
    """The pods that some workloads control."""
    return [pod for pod in pods if owner_of(pod) in owners]


def _words(kind: str) -> KindWords:
    known = {CLAIMS.kind: CLAIMS, EVENTS.kind: EVENTS, PODS.kind: PODS}
    return OBJECTS.get(kind) or WORKLOADS.get(kind) or known[kind]
