"""Narrations to render."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from runner.core.events import Event
from runner.core.images.progress import PullProgress
from runner.core.narration import (
    AttemptEnding,
    AttemptStarted,
    EventRecorded,
    Gone,
    LogLine,
    Notice,
    PodRef,
    PullEnded,
    Pulling,
    RetryScheduled,
    StatusChanged,
)
from runner.core.status.podstatus import PodStatus

START = datetime(2030, 5, 1, 12, 0, 0, tzinfo=UTC)
REF = PodRef(namespace="default", name="web", uid="1")


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def status(
    seconds: float, *, done: int, running: bool = False, ready: bool = False, ref: PodRef = REF
) -> StatusChanged:
    """A pod with two init containers of which ``done`` have ended."""
    ended: dict[str, Any] = {"terminated": {"exitCode": 0, "reason": "Completed"}}
    going: dict[str, Any] = {"running": {}}
    waiting: dict[str, Any] = {"waiting": {"reason": "PodInitializing"}}
    inits = [ended if i < done else going if i == done else waiting for i in range(2)]
    pod: dict[str, Any] = {
        "metadata": {"name": ref.name, "namespace": ref.namespace},
        "spec": {"initContainers": [{"name": "one"}, {"name": "two"}], "containers": [{"name": "main"}]},
        "status": {
            "phase": "Running" if running else "Pending",
            "initContainerStatuses": [{"name": n, "state": s} for n, s in zip(("one", "two"), inits, strict=True)],
            "containerStatuses": [{"name": "main", "ready": ready, "state": going if running else waiting}],
        },
    }
    return StatusChanged(at=at(seconds), ref=ref, manifest=pod, status=PodStatus.from_json(pod["status"]))


def event(
    seconds: float, reason: str, text: str, *, kind: str = "Normal", path: str = "", count: int = 1, ref: PodRef = REF
) -> EventRecorded:
    value: dict[str, Any] = {"type": kind, "reason": reason, "message": text, "count": count}
    value["involvedObject"] = {"kind": "Pod", "name": ref.name, **({"fieldPath": path} if path else {})}
    return EventRecorded(at=at(seconds), ref=ref, record=Event.from_json(value))


def log(text: bytes, *, container: str = "main", is_init: bool = False, ref: PodRef = REF) -> LogLine:
    return LogLine(
        ref=ref,
        container=container,
        is_init=is_init,
        attempt=0,
        stream="stdout",
        data=text,
        timestamp="2030-05-01T12:00:00Z",
    )


def pulling(layer: str, what: str, current: int = 0, total: int = 0, image: str = "busybox:latest") -> Pulling:
    progress = PullProgress(layer=layer, status=what, current=current, total=total)
    return Pulling(ref=REF, container="one", image=image, progress=progress)


def pulled(image: str = "busybox:latest") -> PullEnded:
    return PullEnded(ref=REF, container="one", image=image)


def retry(seconds: float, text: str, after: float | None, note: str = "") -> RetryScheduled:
    moment = None if after is None else at(seconds + after)
    return RetryScheduled(at=at(seconds), ref=REF, container="two", text=text, next_attempt_at=moment, note=note)


def started(seconds: float, container: str = "main", attempt: int = 0) -> AttemptStarted:
    return AttemptStarted(
        at=at(seconds), ref=REF, container=container, is_init=False, attempt=attempt, container_id="0123456789abcdef"
    )


def ending() -> AttemptEnding:
    return AttemptEnding(ref=REF, container="main", is_init=False, attempt=0, container_id="0123456789abcdef")


def notice(seconds: float, text: str) -> Notice:
    return Notice(at=at(seconds), ref=REF, text=text)


def gone(seconds: float) -> Gone:
    return Gone(at=at(seconds), ref=REF)
