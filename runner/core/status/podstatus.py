"""The published status of a pod as typed values, and their v1 JSON form (k8s.io/api/core/v1 types.go, PodStatus).

JSON times have whole seconds, like metav1.Time. Unset optional fields are left out, as the API server leaves them out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from typing import Any

from msgspec import Struct, field

from runner.core.model import Json
from runner.core.text.times import format_time, parse_time

ID_PREFIX = "docker://"
"""Stands before the Engine's id in statuses."""
_CARRIED = ("allocatedResources", "resources", "ephemeralContainerStatuses")
"""Fields that pass through ``PodStatus.extra`` as they are."""


class Phase(StrEnum):
    """Summary of where the pod is in its life."""

    PENDING = "Pending"
    RUNNING = "Running"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    UNKNOWN = "Unknown"

    def __init__(self, value: str) -> None:
        self.is_terminal = value in ("Succeeded", "Failed")


class ConditionType(StrEnum):
    """Pod condition types in the order in which the kubelet lists them."""

    READY_TO_START = "PodReadyToStartContainers"
    INITIALIZED = "Initialized"
    READY = "Ready"
    CONTAINERS_READY = "ContainersReady"
    SCHEDULED = "PodScheduled"
    ALL_CONTAINERS_RESTARTING = "AllContainersRestarting"


class Waiting(Struct, frozen=True, kw_only=True):
    """Not running yet, or again; ``reason`` is empty for a container that is created but not started."""

    reason: str = ""
    message: str = ""


class Running(Struct, frozen=True, kw_only=True):
    """Running since ``started_at``."""

    started_at: datetime | None = None


class Terminated(Struct, frozen=True, kw_only=True):
    """Ended; 137 and 143 are exits by SIGKILL and SIGTERM."""

    exit_code: int
    reason: str = ""
    message: str = ""
    signal: int = 0
    started_at: datetime | None = None
    finished_at: datetime | None = None
    container_id: str = ""


State = Waiting | Running | Terminated


class ContainerStatus(Struct, frozen=True, kw_only=True):
    """Status of one container; ``state`` None is the API's empty state."""

    name: str
    state: State | None = None
    last_state: State | None = None
    ready: bool = False
    started: bool | None = None
    restart_count: int = 0
    image: str = ""
    image_id: str = ""
    container_id: str = ""

    @property
    def terminated(self) -> Terminated | None:
        return self.state if isinstance(self.state, Terminated) else None

    @property
    def waiting(self) -> Waiting | None:
        return self.state if isinstance(self.state, Waiting) else None

    @property
    def running(self) -> Running | None:
        return self.state if isinstance(self.state, Running) else None

    @property
    def last_terminated(self) -> Terminated | None:
        return self.last_state if isinstance(self.last_state, Terminated) else None


