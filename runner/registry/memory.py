"""The store in memory: for simulations, where hundreds of thousands of statuses are published. Nothing is copied deeply."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from runner.core.events import Event
from runner.core.model import Json
from runner.core.status.podstatus import PodStatus
from runner.registry.storage import (
    EVENT_LIFETIME,
    AlreadyExists,
    Object,
    deleted,
    last_seen,
    name_of,
    updated,
    without_status,
)


@dataclass(slots=True)
class _Pod:
    value: Object
    status: Json | PodStatus | None
    """As it came; most are replaced before anybody asks."""
    owner: str
    version: int
    kept: bool = False
    attempts: dict[str, int] = field(default_factory=dict)

    def read(self) -> Object:
        metadata = {**self.value["metadata"], "resourceVersion": str(self.version)}
        value = {**self.value, "metadata": metadata}
        if isinstance(self.status, PodStatus):
            self.status = self.status.to_json()
        if self.status is not None:
            value["status"] = self.status
        return value


class MemoryStore:
    """A ``Store`` that dies with the process. May be used from several threads.

    ``event_lifetime``: seconds, counted back from the newest event; None keeps all.
    """

    def __init__(self, *, event_lifetime: float | None = EVENT_LIFETIME) -> None:
        self._lock = threading.Lock()
        self._version = 0
        self._wishes = 0
        self._pods: dict[str, _Pod] = {}
        self._uids: dict[tuple[str, str], str] = {}
        self._events: dict[tuple[str, str], tuple[datetime | None, Event | Json]] = {}
        self._objects: dict[tuple[str, str, str], Json] = {}
        self._event_lifetime = event_lifetime

    def create_pod(self, pod: Json, *, owner: str) -> None:
        namespace, name = name_of(pod)
        uid = str(pod["metadata"]["uid"])
        with self._lock:
            if (namespace, name) in self._uids:
                raise AlreadyExists("pods", name)
            metadata = {"generation": 1, **pod["metadata"], "namespace": namespace}
            self._version += 1
            self._pods[uid] = _Pod(
                {**without_status(pod), "metadata": metadata}, pod.get("status"), owner, version=self._version
            )
            self._uids[namespace, name] = uid

    def pod(self, namespace: str, name: str) -> Object | None:
        with self._lock:
            uid = self._uids.get((namespace, name))
            return None if uid is None else self._pods[uid].read()

    def pod_by_uid(self, uid: str) -> Object | None:
        with self._lock:
            pod = self._pods.get(uid)
            return None if pod is None else pod.read()

    def pods(self, namespace: str | None = None) -> list[Object]:
        with self._lock:
            keys = sorted(key for key in self._uids if namespace in (None, key[0]))
            return [self._pods[self._uids[key]].read() for key in keys]

    def owner(self, uid: str) -> str:
        with self._lock:
            pod = self._pods.get(uid)
            return "" if pod is None else pod.owner

    def publish(self, uid: str, status: PodStatus, at: datetime) -> None:
        del at  # the status carries its own times
        with self._lock:
            pod = self._pods.get(uid)
            if pod is not None:
                self._version += 1
                pod.version = self._version
                pod.status = status

    def update_pod(self, pod: Json) -> None:
        with self._lock:
            old = self._pods.get(str(pod["metadata"]["uid"]))
            if old is not None:
                self._replace(old, updated(old.value, pod))

    def request_deletion(self, uid: str, at: datetime, grace: int) -> None:
        with self._lock:
            old = self._pods.get(uid)
            changed = None if old is None else deleted(old.value, at, grace)
            if old is not None and changed is not None:
                self._replace(old, changed)

    def _replace(self, pod: _Pod, value: Object) -> None:
        self._version += 1
        self._wishes += 1
        pod.version = self._version
        pod.value = value

    def keep_pod(self, uid: str) -> None:
        with self._lock:
            pod = self._pods.get(uid)
            if pod is not None:
                self._version += 1
                pod.kept = True

    def kept_pods(self) -> frozenset[str]:
        with self._lock:
            return frozenset(uid for uid, pod in self._pods.items() if pod.kept)

    def remove_pod(self, uid: str) -> None:
        with self._lock:
            pod = self._pods.pop(uid, None)
            if pod is not None:
                self._version += 1
                del self._uids[name_of(pod.value)]

    def record_event(self, event: Event | Json) -> None:
        instant: datetime | None
        if isinstance(event, Event):
            key, instant = (event.ref.namespace, event.name), event.last
        else:
            key, instant = name_of(event), last_seen(event)
        with self._lock:
            self._version += 1
            known = self._events.pop(key, None)  # so that the dictionary's order is the order of last being seen
            self._events[key] = (instant, event)
            # One that is counted up takes no more room than it did.
            if known is None and instant is not None and self._event_lifetime is not None:
                self._prune(instant, self._event_lifetime)

    def _prune(self, now: datetime, lifetime: float) -> None:
        while self._events:
            key = next(iter(self._events))
            seen = self._events[key][0]
            if seen is None or (now - seen).total_seconds() <= lifetime:
                return
            del self._events[key]

    def events(self, namespace: str | None = None, *, pod: str | None = None, uid: str | None = None) -> list[Object]:
        with self._lock:
            within = [event for (space, _), (_, event) in self._events.items() if namespace in (None, space)]
        values = (event.to_json() if isinstance(event, Event) else dict(event) for event in within)
        return [value for value in values if _is_about(value, pod, uid)]

    def remove_event(self, namespace: str, name: str) -> None:
        with self._lock:
            self._version += 1
            self._events.pop((namespace, name), None)

    def note_attempt(self, uid: str, container: str, attempt: int) -> None:
        with self._lock:
            pod = self._pods.get(uid)
            if pod is not None:
                self._version += 1
                pod.attempts[container] = max(attempt, pod.attempts.get(container, attempt))

    def attempts(self, uid: str) -> Mapping[str, int]:
        with self._lock:
            pod = self._pods.get(uid)
            return {} if pod is None else dict(pod.attempts)

    def put_object(self, value: Json) -> None:
        with self._lock:
            self._version += 1
            self._objects[(str(value.get("kind") or ""), *name_of(value))] = value

    def object(self, kind: str, namespace: str, name: str) -> Object | None:
        with self._lock:
            value = self._objects.get((kind, namespace, name))
            return None if value is None else dict(value)

    def objects(self, kind: str, namespace: str | None = None) -> list[Object]:
        with self._lock:
            if not self._objects:
                return []
            found = sorted(key for key in self._objects if key[0] == kind and namespace in (None, key[1]))
            return [dict(self._objects[key]) for key in found]

    def remove_object(self, kind: str, namespace: str, name: str) -> None:
        with self._lock:
            if self._objects.pop((kind, namespace, name), None) is not None:
                self._version += 1

    def version(self) -> int:
        return self._version

    def wishes(self) -> int:
        return self._wishes

    def close(self) -> None:
        """Nothing to give back."""


def _is_about(event: Json, pod: str | None, uid: str | None) -> bool:
    target = event.get("involvedObject") or {}
    return pod in (None, target.get("name")) and uid in (None, target.get("uid"))
