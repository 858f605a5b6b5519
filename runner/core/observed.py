"""What was seen of one pod in the Engine at one instant: the decider's only view of the world.

Mirrors pkg/kubelet/container/runtime.go (PodStatus, Status): every instance of every container, newest first.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum

from msgspec import Struct, field
from msgspec.structs import force_setattr

from runner.core.model import ContainerID
from runner.core.status.podstatus import ID_PREFIX, Running, Terminated


class RuntimeState(StrEnum):
    """How the runtime sees a container."""

    CREATED = "created"
    RUNNING = "running"
    EXITED = "exited"
    UNKNOWN = "unknown"


_RUNNING, _EXITED = RuntimeState.RUNNING, RuntimeState.EXITED


class SandboxRecord(Struct, frozen=True, kw_only=True):
    """One sandbox of the pod; ``ready`` means its process runs."""

    id: ContainerID
    attempt: int
    ready: bool
    ip: str
    created_at: datetime
    host_network: bool = False


class ContainerRecord(Struct, frozen=True, kw_only=True):
    """One instance of a container. ``attempt`` is its restart count; ``spec_hash`` the hash it was created from."""

    id: ContainerID
    name: str
    attempt: int
    state: RuntimeState
    created_at: datetime
    started_at: datetime | None = None
    finished_at: datetime | None = None
    exit_code: int = 0
    reason: str = ""
    message: str = ""
    image: str = ""
    image_id: str = ""
    spec_hash: str = ""
    sandbox_id: str = ""
    published_id: str = ""
    """The id as statuses show it."""
    shown: Running | Terminated | None = None
    """The state that statuses show of it; None where that takes more than the record."""

    def __post_init__(self) -> None:
        published_id = f"{ID_PREFIX}{self.id}"
        shown: Running | Terminated | None = None
        if self.state is _RUNNING:
            shown = Running(started_at=self.started_at)
        elif self.state is _EXITED:
            shown = Terminated(
                exit_code=self.exit_code,
                reason=self.reason,
                message=self.message,
                started_at=self.started_at,
                finished_at=self.finished_at,
                container_id=published_id,
            )
        force_setattr(self, "published_id", published_id)
        force_setattr(self, "shown", shown)


class KeptRecord(Struct, frozen=True):
    """A failed attempt that is kept for ``debug`` alone: it is no instance of its container any more."""

    id: ContainerID
    name: str
    attempt: int


class Observed(Struct, frozen=True, kw_only=True):
    """Everything seen of one pod, newest first."""

    at: datetime
    sandboxes: tuple[SandboxRecord, ...] = ()
    containers: tuple[ContainerRecord, ...] = ()
    kept: tuple[KeptRecord, ...] = ()

    def latest(self, name: str) -> ContainerRecord | None:
        """The newest instance of a container."""
        for record in self.containers:
            if record.name == name:
                return record
        return None

    def instances(self, name: str) -> tuple[ContainerRecord, ...]:
        """All instances of a container, newest first."""
        return tuple([c for c in self.containers if c.name == name])

    def by_id(self, container_id: str) -> ContainerRecord | None:
        for record in self.containers:
            if record.id == container_id:
                return record
        return None


class ProbeResult(StrEnum):
    """The standing verdict of a probe."""

    SUCCESS = "Success"
    FAILURE = "Failure"
    UNKNOWN = "Unknown"


class ProbeResults(Struct, frozen=True, kw_only=True):
    """Standing verdicts by container id; a missing entry means no verdict yet (pkg/kubelet/prober/results)."""

    startup: Mapping[str, ProbeResult] = field(default_factory=dict)
    liveness: Mapping[str, ProbeResult] = field(default_factory=dict)
    readiness: Mapping[str, ProbeResult] = field(default_factory=dict)
