"""The failures that a record tells of, as faults: each attempt as it ended, each pull as it went, each fault injected."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import groupby
from typing import Final

from msgspec.structs import replace

from runner.core.capture.failures import NOT_STARTED, OWN_ENDS, refusal
from runner.core.faults.images import names_image
from runner.core.faults.kinds import Aim
from runner.core.faults.model import Fault
from runner.core.history.attempt import Attempt, Mark
from runner.core.history.attempts import attempts
from runner.core.history.record import PodRecord
from runner.core.labels import FAULTS
from runner.core.model import EMPTY, Json, RetryScope
from runner.core.reasons import WaitingReason
from runner.core.text.times import format_duration
from runner.errors import UsageError

LONG: Final = 10.0
"""Seconds that a container runs at most before it fails here."""
SLACK: Final = 0.5
"""Seconds that one may take longer than it took there: what fails by itself does so."""
_PROBE: Final = re.compile(r"failed (liveness|startup) probe")
_FAILED_PULL: Final = re.compile(r'Failed to pull image "([^"]+)": (.*)', re.DOTALL)
_PULLED: Final = re.compile(r'Successfully pulled image "([^"]+)"')
_INJECTED: Final = "FaultInjected"
_BLOWS: Final = frozenset({(Aim.NODE, "reboot"), (Aim.SANDBOX, "kill")})
"""Faults that end containers which are not their target."""


def recorded_failures(record: PodRecord) -> tuple[str, ...]:
    """Faults that make a run fail as the record says that this one did, as texts."""
    given = _injected(record)
    blows = [one.at for one in record.faults if not one.container and any(_is_blow(fault) for fault in given)]
    found = attempts(record)
    ends = [fault for one in found for fault in _of_attempt(record, one, [record.seconds(at) for at in blows])]
    patterns = [fault.name for fault in given if fault.aim is Aim.IMAGE]
    pulls = [fault for image, fault in _pulls(record) if not any(names_image(one, image) for one in patterns)]
    prefix = f"pod/{record.name}/"
    texts = [*map(str, given), *(f"{prefix}{text}" for text in (*_joined(ends), *pulls))]
    return tuple(dict.fromkeys(texts))


def recorded_scope(record: PodRecord) -> RetryScope | None:
    """What ran again after an init container had failed, as far as the record shows it."""
    reasons = {reason for seen in record.trace for reason in _waiting_reasons(seen.pod)}
    if WaitingReason.RESTARTING_ALL_CONTAINERS in reasons:
        return RetryScope.POD
    again = any(one.is_init and one.number for one in attempts(record))
    return RetryScope.CONTAINER if again else None


def _waiting_reasons(pod: Json) -> Iterator[str]:
    status = pod.get("status") or EMPTY
    for group in ("initContainerStatuses", "containerStatuses"):
        for one in status.get(group) or ():
            state = one.get("state") or EMPTY
            yield str(((state.get("waiting") or state.get("terminated")) or EMPTY).get("reason") or "")


def _injected(record: PodRecord) -> list[Fault]:
    """The faults that the run was given, each about this pod alone."""
    text = str(((record.pod.get("metadata") or EMPTY).get("annotations") or EMPTY).get(FAULTS) or "")
    found = []
    for part in filter(None, text.split("; ")):
        try:
            fault = Fault.parse(part)
        except UsageError:  # An annotation may have been written by anybody.
            continue
        found.append(replace(fault, pod=fault.pod or record.name))
    return found


def _is_blow(fault: Fault) -> bool:
    return (fault.aim, fault.kind) in _BLOWS


def _of_attempt(record: PodRecord, one: Attempt, blows: Sequence[float]) -> Iterator[tuple[str, int, str, str]]:
    """The container, the attempt, when, and what made it end badly; nothing for an end that something else brings about."""
    marks = {mark.kind for mark in one.marks}
    if not one.exit_code or one.reason in OWN_ENDS or _INJECTED in marks or _was_hit(one, blows):
        return
    probe = _probe(one.marks)
    if probe:
        yield f"probe/{one.container}.{probe}", one.number, "", "fail"
    elif "Killing" not in marks and not _is_late(record, one):
        yield one.container, one.number, _moment(one), _kind(one)


def _probe(marks: Sequence[Mark]) -> str:
    """The kind of the probe for whose failures the attempt was killed."""
    found = (_PROBE.search(mark.text) for mark in marks if mark.kind == "Killing")
    return next((match[1] for match in found if match), "")


def _was_hit(one: Attempt, blows: Sequence[float]) -> bool:
    start, end = one.started, one.finished
    return start is not None and end is not None and any(start <= at <= end + 1 for at in blows)


def _is_late(record: PodRecord, one: Attempt) -> bool:
    """Whether it ended after the deletion of its pod was asked for."""
    first = _first_deleted(record)
    return first is not None and one.finished is not None and one.finished >= record.seconds(first)


def _first_deleted(record: PodRecord) -> datetime | None:
    return next((one.at for one in record.trace if (one.pod.get("metadata") or EMPTY).get("deletionTimestamp")), None)


def _kind(one: Attempt) -> str:
    if one.is_oom:
        return "oom"
    return "start-error" if one.reason in NOT_STARTED else f"exit={one.exit_code}"


def _moment(one: Attempt) -> str:
    """When it ends. An init container's own process ends first, which may leave something for the next attempt."""
    if one.is_oom or one.reason in NOT_STARTED or one.ran is None:
        return ""
    if one.is_init:
        return f"@{one.container}.ended" if one.ran < LONG else ""
    return f"@{one.container}.running+{format_duration(round(min(one.ran + SLACK, LONG), 1))}"


def _joined(ends: Sequence[tuple[str, int, str, str]]) -> Iterator[str]:
    """Faults of attempts, those of a row of attempts that are alike as one."""
    for (target, moment, kind, _), group in groupby(
        enumerate(ends), lambda pair: (pair[1][0], pair[1][2], pair[1][3], pair[1][1] - pair[0])
    ):
        numbers = [one[1] for _, one in group]
        attempt = f"#{numbers[0]}" if len(numbers) == 1 else f"#{numbers[0]}-{numbers[-1]}"
        yield f"{target}{attempt}{moment}:{kind}"


def _pulls(record: PodRecord) -> Iterator[tuple[str, str]]:
    """Images that could not be had, each with its faults; without numbers when it never was."""
    going: dict[str, list[str]] = {}
    for told in record.told:
        message = str(told.event.get("message") or "")
        failed, pulled = _FAILED_PULL.match(message), _PULLED.match(message)
        if failed:
            going.setdefault(failed[1], []).append(refusal(failed[2]))
        elif pulled:
            going.setdefault(pulled[1], []).append("")
    for image, kinds in going.items():
        if all(kinds):
            yield image, f"image/{image}:{kinds[-1]}"
            continue
        for kind, group in groupby(enumerate(kinds), lambda pair: pair[1]):
            numbers = [number for number, _ in group]
            if kind:
                last = f"-{numbers[-1]}" if len(numbers) > 1 else ""
                yield image, f"image/{image}#{numbers[0]}{last}:{kind}"
