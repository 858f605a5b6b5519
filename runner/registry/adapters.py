"""The verbs that came before the registry's, in its terms. Callers go to the new ones kind by kind; this goes with the last."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from runner.core.model import Json
from runner.core.status.podstatus import PodStatus
from runner.registry.contract import Object, name_of
from runner.registry.deletion import forget_pod, pod_of, request_deletion

if TYPE_CHECKING:
    from runner.registry.contract import Registry as _Registry
else:
    _Registry = object  # It lends its verbs only to a class that has them.


class OldVerbs(_Registry):
    """A ``Store`` out of a ``Registry``."""

    def create_pod(self, pod: Json, *, owner: str) -> None:
        self.create({"kind": "Pod", **pod}, holder=owner)

    def pod(self, namespace: str, name: str) -> Object | None:
        return self.get("Pod", namespace, name)

    def pod_by_uid(self, uid: str) -> Object | None:
        return pod_of(self, uid)

    def pods(self, namespace: str | None = None) -> list[Object]:
        return self.list("Pod", namespace).items

    def owner(self, uid: str) -> str:
        return self.ledger.holder(uid)

    def publish(self, uid: str, status: PodStatus, at: datetime) -> None:
        del at  # the status carries its own times
        self.publish_status(uid, status)

    def update_pod(self, pod: Json) -> None:
        with self.transaction():
            old = pod_of(self, str(pod["metadata"]["uid"]))
            if old is not None:
                namespace, name = name_of(old)
                self.update(
                    {**pod, "kind": "Pod", "metadata": {**pod["metadata"], "namespace": namespace, "name": name}}
                )

    def request_deletion(self, uid: str, at: datetime, grace: int) -> None:
        request_deletion(self, uid, at, grace)

    def keep_pod(self, uid: str) -> None:
        self.ledger.keep(uid)

    def kept_pods(self) -> frozenset[str]:
        return self.ledger.kept()

    def remove_pod(self, uid: str) -> None:
        forget_pod(self, uid)

    def events(self, namespace: str | None = None, *, pod: str | None = None, uid: str | None = None) -> list[Object]:
        found = self.list("Event", namespace, about=uid).items
        return [event for event in found if pod in (None, (event.get("involvedObject") or {}).get("name"))]

    def remove_event(self, namespace: str, name: str) -> None:
        self.delete("Event", namespace, name)

    def note_attempt(self, uid: str, container: str, attempt: int) -> None:
        self.ledger.note_attempt(uid, container, attempt)

    def attempts(self, uid: str) -> Mapping[str, int]:
        return self.ledger.attempts(uid)

    def put_object(self, value: Json) -> None:
        self.change(str(value.get("kind") or ""), *name_of(value), lambda _: value)

    def object(self, kind: str, namespace: str, name: str) -> Object | None:
        return self.get(kind, namespace, name)

    def objects(self, kind: str, namespace: str | None = None) -> list[Object]:
        return self.list(kind, namespace).items

    def remove_object(self, kind: str, namespace: str, name: str) -> None:
        self.delete(kind, namespace, name)
