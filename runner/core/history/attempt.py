"""One attempt of a container: what it did from when until when, and how it ended."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

_BACK_OFFS = ("CrashLoopBackOff", "ImagePullBackOff")


class Doing(StrEnum):
    """What an attempt does for a while."""

    WAITING = "waiting"
    BACK_OFF = "back-off"
    PULLING = "pulling"
    RUNNING = "running"


class Stretch(Struct, frozen=True, kw_only=True):
    """One thing that goes on from an instant to another, in seconds since the beginning.

    ``reason`` and ``message`` are those of the waiting, ``awaited`` the container that has to do its part first.
    """

    doing: Doing
    begin: float
    end: float
    reason: str = ""
    message: str = ""
    awaited: str = ""

    @property
    def seconds(self) -> float:
        return self.end - self.begin

    def within(self, begin: float, end: float) -> Stretch:
        """The same from another instant to another."""
        return replace(self, begin=begin, end=end)


class Mark(Struct, frozen=True, kw_only=True):
    """Something that happened to an attempt at an instant: a probe that failed, a kill, a fault."""

    at: float
    kind: str
    text: str
    seconds: float = 0.0


class Shown(Struct, frozen=True):
    """A container's published status with its instant, and the container of the pod that is at work before it."""

    at: float
    status: Mapping[str, Any]
    awaited: str


@dataclass(slots=True, kw_only=True)
class Attempt:
    """One attempt of a container: its stretches in order, and how it ended; instants in seconds since the record began.

    ``reason`` is the last waiting reason, or the reason of the end; ``exit_code`` None: it has not ended, or it never came to
    that. ``created`` is None where it is not known. ``is_init`` holds for sidecars too.
    """

    container: str
    number: int
    is_init: bool = False
    stretches: list[Stretch] = field(default_factory=list)
    exit_code: int | None = None
    reason: str = ""
    message: str = ""
    signal: int = 0
    is_oom: bool = False
    is_running: bool = False
    container_id: str = ""
    image: str = ""
    image_id: str = ""
    created: float | None = None
    marks: tuple[Mark, ...] = ()

    @property
    def ran(self) -> float | None:
        """Seconds that it ran, None if it never did."""
        runs = [part.seconds for part in self.stretches if part.doing is Doing.RUNNING]
        return sum(runs) if runs else None

    @property
    def began(self) -> float:
        """When it was first waited for."""
        return self.stretches[0].begin if self.stretches else 0.0

    @property
    def started(self) -> float | None:
        return next((part.begin for part in self.stretches if part.doing is Doing.RUNNING), None)

    @property
    def finished(self) -> float | None:
        """When it ended, None: it has not, or it never ran."""
        if self.exit_code is None:
            return None
        return next((part.end for part in reversed(self.stretches) if part.doing is Doing.RUNNING), None)

    def spent(self, doing: Doing) -> float:
        """Seconds that it did something."""
        return sum(part.seconds for part in self.stretches if part.doing is doing)

    def go_on(self, seen: Shown, until: float) -> None:
        """What the attempt does from one published status to the next."""
        status, state = seen.status, seen.status["state"]
        self.image, self.image_id = status.get("image") or self.image, status.get("imageID") or self.image_id
        if "running" in state:
            self.is_running, self.number = True, status["restartCount"]
            self.container_id = status.get("containerID") or ""
            self.add(Stretch(doing=Doing.RUNNING, begin=seen.at, end=until))
        elif "terminated" in state:
            # Else the attempt before is shown once more, and this one never comes.
            if status["restartCount"] >= self.number:
                self.number = status["restartCount"]
                self.finish(state["terminated"])
        else:
            waiting = state.get("waiting") or {}
            self.reason, self.message = waiting.get("reason", ""), waiting.get("message", "")
            doing = Doing.BACK_OFF if self.reason in _BACK_OFFS else Doing.WAITING
            awaited = seen.awaited if self.reason == "PodInitializing" else ""
            stretch = Stretch(
                doing=doing, begin=seen.at, end=until, reason=self.reason, message=self.message, awaited=awaited
            )
            self.add(stretch)

    def finish(self, terminated: Mapping[str, Any] | None) -> None:
        """It has ended, if that was not known and is now."""
        if self.exit_code is None and terminated is not None:
            self.is_running = False
            self.exit_code, self.reason = terminated["exitCode"], terminated.get("reason", "")
            self.message, self.signal = terminated.get("message", ""), terminated.get("signal", 0)
            self.is_oom = self.reason == "OOMKilled"
            self.container_id = terminated.get("containerID") or self.container_id

    def add(self, new: Stretch) -> None:
        """It does this next."""
        last = self.stretches[-1] if self.stretches else None
        if last is not None and (last.doing, last.reason, last.awaited) == (new.doing, new.reason, new.awaited):
            self.stretches[-1] = replace(last, end=new.end, message=new.message or last.message)
        elif new.end > new.begin or new.doing is Doing.RUNNING:
            self.stretches.append(new)

    def start_after(self, instant: float) -> None:
        """The attempt before ended then."""
        if self.stretches:
            first = self.stretches[0]
            self.stretches[0] = first.within(instant, max(first.end, instant))

    def take_exact(self, created: float | None, started: float | None, finished: float, *, is_oom: bool) -> None:
        """What the Engine knows of it; ``finished`` is now for one that still runs. One that never started has no run."""
        self.created, self.is_oom = created, self.is_oom or is_oom
        if started is None:
            return
        waits = [part for part in self.stretches if part.doing is not Doing.RUNNING and part.begin < started]
        if waits:
            waits[-1] = waits[-1].within(waits[-1].begin, started)
        self.stretches = [*waits, Stretch(doing=Doing.RUNNING, begin=started, end=max(started, finished))]

    def show_pulls(self, pulls: Sequence[Stretch]) -> None:
        """Show the pulls in its waiting as such."""
        self.stretches = [part for stretch in self.stretches for part in _with_pulls(stretch, pulls)]

    def mark(self, marks: Sequence[Mark]) -> None:
        """This has happened to it."""
        self.marks = tuple(marks)


def _with_pulls(stretch: Stretch, pulls: Sequence[Stretch]) -> Iterator[Stretch]:
    """A stretch of waiting with the pulls in it shown as such."""
    begin = stretch.begin
    if stretch.doing is not Doing.RUNNING:
        for pull in pulls:
            low, high = max(begin, pull.begin), min(stretch.end, pull.end)
            if low < high:
                if low > begin:
                    yield stretch.within(begin, low)
                yield pull.within(low, high)
                begin = high
    if begin < stretch.end or stretch.doing is Doing.RUNNING:
        yield stretch.within(begin, stretch.end)
