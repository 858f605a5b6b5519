"""What each attempt of each container did when, out of the statuses that were published, the events and the Engine's times.

A status is known to a microsecond as published, the times in it to a second; the Engine's own times, where a record has them,
are taken instead: what lives for a few milliseconds has them too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from itertools import pairwise, zip_longest
from typing import Any

from runner.core.history.attempt import Attempt, Doing, Mark, Shown, Stretch
from runner.core.history.record import Key, PodRecord
from runner.core.model import Json
from runner.core.reasons import WaitingReason
from runner.core.text.times import parse_time

_GROUPS = (("initContainers", "initContainerStatuses"), ("containers", "containerStatuses"))
_MARKS = ("FaultInjected", "Unhealthy", "ProbeWarning", "Killing", "FailedPostStartHook", "FailedPreStopHook")


def attempts(record: PodRecord) -> tuple[Attempt, ...]:
    """All attempts, container by container in the order of the manifest."""
    found: list[Attempt] = []
    end = record.seconds(record.end)
    for is_init, container, field_path in _containers(record.pod):
        lines = _attempts(container, list(_states(record, container)), end, is_init=is_init)
        _take_exact_times(lines, record)
        pulls = _pulls(record, field_path, end)
        for line in lines:
            line.show_pulls(pulls)
        _put_marks(lines, record, field_path)
        found.extend(lines)
    return tuple(found)


def _containers(pod: Json) -> Iterator[tuple[bool, str, str]]:
    """The containers of a pod: whether it is an init container, its name, and how events name it."""
    spec = pod.get("spec") or {}
    for group, _ in _GROUPS:
        for one in spec.get(group) or ():
            yield group == "initContainers", one["name"], f"spec.{group}{{{one['name']}}}"


def _states(record: PodRecord, container: str) -> Iterator[Shown]:
    """The container's published statuses."""
    for shown in record.trace:
        status = shown.pod.get("status") or {}
        for _, group in _GROUPS:
            for one in status.get(group) or ():
                if one["name"] == container:
                    yield Shown(record.seconds(shown.at), one, _at_work(shown.pod, container))


def _at_work(pod: Json, container: str) -> str:
    """The first init container before this one that has not done its part yet: ended well, or started if it is a sidecar."""
    status = pod.get("status") or {}
    known = {one["name"]: one for one in status.get("initContainerStatuses") or ()}
    for one in (pod.get("spec") or {}).get("initContainers") or ():
        if one["name"] == container:
            return ""
        shown = known.get(one["name"]) or {}
        ended = (shown.get("state") or {}).get("terminated")
        is_done = shown.get("started") if one.get("restartPolicy") == "Always" else ended and ended["exitCode"] == 0
        if not is_done:
            return str(one["name"])
    return ""


def _attempts(container: str, states: Sequence[Shown], end: float, *, is_init: bool) -> list[Attempt]:
    lines: list[Attempt] = []
    for number, shown in enumerate(states):
        until = states[number + 1].at if number + 1 < len(states) else end
        line = lines[-1] if lines else None
        if line is None or _begins_anew(line, shown.status):
            begin = shown.at
            if line is not None:
                begin = line.stretches[-1].end if line.stretches else shown.at
                line.finish((shown.status.get("lastState") or {}).get("terminated"))
            line = Attempt(container=container, number=_attempt_number(shown.status), is_init=is_init)
            lines.append(line)
            line.add(Stretch(doing=Doing.WAITING, begin=begin, end=shown.at))
        line.go_on(shown, until)
    return lines


def _begins_anew(line: Attempt, status: Mapping[str, Any]) -> bool:
    """Whether a status tells of a later attempt than the line does; an end may have passed unseen in between."""
    if "waiting" not in status["state"]:
        return bool(status["restartCount"] != line.number and (line.is_running or line.exit_code is not None))
    if line.is_running or line.exit_code is not None:
        return True
    return line.number == status["restartCount"] and _waits_again(status)


def _attempt_number(status: Mapping[str, Any]) -> int:
    """The attempt that a status is about: one that waits after an end is about the next."""
    return int(status["restartCount"]) + _waits_again(status)


def _waits_again(status: Mapping[str, Any]) -> bool:
    """Whether it still counts as the instance that has ended; a pod that begins anew has counted its restart already."""
    ended = (status.get("lastState") or {}).get("terminated")
    waiting = status["state"].get("waiting") or {}
    if not ended or not status.get("containerID") or waiting.get("reason") == WaitingReason.RESTARTING_ALL_CONTAINERS:
        return False
    return "waiting" in status["state"]


def _take_exact_times(lines: list[Attempt], record: PodRecord) -> None:
    """Put the Engine's own times in the place of those at which statuses were published."""
    for line in lines:
        inspected = record.inspections.get((line.container, line.number))
        if inspected is not None:
            _take_inspection(line, inspected, record)
    for before, after in pairwise(lines):
        if before.finished is not None:
            after.start_after(before.finished)


def _take_inspection(line: Attempt, inspected: Json, record: PodRecord) -> None:
    state = inspected.get("State") or {}
    created, started = parse_time(inspected.get("Created")), parse_time(state.get("StartedAt"))
    finished = None if state.get("Running") else parse_time(state.get("FinishedAt"))
    line.take_exact(
        None if created is None else record.seconds(created),
        None if started is None else record.seconds(started),
        record.seconds(finished or record.end),
        is_oom=bool(state.get("OOMKilled")),
    )


def _pulls(record: PodRecord, field_path: str, end: float) -> list[Stretch]:
    """When the container's image was being pulled."""
    found: list[Stretch] = []
    began: datetime | None = None
    for told in record.told:
        if told.event["involvedObject"].get("fieldPath") != field_path:
            continue
        reason = told.event["reason"]
        if reason == "Pulling":
            began = told.at
        elif began is not None and reason in ("Pulled", "Failed"):
            found.append(_pull(record.seconds(began), record.seconds(told.at)))
            began = None
    if began is not None:
        found.append(_pull(record.seconds(began), end))
    return [pull for pull in found if pull.end > pull.begin]


def _pull(begin: float, end: float) -> Stretch:
    return Stretch(doing=Doing.PULLING, begin=begin, end=end)


def _put_marks(lines: Sequence[Attempt], record: PodRecord, field_path: str) -> None:
    """Give what was told of the container, and what was done to it on purpose, to the attempts that it fell into."""
    kinds = _MARKS[1:] if record.faults else _MARKS  # What the record has of faults says more than their events.
    marks: list[tuple[int | None, Mark]] = [
        (None, Mark(at=record.seconds(told.at), kind=told.event["reason"], text=told.event.get("message") or ""))
        for told in record.told
        if told.event["reason"] in kinds and told.event["involvedObject"].get("fieldPath") == field_path
    ]
    marks += [
        (
            one.attempt,
            Mark(at=record.seconds(one.at), kind=one.kind, text=one.text, seconds=one.seconds),
        )
        for one in record.faults
        if lines and one.container == lines[0].container
    ]
    for line, following in zip_longest(lines, lines[1:]):
        line.mark([mark for named, mark in marks if _falls_into(mark, named, line, following)])


def _falls_into(mark: Mark, named: int | None, line: Attempt, following: Attempt | None) -> bool:
    if named is not None:
        return named == line.number
    is_after = line.began < mark.at or (line.number == 0 and line.began == mark.at)
    return is_after and (following is None or mark.at <= following.began)


__all__ = ["Attempt", "Doing", "Key", "Mark", "Stretch", "attempts"]
