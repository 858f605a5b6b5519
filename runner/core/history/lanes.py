"""The lanes of a timeline: one for each attempt of a container, with what it is there for and why it began when it did."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from msgspec import Struct

from runner.core.history.attempt import Attempt, Mark
from runner.core.history.attempts import attempts
from runner.core.history.record import PodRecord
from runner.core.model import Json
from runner.core.text.times import parse_time

NEAR: Final = 0.05
"""Seconds by which a cause may seem to be later than its effect: the two times may come from different clocks."""
_POD_MARKS: Final = frozenset({"SandboxChanged", "FailedCreatePodSandBox", "FailedMount", "Evicted", "Preempting"})


class Role(StrEnum):
    """What a container of a pod is there for."""

    INIT = "init"
    SIDECAR = "sidecar"
    APP = "app"


class Outcome(StrEnum):
    """What has become of an attempt."""

    WAITING = "waiting"
    """It never ran."""
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    STOPPED = "stopped"
    """It ended because its pod was deleted."""


class Cause(Struct, frozen=True, kw_only=True):
    """What an attempt followed on: the end of another one, or its start for a sidecar; seconds since the record began."""

    container: str
    number: int
    at: float
    outcome: Outcome


class Lane(Struct, frozen=True, kw_only=True):
    """One attempt in its place; ``cause`` is None for what began by itself."""

    attempt: Attempt
    role: Role
    cause: Cause | None = None
    is_stopped: bool = False

    @property
    def outcome(self) -> Outcome:
        """What has become of it."""
        return Outcome.STOPPED if self.is_stopped else outcome(self.attempt)


class PodLanes(Struct, frozen=True, kw_only=True):
    """The timeline of one pod, ``seconds`` long. ``marks`` are about the pod as a whole."""

    namespace: str
    name: str
    uid: str
    run: str
    began_at: datetime
    seconds: float
    lanes: tuple[Lane, ...]
    marks: tuple[Mark, ...]

    @property
    def label(self) -> str:
        """The pod as ``POD@RUN``, as far as the run is known."""
        return f"{self.name}@{self.run}" if self.run else self.name

    def instant(self, seconds: float) -> datetime:
        """The wall clock's time so many seconds after the beginning."""
        return self.began_at + timedelta(seconds=seconds)


def lanes(record: PodRecord) -> PodLanes:
    """The timeline of a record, container by container in the order of the manifest."""
    roles = _roles(record.pod)
    found = attempts(record)
    return PodLanes(
        namespace=record.namespace,
        name=record.name,
        uid=record.uid,
        run=record.run,
        began_at=record.began_at,
        seconds=max(record.seconds(record.end), 0.0),
        lanes=tuple([_lane(one, found, roles, _deleted_at(record)) for one in found]),
        marks=tuple(_pod_marks(record)),
    )


def outcome(attempt: Attempt) -> Outcome:
    """What has become of an attempt."""
    if attempt.is_running:
        return Outcome.RUNNING
    if attempt.exit_code is None:
        return Outcome.WAITING
    return Outcome.FAILED if attempt.exit_code else Outcome.DONE


def _lane(attempt: Attempt, everyone: Sequence[Attempt], roles: dict[str, Role], deleted: float | None) -> Lane:
    killed = [mark.at for mark in attempt.marks if mark.kind == "Killing"]
    is_stopped = bool(attempt.exit_code) and deleted is not None and any(at >= deleted for at in killed)
    cause = _cause(attempt, everyone, roles)
    return Lane(attempt=attempt, role=roles[attempt.container], cause=cause, is_stopped=is_stopped)


def _deleted_at(record: PodRecord) -> float | None:
    """When the deletion of the pod was asked for, to a second; None: it was not."""
    metadata = record.pod.get("metadata") or {}
    end = parse_time(metadata.get("deletionTimestamp"))
    return None if end is None else record.seconds(end) - (metadata.get("deletionGracePeriodSeconds") or 0)


def _roles(pod: Json) -> dict[str, Role]:
    spec = pod.get("spec") or {}
    roles = {
        one["name"]: Role.SIDECAR if one.get("restartPolicy") == "Always" else Role.INIT
        for one in spec.get("initContainers") or ()
    }
    return roles | {one["name"]: Role.APP for one in spec.get("containers") or ()}


def _cause(attempt: Attempt, everyone: Sequence[Attempt], roles: dict[str, Role]) -> Cause | None:
    """The latest of what it could have waited for that was over when it started."""
    started = attempt.started
    if started is None:
        return None
    over = [one for one in _candidates(attempt, everyone, roles) if one.at <= started + NEAR]
    return max(over, key=lambda one: one.at, default=None)


def _candidates(attempt: Attempt, everyone: Sequence[Attempt], roles: dict[str, Role]) -> Iterator[Cause]:
    """The end of its own attempt before; init containers before it that did their part; what made the whole pod run again."""
    order = list(roles)
    place = order.index(attempt.container)
    for one in everyone:
        if one.container == attempt.container:
            if one.number < attempt.number:
                yield from _ended(one)
        elif roles[one.container] is not Role.APP and order.index(one.container) < place:
            yield from _started(one) if roles[one.container] is Role.SIDECAR else _ended(one, failed=False)
        elif attempt.number and roles[attempt.container] is Role.INIT:
            yield from _ended(one, failed=True)


def _ended(one: Attempt, *, failed: bool | None = None) -> Iterator[Cause]:
    if one.finished is not None and failed in (None, bool(one.exit_code)):
        yield Cause(container=one.container, number=one.number, at=one.finished, outcome=outcome(one))


def _started(one: Attempt) -> Iterator[Cause]:
    if one.started is not None:
        yield Cause(container=one.container, number=one.number, at=one.started, outcome=Outcome.RUNNING)


def _pod_marks(record: PodRecord) -> Iterator[Mark]:
    """What was told of the pod as a whole, and what was done to it on purpose."""
    for told in record.told:
        if told.event["reason"] in _POD_MARKS and not told.event["involvedObject"].get("fieldPath"):
            text = told.event.get("message") or ""
            yield Mark(at=record.seconds(told.at), kind=told.event["reason"], text=text)
    for one in record.faults:
        if not one.container:
            yield Mark(at=record.seconds(one.at), kind=one.kind, text=one.text, seconds=one.seconds)
