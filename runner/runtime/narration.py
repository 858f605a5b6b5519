"""What a running pod tells its listeners, as typed values; renderers and artifacts are listeners, the library prints nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from runner.core.events import Event
from runner.core.model import Json
from runner.core.podstatus import PodStatus
from runner.core.quick import maker
from runner.engine.protocol import PullProgress


@dataclass(frozen=True, slots=True, kw_only=True)
class PodRef:
    """Which pod a message is about; or which workload, when ``kind`` says so."""

    namespace: str
    name: str
    uid: str
    kind: str = "Pod"

    @property
    def label(self) -> str:
        """A pod's name; ``job/NAME`` for something else."""
        return self.name if self.kind == "Pod" else f"{self.kind.lower()}/{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusChanged:
    """A status was published; ``manifest`` is the v1 Pod without it. None: there is none yet."""

    at: datetime
    ref: PodRef
    manifest: Json
    status: PodStatus | None

    @property
    def pod(self) -> Json:
        """The whole v1 Pod, put together when it is asked for."""
        return {**self.manifest, "status": {} if self.status is None else self.status.to_json()}


make_status_changed = maker(StatusChanged)


@dataclass(frozen=True, slots=True, kw_only=True)
class EventRecorded:
    """An event was recorded or counted up."""

    at: datetime
    ref: PodRef
    record: Event

    @property
    def event(self) -> Json:
        """The v1 Event, put together when it is asked for."""
        return self.record.to_json()


make_event_recorded = maker(EventRecorded)


@dataclass(frozen=True, slots=True, kw_only=True)
class LogLine:
    """One line of a container's output, without its newline; ``timestamp`` is the Engine's, with nanoseconds."""

    ref: PodRef
    container: str
    is_init: bool
    attempt: int
    stream: str
    data: bytes
    timestamp: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Pulling:
    """A pull moves on."""

    ref: PodRef
    container: str
    image: str
    progress: PullProgress


@dataclass(frozen=True, slots=True, kw_only=True)
class PullEnded:
    """A pull is over, one way or the other."""

    ref: PodRef
    container: str
    image: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryScheduled:
    """A container failed and runs again: why, in which scope, when, and what the other scope would do."""

    at: datetime
    ref: PodRef
    container: str
    text: str
    next_attempt_at: datetime | None


make_retry_scheduled = maker(RetryScheduled)


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptStarted:
    """A container instance has started."""

    at: datetime
    ref: PodRef
    container: str
    is_init: bool
    attempt: int
    container_id: str


make_attempt_started = maker(AttemptStarted)


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptEnding:
    """A container instance is about to be removed, or let go of: the last chance to read its logs and its inspection."""

    ref: PodRef
    container: str
    is_init: bool
    attempt: int
    container_id: str
    is_removed: bool = True


make_attempt_ending = maker(AttemptEnding)


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """Something about the run itself, such as an Engine that does not answer."""

    at: datetime
    ref: PodRef
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Gone:
    """Nothing of the pod is left in the Engine."""

    at: datetime
    ref: PodRef


Narration = (
    StatusChanged
    | EventRecorded
    | LogLine
    | Pulling
    | PullEnded
    | RetryScheduled
    | AttemptStarted
    | AttemptEnding
    | Notice
    | Gone
)
Listener = Callable[[Narration], None]
