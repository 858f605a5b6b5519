"""What is kept of one object in memory: typed as it came, turned into JSON when somebody asks."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from runner.core.events import Event
from runner.core.model import Json
from runner.core.status.podstatus import PodStatus
from runner.registry.contract import Object, versioned, with_conditions

Key = tuple[str, str]
"""Namespace and name."""


class Entry:
    """What the ledger says of one object."""

    __slots__ = ("attempts", "holder", "kept", "lease", "notes", "run_spec")

    def __init__(self, holder: str = "", run_spec: str | None = None, lease: str = "") -> None:
        self.holder = holder
        self.run_spec = run_spec
        self.lease = lease
        self.kept = False
        self.attempts: dict[str, int] = {}
        self.notes: dict[str, str] = {}


class Record:
    """An object: ``value`` without status and version; ``others`` are the conditions that no kubelet has written."""

    __slots__ = ("entry", "name", "namespace", "others", "revision", "seen", "status", "value")

    def __init__(self, key: Key, value: Json | Event, revision: int) -> None:
        self.namespace, self.name = key
        self.value = value
        self.status: Json | PodStatus | None = None
        self.others: Sequence[Json] = ()
        self.revision = revision
        self.seen: datetime | None = None
        self.entry = NOTHING

    def read(self) -> Object:
        if isinstance(self.status, PodStatus):
            self.status = with_conditions(self.status.to_json(), self.others)
        return read(self.value, self.status, (), self.revision)


NOTHING = Entry()
"""Of everything that the ledger says nothing of; never written to."""


def read(value: Json | Event, status: Json | PodStatus | None, others: Sequence[Json], revision: int) -> Object:
    made = versioned(value.to_json() if isinstance(value, Event) else value, revision)
    if isinstance(status, PodStatus):
        made["status"] = with_conditions(status.to_json(), others)
    elif status is not None:
        made["status"] = status
    return made
