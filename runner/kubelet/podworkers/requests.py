"""Takes over what somebody else asks of a pod through the registry: deletion, another grace period, another image."""

from __future__ import annotations

from collections.abc import Callable

from runner.core.labels import RETRY
from runner.core.model import Json, Pod, RetryScope
from runner.core.sync.restart import with_retry_scope
from runner.kubelet.loop.podcache import PodCache
from runner.kubelet.loop.status import StatusManager
from runner.registry.contract import Registry, without_status


class Requests:
    """What is asked of one pod. It remembers how far it has read. ``hurry`` ends its back-offs."""

    def __init__(
        self,
        cache: PodCache,
        statuses: StatusManager,
        registry: Registry,
        scope: RetryScope,
        hurry: Callable[[], None],
    ) -> None:
        self._cache = cache
        self._statuses = statuses
        self._registry = registry
        self._scope = scope
        self._hurry = hurry
        self._seen = -1

    def read(self) -> None:
        """Take over what is new."""
        wishes = self._registry.wishes()
        if wishes == self._seen:
            return
        self._seen = wishes
        pod = self._cache.pod
        value = self._registry.get_by_uid(pod.uid)
        if value is None or _asked_for(value) == _asked_for(pod.manifest):
            return
        self._cache.update(with_retry_scope(Pod.from_json(without_status(value)), self._scope))
        self._statuses.show()
        if _wish(value) not in ("", _wish(pod.manifest)):
            self._hurry()


def _wish(value: Json) -> str:
    """The last wish that the pod waits no longer."""
    return str((value["metadata"].get("annotations") or {}).get(RETRY) or "")


def _asked_for(value: Json) -> tuple[object, ...]:
    """What somebody else may have changed about a pod: every change of the spec is a new generation."""
    metadata = value.get("metadata") or {}
    asked = metadata.get
    return (
        asked("generation"),
        asked("deletionTimestamp"),
        asked("deletionGracePeriodSeconds"),
        asked("labels"),
        asked("annotations"),
    )
