"""A watch over a store that tells no changes: its version number is looked at again and again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Self

from msgspec import Struct

from runner.core.changes import ChangeType
from runner.core.model import Json, Object

if TYPE_CHECKING:
    from runner.client.contract import Client
    from runner.client.local import Place

POLL_SECONDS = 0.01
"""A pod's last status is there for some ten milliseconds; asking costs microseconds."""


class PolledChange(Struct, frozen=True):
    """A difference between two looks."""

    type: ChangeType
    value: Object

    @property
    def resource_version(self) -> str:
        return str(self.value["metadata"].get("resourceVersion") or "")


class PollingWatch:
    """What changes of a kind; with ``since`` from now on, else first all that there is."""

    def __init__(
        self, client: Client, place: Place, kind: str, namespace: str | None, name: str | None, since: str | None
    ) -> None:
        self._client = client
        self._place = place
        self._kind, self._namespace, self._name = kind, namespace, name
        self._known: dict[str, Object] = {} if since is None else self._present()
        self._version: int | None = None

    def next(self, timeout: float | None = None) -> Sequence[PolledChange]:
        clock, store = self._place.clock, self._place.store
        end = None if timeout is None else clock.steady() + timeout
        while True:
            version = store.version()
            if version != self._version:
                self._version = version
                if found := self._differences():
                    return found
            if end is not None and clock.steady() >= end:
                return ()
            clock.sleep(POLL_SECONDS)

    def _present(self) -> dict[str, Object]:
        items = self._client.list(self._kind, self._namespace).items
        return {_key(value): value for value in items if self._name in (None, value["metadata"]["name"])}

    def _differences(self) -> list[PolledChange]:
        before, self._known = self._known, self._present()
        found = [
            PolledChange(ChangeType.MODIFIED if key in before else ChangeType.ADDED, value)
            for key, value in self._known.items()
            if before.get(key) != value
        ]
        return found + [
            PolledChange(ChangeType.DELETED, value) for key, value in before.items() if key not in self._known
        ]

    def close(self) -> None:
        """Nothing has to be given back."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


def _key(value: Json) -> str:
    metadata = value.get("metadata") or {}
    return f"{metadata.get('uid') or ''}/{metadata.get('namespace')}/{metadata.get('name')}"
