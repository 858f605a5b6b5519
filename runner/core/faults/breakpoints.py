"""Breakpoints: the places in containers' lives at which a pod is to stand still, as text, and how it goes on from there.

``[POD/]CONTAINER[#N[-M]].created|running|ended|failed``: the place of a fault, with a moment instead of a kind.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from fnmatch import fnmatchcase

from msgspec import Struct

from runner.core.cast import Cast
from runner.core.faults.checking import tip
from runner.core.faults.grammar import FaultError, read_subject
from runner.core.faults.kinds import Place
from runner.core.labels import CONTINUE, STOPPED_AT
from runner.core.manifest.decode import nearest
from runner.core.model import Json
from runner.errors import UsageError


class Resume(StrEnum):
    """How a pod goes on from a breakpoint: as it would, the attempt made again, taken for succeeded, or for failed."""

    CONTINUE = "continue"
    RETRY = "retry"
    SKIP = "skip"
    FAIL = "fail"


class Stop(Struct, frozen=True, kw_only=True):
    """Where a pod stands: an attempt of a container, at a place in its life."""

    container: str
    attempt: int
    place: Place

    def __str__(self) -> str:
        return f"{self.container}#{self.attempt}.{self.place}"


class Breakpoint(Struct, frozen=True, kw_only=True):
    """One breakpoint. ``pod`` is a pattern, "": every pod. ``first`` and ``last`` attempt, from 0; None: every attempt."""

    container: str
    place: Place
    pod: str = ""
    first: int | None = None
    last: int | None = None

    @classmethod
    def parse(cls, text: str) -> Breakpoint:
        """Read one out of its text, such as ``migrate#1.failed``. Raises UsageError with the column of what is wrong."""
        head, dot, word = text.rpartition(".")
        places = "|".join(Place)
        if not dot:
            raise _error(text, len(text) + 1, f"expected .{places} at the end, such as migrate#1.failed")
        if word not in tuple(Place):
            near = nearest(word, Place)
            more = f', did you mean "{near}"?' if near else f"; there are {', '.join(Place)}"
            raise _error(text, len(head) + 2, f'"{word}" is no place in a container\'s life{more}')
        try:
            found = read_subject(text, head)
        except FaultError as error:
            raise _error(text, error.column, error.problem) from None
        if found.aim is not None:
            raise _error(text, found.name_column, f"life stops in containers only; for a pod write pod/{head}.{word}")
        return cls(container=found.name, place=Place(word), pod=found.pod, first=found.first, last=found.last)

    def is_in(self, pod: str) -> bool:
        """Whether it is about a pod of this name."""
        return not self.pod or fnmatchcase(pod, self.pod)

    def stops(self, stop: Stop) -> bool:
        """Whether life stops there."""
        if (self.container, self.place) != (stop.container, stop.place):
            return False
        return self.first is None or (self.last is not None and self.first <= stop.attempt <= self.last)

    def is_met_at(self, where: str) -> bool:
        """The same of a place as text, as a pod's annotation has it."""
        at = Breakpoint.parse(where)
        return self.stops(Stop(container=at.container, attempt=at.first or 0, place=at.place))

    def __str__(self) -> str:
        """The one way in which it is shown; ``parse`` reads the same out of it."""
        attempts = "" if self.first is None else f"#{self.first}"
        if self.last != self.first:
            attempts += f"-{self.last}"
        return f"{f'pod/{self.pod}/' if self.pod else ''}{self.container}{attempts}.{self.place}"


def _error(text: str, column: int, problem: str) -> UsageError:
    return UsageError(f'breakpoint "{text}", column {column}: {problem}')


def breakpoints_of(values: Iterable[Breakpoint | str]) -> tuple[Breakpoint, ...]:
    """Breakpoints in any form. Raises UsageError."""
    return tuple(one if isinstance(one, Breakpoint) else Breakpoint.parse(one) for one in values)


def check_breakpoints(breakpoints: Iterable[Breakpoint], cast: Cast) -> None:
    """See that each breakpoint concerns something. Raises UsageError, with the nearest name that there is."""
    for one in breakpoints:
        pods = [pod for _, pod in cast.pods]
        if one.pod:
            pods = cast.called(one.pod)
            if not pods:
                names = [name for name, _ in cast.pods]
                raise UsageError(f'breakpoint "{one}": there is no pod "{one.pod}"{tip(one.pod, names)}')
        containers = [container.name for pod in pods for container in pod.all_containers()]
        if one.container not in containers:
            text = f'breakpoint "{one}": no pod has a container "{one.container}"{tip(one.container, containers)}'
            raise UsageError(text)


# --- what the pod's annotations say ---------------------------------------------------------------------------------------


def stopped_at(pod: Json) -> str:
    """Where a v1 Pod stands still, such as ``migrate#1.failed``; "" when it goes on."""
    return str(_annotations(pod).get(STOPPED_AT) or "")


def asked_to_go_on(pod: Json, stop: str) -> Resume | None:
    """How somebody wants a v1 Pod to go on from where it stands; None: nobody has said so, or of another place."""
    asked = str(_annotations(pod).get(CONTINUE) or "")
    where, _, how = asked.rpartition(":")
    if where not in ("", stop) or how not in tuple(Resume):
        return None
    return Resume(how)


def told_to_go_on(pod: Json, how: Resume) -> Json:
    """A v1 Pod that stands, asked to go on from there."""
    return _annotated(pod, {**_annotations(pod), CONTINUE: f"{stopped_at(pod)}:{how}"})


def standing(pod: Json, stop: str) -> Json:
    """A v1 Pod that stands at a place; "": that goes on."""
    kept = {key: value for key, value in _annotations(pod).items() if key not in (STOPPED_AT, CONTINUE)}
    return _annotated(pod, {**kept, STOPPED_AT: stop} if stop else kept)


def _annotations(pod: Json) -> Json:
    return pod["metadata"].get("annotations") or {}


def _annotated(pod: Json, annotations: Json) -> Json:
    metadata = {key: value for key, value in pod["metadata"].items() if key != "annotations"}
    return {**pod, "metadata": {**metadata, "annotations": dict(annotations)} if annotations else metadata}
