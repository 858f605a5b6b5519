"""What controllers look at and what they decide, as values."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Protocol

from msgspec import Struct, field

from runner.core.model import Json, PodUID
from runner.core.status.podstatus import ConditionType, Phase, PodStatus
from runner.core.text.times import format_time, later, parse_time

_BRIEF = timedelta(seconds=10)
COMPLETION_INDEX = "batch.kubernetes.io/job-completion-index"


class WorkloadKind(StrEnum):
    """The kinds that own pods; a Deployment's are its ReplicaSet's, a CronJob's its Job's."""

    REPLICA_SET = "ReplicaSet"
    REPLICATION_CONTROLLER = "ReplicationController"
    STATEFUL_SET = "StatefulSet"
    DAEMON_SET = "DaemonSet"
    JOB = "Job"


class WorkloadState(StrEnum):
    """Where a workload is: only Jobs come to an end."""

    ACTIVE = "Active"
    COMPLETE = "Complete"
    FAILED = "Failed"


class Identities(Protocol):
    """Where the random parts of names come from."""

    def uid(self) -> str:
        """A UID that nothing else has."""
        ...

    def suffix(self) -> str:
        """Five characters for the end of a generated name."""
        ...


class Workload(Struct, frozen=True, kw_only=True):
    """An object that owns pods. ``source`` is what the manifest calls it: ``deployment/web``.

    ``template`` is a v1 PodTemplateSpec with all defaults; ``revision`` the hash of it that labels carry; ``metadata`` has the
    object's own labels and annotations; ``parent`` is the v1 Deployment or CronJob that it comes from, with its UID.
    """

    kind: WorkloadKind
    api_version: str
    name: str
    namespace: str
    uid: str
    source: str
    spec: Json
    template: Json
    revision: str
    created_at: datetime
    metadata: Json = field(default_factory=dict)
    parent: Json | None = None

    @property
    def value(self) -> dict[str, Any]:
        """The v1 object, without status."""
        return {
            "apiVersion": self.api_version,
            "kind": str(self.kind),
            "metadata": {
                **self.metadata,
                "name": self.name,
                "namespace": self.namespace,
                "uid": self.uid,
                "creationTimestamp": format_time(self.created_at),
                "generation": 1,
            },
            "spec": self.spec,
        }

    @property
    def is_suspended(self) -> bool:
        """Whether it is a Job that makes no pods for now."""
        return self.kind is WorkloadKind.JOB and bool(self.spec.get("suspend"))

    @property
    def most_pods(self) -> int:
        """How many pods may be alive at once."""
        match self.kind:
            case WorkloadKind.DAEMON_SET:
                return 1
            case WorkloadKind.JOB:
                parallelism, completions = self.spec.get("parallelism") or 0, self.spec.get("completions")
                return int(parallelism if completions is None else min(parallelism, completions))
            case _:
                return int(self.spec.get("replicas") or 0)

    @property
    def owner_reference(self) -> dict[str, object]:
        return {
            "apiVersion": self.api_version,
            "kind": str(self.kind),
            "name": self.name,
            "uid": self.uid,
            "controller": True,
            "blockOwnerDeletion": True,
        }


class Member(Struct, frozen=True, kw_only=True):
    """One pod of a workload as it is now, or as it was when it went: ``is_gone``."""

    pod: Json
    status: PodStatus
    is_deleted: bool = False
    is_gone: bool = False

    @property
    def name(self) -> str:
        return str(self.pod["metadata"]["name"])

    @property
    def uid(self) -> PodUID:
        return PodUID(self.pod["metadata"]["uid"])

    @property
    def has_ended(self) -> bool:
        return self.status.phase.is_terminal

    @property
    def succeeded(self) -> bool:
        return self.status.phase is Phase.SUCCEEDED

    @property
    def is_active(self) -> bool:
        return not (self.is_gone or self.is_deleted or self.has_ended)

    @property
    def is_ready(self) -> bool:
        return self.is_active and self.status.is_true(ConditionType.READY)

    def available_at(self, seconds: int) -> datetime | None:
        """When it has been ready for so many seconds (a workload's minReadySeconds); None while it is not ready."""
        if not self.is_ready:
            return None
        condition = self.status.condition(ConditionType.READY)
        since = (condition and condition.last_transition_time) or self.created_at
        return since and later(since, seconds)

    def is_available(self, seconds: int, now: datetime) -> bool:
        """Whether it has been ready for so many seconds."""
        moment = self.available_at(seconds)
        return moment is not None and moment <= now if seconds else self.is_ready

    @property
    def was_brief(self) -> bool:
        """Whether it ended within seconds of its creation, as one does that the node does not take."""
        if not self.has_ended:
            return False
        began, ended = self.created_at, self.ended_at
        return began is None or ended is None or ended - began <= _BRIEF

    @property
    def index(self) -> int | None:
        """The completion index that an indexed Job has given it."""
        text = (self.pod["metadata"].get("annotations") or {}).get(COMPLETION_INDEX)
        return None if text is None else int(text)

    @property
    def created_at(self) -> datetime | None:
        return parse_time(self.pod["metadata"].get("creationTimestamp"))

    @property
    def ended_at(self) -> datetime | None:
        """When its last container ended; its creation when none ever ran."""
        ends = [c.terminated.finished_at for c in self.status.all_containers() if c.terminated]
        return max((end for end in ends if end is not None), default=self.created_at)


class Reconciliation(Struct, frozen=True, kw_only=True):
    """What to do now: pods to create (v1 objects without UID), pods to delete, and when to look again at the latest.

    ``wanted``: how many pods are to be there and alive. ``retry_at``: until when a pod waits because others have failed;
    ``wake_at`` is never later. ``reason`` and ``message`` are those of the Job's condition.
    """

    create: tuple[Json, ...] = ()
    delete: tuple[PodUID, ...] = ()
    state: WorkloadState = WorkloadState.ACTIVE
    reason: str = ""
    message: str = ""
    wanted: int = 0
    retry_at: datetime | None = None
    wake_at: datetime | None = None
