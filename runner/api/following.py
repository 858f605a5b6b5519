"""What the client that wrote a run's objects knows of them: a view folded from what a watch tells, deletions included."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from msgspec.structs import replace

from runner.core.changes import ChangeType
from runner.core.kindwords import PODS
from runner.core.model import Json
from runner.core.runview import PodView, RunView
from runner.errors import Expired

if TYPE_CHECKING:
    from runner.client.contract import Client
    from runner.registry.contract import Watch


class Following:
    """Follows the pods and workloads that a view begins with, and the pods that those workloads make."""

    def __init__(self, client: Client, begun: RunView, kinds: Iterable[str] = ()) -> None:
        """``kinds`` are those of the workloads."""
        self._client = client
        spaces = {str(pod.manifest["metadata"]["namespace"]) for pod in begun.pods}
        self._namespace = spaces.pop() if len(spaces) == 1 and not begun.workloads else None
        self._kinds = (PODS.kind, *kinds)
        # Without workloads all pods are known from the beginning: what happens to others is not even read.
        self._uids = None if begun.workloads else tuple(pod.uid for pod in begun.pods)
        self._view = begun
        self._watch = self._begin()

    def view(self) -> RunView:
        """Everything as it is now; what was written before this call is in it."""
        try:
            changes = self._watch.next(0)
        except Expired:
            self._watch.close()
            self._watch, changes = self._begin(), []
        for change in changes:
            self._view = self._view.after(change.type, change.value)
        return self._view

    def close(self) -> None:
        self._watch.close()

    def _begin(self) -> Watch:
        """Look at everything, and watch what comes after it."""
        listings = [self._client.list(kind, self._namespace) for kind in self._kinds]
        self._take(value for listing in listings for value in listing.items)
        version = listings[0].resource_version
        return self._client.watch(self._kinds, self._namespace, uids=self._uids, since=version)

    def _take(self, values: Iterable[Json]) -> None:
        """What is known and not there any more was deleted while it was not watched."""
        there: dict[str, Json] = {str(value["metadata"].get("uid")): value for value in values}
        for value in there.values():
            self._view = self._view.after(ChangeType.ADDED, value)
        workloads = [one if one.uid in there else replace(one, is_deleted=True) for one in self._view.workloads]
        pods = [pod if pod.uid in there else replace(pod, is_gone=True) for pod in self._view.pods]
        self._view = replace(self._view, pods=pods, workloads=workloads)


def told(view: RunView, by_node: Sequence[PodView]) -> RunView:
    """The view with what a node tells of its pods beyond their objects: troubles, and restarts that were given up."""
    known = {pod.uid: pod for pod in by_node}
    return replace(view, pods=[_told(pod, known.get(pod.uid)) for pod in view.pods])


def _told(pod: PodView, by_node: PodView | None) -> PodView:
    return pod if by_node is None else replace(pod, gave_up=by_node.gave_up, known=by_node.known)
