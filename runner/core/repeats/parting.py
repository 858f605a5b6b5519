"""Where a run parts from a good one: the first thing that a container did otherwise."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import zip_longest

from msgspec import Struct

from runner.core.history.attempt import Attempt
from runner.core.history.attempts import attempts
from runner.core.history.record import PodRecord
from runner.core.model import EMPTY, Json

HARMLESS = frozenset({"", "ContainerCreating", "PodInitializing", "CrashLoopBackOff", "RestartingAllContainers"})
"""Reasons of waiting that say nothing by themselves."""
_PLAIN = frozenset({"", "Error", "Completed"})
_Lane = tuple[str, str]


class Step(Struct, frozen=True, kw_only=True):
    """Something that a container came to, so many seconds after its run began."""

    pod: str
    container: str
    is_init: bool
    attempt: int
    what: str
    at: float
    is_bad: bool = False

    @property
    def who(self) -> str:
        return f"{'init container' if self.is_init else 'container'} {self.container}, attempt {self.attempt}"


class Parting(Struct, frozen=True, kw_only=True):
    """The first difference: ``step`` came instead of ``good``; None: nothing came where the good run went on."""

    step: Step | None
    good: Step | None

    @property
    def at(self) -> float:
        """Seconds since the run began."""
        found = self.step or self.good
        return found.at if found is not None else 0.0

    @property
    def sentence(self) -> str:
        """The difference in words, without its time."""
        if self.step is None:
            return f"{self.good.who}: not {self.good.what}" if self.good else ""
        otherwise = f", not {self.good.what}" if self.good else ", which a good run does not come to"
        return f"{self.step.who}: {self.step.what}{otherwise}"


def plain_name(pod: Json) -> str:
    """A pod's name, without what a controller made up for it."""
    metadata = pod.get("metadata") or EMPTY
    return str(metadata.get("generateName") or metadata.get("name") or "").rstrip("-")


def steps(records: Sequence[PodRecord]) -> list[Step]:
    """What the containers of a run came to, each container's in its order."""
    return [step for record in records for one in attempts(record) for step in _steps(record, one)]


def first_parting(records: Sequence[PodRecord], good: Sequence[PodRecord]) -> Parting | None:
    """The first thing that containers did otherwise than in a good run, None: nothing is known of that kind."""
    here, there = _lanes(records), _lanes(good)
    found = [one for key, lane in here.items() if (one := _parting(lane, there.get(key, []))) is not None]
    came = [one for one in found if one.step is not None]
    missing = [Parting(step=None, good=lane[0]) for key, lane in there.items() if key not in here]
    return min(came or [*found, *missing], key=lambda one: one.at, default=None)


def _parting(lane: Sequence[Step], good: Sequence[Step]) -> Parting | None:
    for step, other in zip_longest(lane, good):
        if step is None or other is None or (step.what, step.attempt) != (other.what, other.attempt):
            return Parting(step=step, good=other)
    return None


def _lanes(records: Sequence[PodRecord]) -> dict[_Lane, list[Step]]:
    found: dict[_Lane, list[Step]] = {}
    for step in steps(records):
        found.setdefault((step.pod, step.container), []).append(step)
    return found


def _steps(record: PodRecord, one: Attempt) -> Iterator[Step]:
    """What an attempt came to: reasons for which it had to wait, and its end, or that it is ready."""

    def step(what: str, at: float, *, is_bad: bool) -> Step:
        pod = plain_name(record.pod)
        return Step(
            pod=pod,
            container=one.container,
            is_init=one.is_init,
            attempt=one.number,
            what=what,
            at=at,
            is_bad=is_bad,
        )

    reasons: dict[str, float] = {}
    for part in one.stretches:
        if part.reason not in HARMLESS:
            reasons.setdefault(part.reason.replace("ImagePullBackOff", "ErrImagePull"), part.begin)
    yield from (step(reason, at, is_bad=True) for reason, at in reasons.items())
    if one.exit_code is not None:
        reason = "" if one.reason in _PLAIN else f" ({one.reason})"
        end = one.finished if one.finished is not None else one.stretches[-1].end if one.stretches else 0.0
        yield step(f"exit code {one.exit_code}{reason}", end, is_bad=bool(one.exit_code))
    elif (at := _ready_at(record, one)) is not None:
        yield step("ready", at, is_bad=False)


def _ready_at(record: PodRecord, one: Attempt) -> float | None:
    for seen in record.trace:
        status = seen.pod.get("status") or EMPTY
        for group in ("initContainerStatuses", "containerStatuses"):
            for shown in status.get(group) or ():
                is_it = shown["name"] == one.container and shown.get("restartCount") == one.number
                if is_it and shown.get("ready"):
                    return record.seconds(seen.at)
    return None
