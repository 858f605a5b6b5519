"""What must survive the process: pods with their status, events, attempts, and the objects that pods refer to.

The protocol that the effects use. ``runner.runtime.sqlite_store`` keeps it in one SQLite file that several processes share,
``runner.runtime.memory_store`` in memory for simulations; one test suite runs over both. Values are v1 JSON objects.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from runner.core.model import Json

Object = dict[str, Any]


class Store(Protocol):
    """Pods and what belongs to them. Raises StoreError when the state cannot be read or written."""

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

    def publish(self, uid: str, status: Json, at: datetime) -> None:
        """Replace the pod's status; raises the resourceVersion."""
        ...

    def update_pod(self, pod: Json) -> None:
        """Replace metadata and spec of a pod (by uid), keeping the status."""
        ...

    def request_deletion(self, uid: str, at: datetime, grace: int) -> None:
        """Set deletionTimestamp and deletionGracePeriodSeconds; a repeated request may only shorten the grace."""
        ...

    def remove_pod(self, uid: str) -> None:
        """Forget the pod; its events stay for an hour."""
        ...

    def record_event(self, event: Json) -> None:
        """Add an event, or replace the one of the same metadata.name (its count went up)."""
        ...

    def events(self, namespace: str | None = None, *, pod: str | None = None, uid: str | None = None) -> list[Object]:
        """Events in the order in which they were last seen."""
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

    def version(self) -> int:
        """A number that changes whenever anything was written, by this process or another. Cheap."""
        ...

    def close(self) -> None: ...


def name_of(value: Json) -> tuple[str, str]:
    """Namespace and name of an object."""
    metadata = value.get("metadata") or {}
    return metadata.get("namespace") or "default", metadata.get("name") or ""


def without_status(value: Json) -> Object:
    return {key: part for key, part in value.items() if key != "status"}


__all__: Sequence[str] = ["Object", "Store", "name_of", "without_status"]
