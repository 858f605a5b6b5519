"""The failures that a pod's status tells of, as faults: attempt by attempt, as far back as the status reaches and further.

A status knows the last two instances of a container and how often it was restarted. Attempts before them are taken to
have ended like the earliest one that is known; each such guess is said.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

from msgspec import Struct

from runner.core.model import EMPTY, Json
from runner.core.reasons import WaitingReason
from runner.core.text.times import parse_time, span

_GROUPS: Final = ("initContainerStatuses", "containerStatuses")
NOT_STARTED: Final = frozenset({"StartError", "ContainerCannotRun"})
OWN_ENDS: Final = frozenset({"RestartingAllContainers", "ContainerStatusUnknown"})
"""Reasons of ends that were no failure of the container; nor are ends after its pod's deletion was asked for."""
_PULLS: Final = frozenset({WaitingReason.ERR_IMAGE_PULL, WaitingReason.IMAGE_PULL_BACK_OFF})
_REFUSALS: Final = (
    ("too-many-requests", re.compile(r"toomanyrequests|429|rate limit", re.IGNORECASE)),
    ("unauthorized", re.compile(r"unauthorized|denied|authorization failed|no basic auth|403|401", re.IGNORECASE)),
)


class Observed(Struct, frozen=True, kw_only=True):
    """Faults that make a run fail as a pod was seen to fail, as texts; ``guesses`` say what the status does not tell."""

    faults: tuple[str, ...] = ()
    guesses: tuple[str, ...] = ()


def observed_failures(pod: Json) -> Observed:
    """What a pod's status tells of containers that ended badly or could not begin."""
    name = (pod.get("metadata") or EMPTY).get("name", "")
    faults: list[str] = []
    guesses: list[str] = []
    deleted = _deleted_at(pod)
    for one in _statuses(pod):
        ends = {number: _kind(end, deleted) for number, end in _ends(one).items()}
        faults += [f"pod/{name}/{one['name']}{_numbers(first, last)}:{kind}" for first, last, kind in _runs(ends)]
        guesses += _guesses(one["name"], ends)
        image = _image_fault(one)
        faults += [f"pod/{name}/{image}"] if image else []
    return Observed(faults=tuple(dict.fromkeys(faults)), guesses=tuple(guesses))


def _statuses(pod: Json) -> Iterator[Json]:
    status = pod.get("status") or EMPTY
    for group in _GROUPS:
        yield from status.get(group) or ()


def _ends(status: Json) -> dict[int, Json]:
    """The ends that a container's status tells of, by attempt."""
    count, state = int(status.get("restartCount") or 0), status.get("state") or EMPTY
    ended, last = state.get("terminated"), (status.get("lastState") or EMPTY).get("terminated")
    found: dict[int, Json] = {}
    if last and not ended and "waiting" in state and not _is_counted(state["waiting"]):
        found[count] = last
    elif last and count:
        found[count - 1] = last
    if ended:
        found[count] = ended
    return found


def _is_counted(waiting: Any) -> bool:
    """Whether a container that waits for its next attempt has counted it already: when the whole pod begins anew."""
    return (waiting or EMPTY).get("reason") == WaitingReason.RESTARTING_ALL_CONTAINERS


def _runs(ends: dict[int, str]) -> list[tuple[int, int, str]]:
    """Faults with the first and the last attempt that they are about."""
    first = min(ends, default=0)
    kinds = [ends[first]] * first + [ends[number] for number in sorted(ends)] if ends else []
    found: list[tuple[int, int, str]] = []
    for number, kind in enumerate(kinds):
        if kind and found and found[-1][1:] == (number - 1, kind):
            found[-1] = (found[-1][0], number, kind)
        elif kind:
            found.append((number, number, kind))
    return found


def _deleted_at(pod: Json) -> datetime | None:
    """When the deletion of the pod was asked for."""
    metadata = pod.get("metadata") or EMPTY
    end = parse_time(metadata.get("deletionTimestamp"))
    return None if end is None else end - span(float(metadata.get("deletionGracePeriodSeconds") or 0))


def _kind(ended: Json, deleted: datetime | None) -> str:
    """What makes a container end so; empty for an end that was none of its own failures."""
    reason, code = ended.get("reason") or "", int(ended.get("exitCode") or 0)
    finished = parse_time(ended.get("finishedAt"))
    if code == 0 or reason in OWN_ENDS or (deleted and finished and finished >= deleted):
        return ""
    if reason == "OOMKilled":
        return "oom"
    return "start-error" if reason in NOT_STARTED else f"exit={code}"


def _numbers(first: int, last: int) -> str:
    return f"#{first}" if first == last else f"#{first}-{last}"


def _guesses(name: str, ends: dict[int, str]) -> Iterator[str]:
    first = min(ends, default=0)
    if first and ends[first]:
        many = f"attempts 0 to {first - 1}" if first > 1 else "attempt 0"
        yield f"{name}: {many} taken to have ended like attempt {first}, the earliest one that the status shows"


def _image_fault(status: Json) -> str:
    """The fault of an image that could not be had."""
    waiting = (status.get("state") or EMPTY).get("waiting") or EMPTY
    if waiting.get("reason") not in _PULLS:
        return ""
    text = str(waiting.get("message") or "")
    return f"image/{status.get('image', '')}:{refusal(text)}"


def refusal(text: str) -> str:
    """The kind of fault that makes a registry refuse an image in such words."""
    return next((kind for kind, pattern in _REFUSALS if pattern.search(text)), "not-found")
