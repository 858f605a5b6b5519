"""What is kept of one object in memory: typed as it came, turned into JSON when it is read."""

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

    def pass_on(self, holder: str) -> None:
        """Another holds the object."""
        self.holder = holder

    def lend(self, lease: str) -> None:
        """The object lives as long as this lease."""
        self.lease = lease

    def keep(self) -> None:
        """What it made stays when it is gone."""
        self.kept = True

    def note_attempt(self, container: str, attempt: int) -> None:
        """Remember the newest attempt of a container."""
        if attempt >= self.attempts.get(container, attempt):
            self.attempts[container] = attempt

    def note(self, name: str, text: str | None) -> None:
        """Remember something under a name; None forgets it."""
        if text is None:
            self.notes.pop(name, None)
        else:
            self.notes[name] = text


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

    def writable(self) -> Entry:
        """The ledger's entry, to be written to."""
        if self.entry is NOTHING:
            self.entry = Entry()
        return self.entry

    def publish(self, status: Json | PodStatus, revision: int) -> None:
        """A kubelet's new status; what others have written into it stays."""
        self.revision = revision
        if self.others and not isinstance(status, PodStatus):
            status = with_conditions(status, self.others)
        self.status = status

    def end(self, revision: int) -> None:
        """It is deleted, as of this revision."""
        self.revision = revision

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
