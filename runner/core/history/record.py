"""The record of one pod: everything that was seen, told and done, in the order in which it came. Read it, draw it, compare it.

A directory of ``--artifacts``, a kept run, a run that still goes on and a simulation all give the same value.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from enum import StrEnum

from msgspec import Struct, field

from runner.core.model import Json
from runner.core.text.times import EPOCH

Key = tuple[str, int]
"""A container's name and the number of an attempt, which counts from 0."""
SANDBOX = "POD"
"""The name under which the sandbox stands among the containers."""


class Seen(Struct, frozen=True, kw_only=True):
    """A v1 Pod as it was published at an instant."""

    at: datetime
    pod: Json


class Told(Struct, frozen=True, kw_only=True):
    """A v1 Event as it was recorded at an instant; a repetition is told again, with its count."""

    at: datetime
    event: Json


class CallMade(Struct, frozen=True, kw_only=True):
    """One call to the Engine: when it began, how many seconds it took, for which attempt of which container.

    ``container`` is ``POD`` for the sandbox and empty for what concerns the pod as a whole; ``outcome`` is ``ok`` or the
    name of the error.
    """

    at: datetime
    seconds: float
    verb: str
    container: str = ""
    attempt: int | None = None
    outcome: str = "ok"


class FaultMark(Struct, frozen=True, kw_only=True):
    """A fault that was injected, or a breakpoint at which life stood still for ``seconds``; ``text`` says it in words."""

    at: datetime
    kind: str
    text: str = ""
    container: str = ""
    attempt: int | None = None
    seconds: float = 0.0


class FileKind(StrEnum):
    """What something in a volume is."""

    FILE = "file"
    DIRECTORY = "directory"
    LINK = "link"
    FIFO = "fifo"
    SOCKET = "socket"
    DEVICE = "device"


class FileState(Struct, frozen=True, kw_only=True):
    """A file as it was found. ``digest`` is the SHA-256 of its content, empty where that was not read; ``target`` a link's."""

    kind: FileKind
    size: int = 0
    mode: int = 0o644
    uid: int = 0
    gid: int = 0
    target: str = ""
    digest: str = ""


class VolumeChange(Struct, frozen=True, kw_only=True):
    """What became of one path of a volume: ``before`` None, it was added; ``after`` None, it was removed.

    ``diff`` is a unified diff where both sides are small text (or one of them is, and the other is not there).
    """

    volume: str
    path: str
    before: FileState | None = None
    after: FileState | None = None
    diff: str = ""

    @property
    def what(self) -> str:
        """``added``, ``removed`` or ``changed``."""
        if self.before is None:
            return "added"
        return "removed" if self.after is None else "changed"


def _no_output() -> bytes:
    return b""


class PodRecord(Struct, frozen=True, kw_only=True):
    """All that is known of one pod's life.

    ``inspections`` are the Engine's own JSON of each instance, taken last before it went. ``volumes`` say what an attempt
    changed in each shared volume, ``volume_notes`` with what it was compared and what is left out. ``objects`` are the
    manifest as it was given and what it refers to, without values of Secrets. ``ended_at`` is None as long as it is being
    written, and ``looked_at`` is when it was read.
    """

    namespace: str
    name: str
    uid: str
    run: str = ""
    trace: tuple[Seen, ...] = ()
    told: tuple[Told, ...] = ()
    calls: tuple[CallMade, ...] = ()
    inspections: Mapping[Key, Json] = field(default_factory=dict)
    volumes: Mapping[Key, tuple[VolumeChange, ...]] = field(default_factory=dict)
    volume_notes: Mapping[Key, str] = field(default_factory=dict)
    faults: tuple[FaultMark, ...] = ()
    objects: tuple[Json, ...] = ()
    outputs: Mapping[Key, Callable[[], bytes]] = field(default_factory=dict)
    began_at: datetime = EPOCH
    ended_at: datetime | None = None
    looked_at: datetime = EPOCH

    @property
    def pod(self) -> Json:
        """The v1 Pod as it was published last; empty when none ever was."""
        return self.trace[-1].pod if self.trace else {}

    @property
    def events(self) -> tuple[Json, ...]:
        """Each event as it was recorded last, in the order of that."""
        latest: dict[str, Json] = {}
        for one in self.told:
            name = str((one.event.get("metadata") or {}).get("name"))
            latest.pop(name, None)
            latest[name] = one.event
        return tuple(latest.values())

    @property
    def end(self) -> datetime:
        """Where the record ends: with the pod, or with the look at it."""
        return self.ended_at or max(self.looked_at, self.began_at)

    def log(self, container: str, attempt: int) -> bytes:
        """The output of an attempt, each line after its RFC 3339 timestamp; empty when it has none."""
        return self.outputs.get((container, attempt), _no_output)()

    def seconds(self, instant: datetime) -> float:
        """Seconds from the beginning to an instant."""
        return (instant - self.began_at).total_seconds()