class Condition(Struct, frozen=True, kw_only=True, eq=False):
    """One pod condition; ``status`` is True, False or Unknown as text."""

    type: str
    status: str
    reason: str = ""
    message: str = ""
    last_transition_time: datetime | None = None
    observed_generation: int = 0
    """The pod's generation when the condition was computed; 0: not told."""
    base: Condition | None = None
    """What it was made of, without time and generation; None for another client's. It makes no difference to others."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Condition) and self._tells() == other._tells()

    def __hash__(self) -> int:
        return hash(self._tells())

    def _tells(self) -> tuple[object, ...]:
        told = (self.type, self.status, self.reason, self.message)
        return (*told, self.last_transition_time, self.observed_generation)


class PodStatus(Struct, frozen=True, kw_only=True):
    """Status of a pod. Init statuses are in spec order, app statuses sorted by name, as the kubelet publishes them."""

    phase: Phase = Phase.PENDING
    reason: str = ""
    message: str = ""
    conditions: tuple[Condition, ...] = ()
    init_containers: tuple[ContainerStatus, ...] = ()
    containers: tuple[ContainerStatus, ...] = ()
    host_ip: str = ""
    pod_ip: str = ""
    start_time: datetime | None = None
    qos_class: str = ""
    observed_generation: int = 0
    """The generation of the pod that this is the status of; 0: not told."""
    extra: Json = field(default_factory=dict)

    def condition(self, kind: str) -> Condition | None:
        return next((c for c in self.conditions if c.type == kind), None)

    def is_true(self, kind: str) -> bool:
        condition = self.condition(kind)
        return condition is not None and condition.status == "True"

    def all_containers(self) -> Iterator[ContainerStatus]:
        """Init statuses first, then app statuses."""
        yield from self.init_containers
        yield from self.containers

    def container(self, name: str) -> ContainerStatus | None:
        return next((c for c in self.all_containers() if c.name == name), None)

    def to_json(self) -> dict[str, Any]:
        """The v1 PodStatus object."""
        value: dict[str, Any] = {"phase": str(self.phase)}
        _put(value, observedGeneration=self.observed_generation, reason=self.reason, message=self.message)
        if self.conditions:
            value["conditions"] = [_condition_json(c) for c in self.conditions]
        _put(value, hostIP=self.host_ip, podIP=self.pod_ip)
        if self.host_ip:
            value["hostIPs"] = [{"ip": self.host_ip}]
        if self.pod_ip:
            value["podIPs"] = [{"ip": self.pod_ip}]
        _put(value, startTime=self.start_time and format_time(self.start_time))
        if self.init_containers:
            value["initContainerStatuses"] = [container_status_json(c) for c in self.init_containers]
        if self.containers:
            value["containerStatuses"] = [container_status_json(c) for c in self.containers]
        _put(value, qosClass=self.qos_class)
        value.update(self.extra)
        return value

    @classmethod
    def from_json(cls, value: Json) -> PodStatus:
        """Read a v1 PodStatus; an unknown phase counts as Unknown."""
        phase = value.get("phase") or Phase.PENDING
        return cls(
            phase=Phase(phase) if phase in set(Phase) else Phase.UNKNOWN,
            reason=value.get("reason") or "",
            message=value.get("message") or "",
            conditions=tuple(condition_from_json(c) for c in value.get("conditions") or ()),
            init_containers=tuple(container_status_from_json(c) for c in value.get("initContainerStatuses") or ()),
            containers=tuple(container_status_from_json(c) for c in value.get("containerStatuses") or ()),
            host_ip=value.get("hostIP") or "",
            pod_ip=value.get("podIP") or "",
            start_time=parse_time(value.get("startTime")),
            qos_class=value.get("qosClass") or "",
            observed_generation=value.get("observedGeneration") or 0,
            extra={key: value[key] for key in _CARRIED if value.get(key)},
        )


def _put(target: dict[str, Any], **fields: Any) -> None:
    for key, value in fields.items():
        if value:
            target[key] = value  # noqa: PERF403 - a comprehension in between costs more than it saves


def _condition_json(condition: Condition) -> dict[str, Any]:
    return _known_condition_json(condition).copy()


@lru_cache(maxsize=4096)
def _known_condition_json(condition: Condition) -> dict[str, Any]:
    value: dict[str, Any] = {"type": condition.type, "status": condition.status, "lastProbeTime": None}
    value["lastTransitionTime"] = _time_json(condition.last_transition_time)
    generation = condition.observed_generation
    _put(value, observedGeneration=generation, reason=condition.reason, message=condition.message)
    return value


def condition_from_json(value: Json) -> Condition:
    return Condition(
        type=value.get("type", ""),
        status=value.get("status", ""),
        reason=value.get("reason") or "",
        message=value.get("message") or "",
        last_transition_time=parse_time(value.get("lastTransitionTime")),
        observed_generation=value.get("observedGeneration") or 0,
    )


def container_status_json(status: ContainerStatus) -> dict[str, Any]:
    """The v1 ContainerStatus object."""
    value: dict[str, Any] = {
        "name": status.name,
        "state": _state_json(status.state),
        "lastState": _state_json(status.last_state),
        "ready": status.ready,
        "restartCount": status.restart_count,
        "image": status.image,
        "imageID": status.image_id,
    }
    _put(value, containerID=status.container_id)
    if status.started is not None:
        value["started"] = status.started
    return value


def _state_json(state: State | None) -> dict[str, Any]:
    if state is None:
        return {}
    if isinstance(state, Running):
        return {"running": {"startedAt": _time_json(state.started_at)}}
    value: dict[str, Any] = {}
    if isinstance(state, Waiting):
        _put(value, reason=state.reason, message=state.message)
        return {"waiting": value}
    value["exitCode"] = state.exit_code
    _put(value, signal=state.signal, reason=state.reason, message=state.message)
    value.update(startedAt=_time_json(state.started_at), finishedAt=_time_json(state.finished_at))
    _put(value, containerID=state.container_id)
    return {"terminated": value}


def _time_json(moment: datetime | None) -> str | None:
    return None if moment is None else format_time(moment)


def container_status_from_json(value: Json) -> ContainerStatus:
    """Read a v1 ContainerStatus; missing fields get the API's zero values."""
    return ContainerStatus(
        name=value.get("name", ""),
        state=_state_from_json(value.get("state") or {}),
        last_state=_state_from_json(value.get("lastState") or {}),
        ready=bool(value.get("ready")),
        started=value.get("started"),
        restart_count=value.get("restartCount") or 0,
        image=value.get("image") or "",
        image_id=value.get("imageID") or "",
        container_id=value.get("containerID") or "",
    )


def _state_from_json(value: Mapping[str, Any]) -> State | None:
    if value.get("waiting") is not None:
        waiting = value["waiting"]
        return Waiting(reason=waiting.get("reason") or "", message=waiting.get("message") or "")
    if value.get("running") is not None:
        return Running(started_at=parse_time(value["running"].get("startedAt")))
    if value.get("terminated") is not None:
        ended = value["terminated"]
        return Terminated(
            exit_code=ended.get("exitCode") or 0,
            signal=ended.get("signal") or 0,
            reason=ended.get("reason") or "",
            message=ended.get("message") or "",
            started_at=parse_time(ended.get("startedAt")),
            finished_at=parse_time(ended.get("finishedAt")),
            container_id=ended.get("containerID") or "",
        )
    return None
