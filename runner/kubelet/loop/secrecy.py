"""The secret values that the pods of this process were given: remembered, so that nothing that is written down tells them."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping

from runner.core.container.secrecy import Redaction, given_secrets
from runner.core.labels import CONTAINER_NAME
from runner.core.model import Json, Pod, PodUID
from runner.engine.protocol import ContainerDetails


class Secrets:
    """What has become known so far, by pod. A value that a Secret had once stays known while a pod is there that was given it.

    May be used from several threads. With ``remembers`` the values of pods that are gone are hidden too.
    """

    def __init__(self, *, remembers: bool = False) -> None:
        self._remembers = remembers
        self._lock = threading.Lock()
        self._known: dict[PodUID, frozenset[str]] = {}
        self._redaction = Redaction.of(())

    def learn(self, uid: PodUID, values: Iterable[str]) -> None:
        """A pod was given these values."""
        new = frozenset(filter(None, values))
        with self._lock:
            before = self._known.get(uid, frozenset())
            if not new <= before:
                self._known[uid] = before | new
                self._renew()

    def forget(self, uid: PodUID) -> None:
        """A pod is gone: what nobody else was given need not be looked for any more."""
        if self._remembers:
            return
        with self._lock:
            if self._known.pop(uid, None):
                self._renew()

    def _renew(self) -> None:
        values = frozenset[str]().union(*self._known.values())
        if values != self._redaction.values:
            self._redaction = Redaction.of(values)

    def message_of(self, details: ContainerDetails, pod: Pod) -> str:
        """What the Engine says about the end of a container of the pod, whoever has made it."""
        container = pod.container(details.labels.get(CONTAINER_NAME, ""))
        config = details.raw.get("Config")
        if details.error and container is not None and isinstance(config, Mapping):
            self.learn(pod.uid, given_secrets(container, config.get("Env") or ()))
        return self.hide(details.error)

    def hide(self, text: str) -> str:
        """The text without any of the values."""
        return self._redaction.text(text) if self._redaction.values else text

    def hide_in_output(self, data: bytes) -> bytes:
        """Output of a container without any of the values."""
        return self._redaction.output(data) if self._redaction.values else data

    def hide_in_messages(self, value: Json) -> Json:
        """A status or an event without any of the values in what it tells."""
        return self._redaction.messages(value) if self._redaction.values else value

    def hide_in(self, inspection: Json) -> Json:
        """An Engine's JSON about a container without any of the values."""
        return self._redaction.inspection(inspection) if self._redaction.values else inspection
