"""What a running pod tells its listeners, as typed values; renderers and artifacts are listeners, the library prints nothing."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

from msgspec import Struct

from runner.core.events import Event
from runner.core.images.progress import PullProgress
from runner.core.model import Json
from runner.core.status.podstatus import PodStatus

if TYPE_CHECKING:
    from runner.core.history.record import VolumeChange


class PodRef(Struct, frozen=True, kw_only=True):
    """Which pod a message is about; or which workload, when ``kind`` says so."""

    namespace: str
    name: str
    uid: str
    kind: str = "Pod"

    @property
    def label(self) -> str:
        """A pod's name; ``job/NAME`` for something else."""
        return self.name if self.kind == "Pod" else f"{self.kind.lower()}/{self.name}"


class StatusChanged(Struct, frozen=True, kw_only=True):
    """A status was published; ``manifest`` is the v1 Pod without it. None: there is none yet."""

    at: datetime
    ref: PodRef
    manifest: Json
    status: PodStatus | None

    @property
    def pod(self) -> Json:
        """The whole v1 Pod, put together when it is asked for."""
        return {**self.manifest, "status": {} if self.status is None else self.status.to_json()}


class EventRecorded(Struct, frozen=True, kw_only=True):
    """An event was recorded or counted up. One that the recorder drops as spam is told, but not stored."""

    at: datetime
    ref: PodRef
    record: Event
    is_stored: bool = True

    @property
    def event(self) -> Json:
        """The v1 Event, put together when it is asked for."""
        return self.record.to_json()


class LogLine(Struct, frozen=True, kw_only=True, gc=False):
    """One line of a container's output, without its newline; ``timestamp`` is the Engine's, with nanoseconds.

    It may be a part of one: without ``is_start`` it goes on with the line before, without ``has_end`` no newline came after it.
    """

    ref: PodRef
    container: str
    is_init: bool
    attempt: int
    stream: str
    data: bytes
    timestamp: str
    is_start: bool = True
    has_end: bool = True

    @property
    def content(self) -> bytes:
        """The bytes as the container wrote them, with the newline if there was one."""
        return self.data + b"\n" if self.has_end else self.data


class LogLines(Struct, frozen=True, kw_only=True):
    """Lines of one container that came together."""

    ref: PodRef
    lines: tuple[LogLine, ...]


class Pulling(Struct, frozen=True, kw_only=True):
    """A pull moves on."""

    ref: PodRef
    container: str
    image: str
    progress: PullProgress


class PullEnded(Struct, frozen=True, kw_only=True):
    """A pull is over, one way or the other."""

    ref: PodRef
    container: str
    image: str


class RetryScheduled(Struct, frozen=True, kw_only=True):
    """A container failed and runs again: why, in which scope, when. ``note`` is what the other scope would do."""

    at: datetime
    ref: PodRef
    container: str
    text: str
    next_attempt_at: datetime | None
    note: str = ""


class AttemptStarted(Struct, frozen=True, kw_only=True):
    """A container instance has started."""

    at: datetime
    ref: PodRef
    container: str
    is_init: bool
    attempt: int
    container_id: str


class AttemptEnding(Struct, frozen=True, kw_only=True):
    """A container instance is about to be removed, or let go of: the last chance to read its logs and its inspection.

    ``inspection`` is the Engine's JSON of it as it was seen last, after its end; None where it was not.
    """

    ref: PodRef
    container: str
    is_init: bool
    attempt: int
    container_id: str
    is_removed: bool = True
    inspection: Json | None = None


class VolumesChanged(Struct, frozen=True, kw_only=True):
    """What an attempt that has ended changed in the volumes that it shares; ``note`` says what that is compared with."""

    ref: PodRef
    container: str
    attempt: int
    changes: tuple[VolumeChange, ...]
    note: str = ""


class FaultInjected(Struct, frozen=True, kw_only=True):
    """A fault was injected: what it is, and into which attempt of which container, if it is one's."""

    at: datetime
    ref: PodRef
    text: str
    container: str = ""
    attempt: int | None = None


class Stood(Struct, frozen=True, kw_only=True):
    """A pod stands still at a breakpoint; with ``how``, it goes on from there after so many seconds."""

    at: datetime
    ref: PodRef
    stop: str
    container: str
    attempt: int
    place: str
    container_id: str
    exit_code: int | None = None
    how: str = ""
    seconds: float = 0.0

    @property
    def text(self) -> str:
        """What a record says of it."""
        return f"Stood at breakpoint {self.stop}" if self.how else f"Stands at breakpoint {self.stop}"


class Notice(Struct, frozen=True, kw_only=True):
    """Something about the run itself, such as an Engine that does not answer."""

    at: datetime
    ref: PodRef
    text: str


class Gone(Struct, frozen=True, kw_only=True):
    """Nothing of the pod is left in the Engine."""

    at: datetime
    ref: PodRef


Narration = (
    StatusChanged
    | EventRecorded
    | LogLine
    | LogLines
    | Pulling
    | PullEnded
    | RetryScheduled
    | AttemptStarted
    | AttemptEnding
    | VolumesChanged
    | FaultInjected
    | Stood
    | Notice
    | Gone
)
Listener = Callable[[Narration], None]
