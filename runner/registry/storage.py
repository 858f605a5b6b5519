"""The registry with the verbs that came before its own: pods, events, attempts and objects each had theirs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from runner.core.events import Event
from runner.core.model import Json
from runner.core.status.podstatus import PodStatus
from runner.registry.contract import AlreadyExists, Object, Registry, name_of, without_status


class Store(Registry, Protocol):
    """Pods and what belongs to them. Raises StoreError when the state cannot be read or written.

    ``metadata.resourceVersion`` of a pod grows with each of its writes. Values may be shared with the store: whoever
    hands one in or gets one out changes nothing inside it. A write to a pod that is gone does nothing, because another
    process may have removed it at any moment.
    """

    def create_pod(self, pod: Json, *, owner: str) -> None:
        """Add a pod (with metadata.uid). Raises ``AlreadyExists`` when namespace/name is taken."""
        ...

    def pod(self, namespace: str, name: str) -> Object | None:
        """The whole v1 Pod, with the status published last; None when there is none."""
        ...

    def pod_by_uid(self, uid: str) -> Object | None: ...

    def pods(self, namespace: str | None = None) -> list[Object]:
        """All pods, of one namespace or of all, sorted by namespace and name."""
        ...

    def owner(self, uid: str) -> str:
        """The owner label of the process that runs the pod; "" when unknown."""
        ...

    def publish(self, uid: str, status: PodStatus, at: datetime) -> None:
        """Replace the pod's status; raises the resourceVersion."""
        ...

    def update_pod(self, pod: Json) -> None:
        """Replace metadata and spec of a pod (by uid), keeping the status and what belongs to the server.

        That is name, namespace, uid, creation, generation and deletion. A changed spec raises the generation.
        """
        ...

    def request_deletion(self, uid: str, at: datetime, grace: int) -> None:
        """Set deletionTimestamp (when the grace ends) and deletionGracePeriodSeconds; a repeat may only shorten the grace.

        A negative grace counts as one second (k8s.io/apiserver pkg/registry/rest/delete.go BeforeDelete).
        """
        ...

    def keep_pod(self, uid: str) -> None:
        """Mark a pod as kept on purpose: a sweep leaves it and its containers alone."""
        ...

    def kept_pods(self) -> frozenset[str]:
        """The uids of the pods that are kept on purpose."""
        ...

    def remove_pod(self, uid: str) -> None:
        """Forget the pod; its events stay for an hour."""
        ...

    def record_event(self, event: Event | Json) -> None:
        """Add an event, or a v1 Event; or replace the one of the same metadata.name (its count went up)."""
        ...

    def events(self, namespace: str | None = None, *, pod: str | None = None, uid: str | None = None) -> list[Object]:
        """Events in the order in which they were last seen."""
        ...

    def remove_event(self, namespace: str, name: str) -> None:
        """Forget an event."""
        ...

    def note_attempt(self, uid: str, container: str, attempt: int) -> None:
        """Remember that this attempt of a container (POD for the sandbox) was created."""
        ...

    def attempts(self, uid: str) -> Mapping[str, int]:
        """The highest attempt so far, by container."""
        ...

    def put_object(self, value: Json) -> None:
        """Add or replace a ConfigMap, Secret, PersistentVolumeClaim …"""
        ...

    def object(self, kind: str, namespace: str, name: str) -> Object | None: ...

    def objects(self, kind: str, namespace: str | None = None) -> list[Object]: ...

    def remove_object(self, kind: str, namespace: str, name: str) -> None: ...

    def close(self) -> None: ...


__all__: Sequence[str] = ["AlreadyExists", "Object", "Store", "name_of", "without_status"]
