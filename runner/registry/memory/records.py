"""What is kept of one object in memory: typed as it came, turned into JSON when somebody asks."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct

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


NOTHING = Entry()
"""Of everything that the ledger says nothing of; never written to."""


class Record(Struct, eq=False):
    """An object: ``value`` without status and version; ``others`` are the conditions that no kubelet has written."""

    key: Key
    value: Json | Event
    revision: int
    seen: datetime | None = None
    status: Json | PodStatus | None = None
    others: Sequence[Json] = ()
    entry: Entry = NOTHING

    def read(self) -> Object:
        if isinstance(self.status, PodStatus):
            self.status = with_conditions(self.status.to_json(), self.others)
        return read(self.value, self.status, (), self.revision)


def read(value: Json | Event, status: Json | PodStatus | None, others: Sequence[Json], revision: int) -> Object:
    made = versioned(value.to_json() if isinstance(value, Event) else value, revision)
    if isinstance(status, PodStatus):
        made["status"] = with_conditions(status.to_json(), others)
    elif status is not None:
        made["status"] = status
    return made
