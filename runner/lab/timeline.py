"""What each attempt of each container did when, out of the statuses that were published and the events."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from msgspec import Struct

from runner.lab.simulation import Simulation

_BACK_OFFS = ("CrashLoopBackOff", "ImagePullBackOff")
_GROUPS = ("initContainerStatuses", "containerStatuses")


class Doing(StrEnum):
    """What an attempt does for a while."""

    WAITING = "waiting"
    BACK_OFF = "back-off"
    PULLING = "pulling"
    RUNNING = "running"


class Stretch(Struct, frozen=True, kw_only=True):
    """One thing that goes on from an instant to another, in seconds since the beginning."""

    doing: Doing
    begin: float
    end: float


@dataclass(slots=True, kw_only=True)
class AttemptLine:
    """One attempt of a container: its stretches in order, and how it ended.

    ``reason`` is the last waiting reason, or the reason of the end; ``exit_code`` None: it has not ended.
    """

    container: str
    number: int
    stretches: list[Stretch] = field(default_factory=list)
    exit_code: int | None = None
    reason: str = ""
    is_running: bool = False

    @property
    def ran(self) -> float | None:
        """Seconds that it ran, None if it never did."""
        runs = [part.end - part.begin for part in self.stretches if part.doing is Doing.RUNNING]
        return sum(runs) if runs else None

    def go_on(self, status: Mapping[str, Any], at: float, until: float) -> None:
        """What the attempt does from one published status to the next."""
        state = status["state"]
        if "running" in state:
            self.is_running, self.number = True, status["restartCount"]
            self.add(Doing.RUNNING, at, until)
        elif "terminated" in state:
            # Else the attempt before is shown once more, and this one never comes.
            if status["restartCount"] >= self.number:
                self.number = status["restartCount"]
                self.end(state["terminated"])
        else:
            self.reason = (state.get("waiting") or {}).get("reason", "")
            self.add(Doing.BACK_OFF if self.reason in _BACK_OFFS else Doing.WAITING, at, until)

    def end(self, terminated: Mapping[str, Any] | None) -> None:
        """It has ended, if that was not known and is now."""
        if self.exit_code is None and terminated is not None:
            self.is_running = False
            self.exit_code, self.reason = terminated["exitCode"], terminated.get("reason", "")

    def add(self, doing: Doing, begin: float, end: float) -> None:
        """It does this from then to then."""
        last = self.stretches[-1] if self.stretches else None
        if last is not None and last.doing is doing:
            self.stretches[-1] = Stretch(doing=doing, begin=last.begin, end=end)
        elif end > begin or doing is Doing.RUNNING:
            self.stretches.append(Stretch(doing=doing, begin=begin, end=end))

    def show_pulls(self, pulls: Sequence[Stretch]) -> None:
        """Show the pulls in its waiting as such."""
        self.stretches = [part for stretch in self.stretches for part in _with_pulls(stretch, pulls)]


def timeline(simulation: Simulation) -> tuple[AttemptLine, ...]:
    """All attempts, container by container in the order of the manifest."""
    lines: list[AttemptLine] = []
    end = simulation.seconds(simulation.ended_at)
    for container in simulation.pod.all_containers():
        states = list(_states(simulation, container.name))
        found = _attempts(container.name, states, end)
        pulls = _pulls(simulation, container.field_path, end)
        for line in found:
            line.show_pulls(pulls)
        lines.extend(found)
    return tuple(lines)


def _states(simulation: Simulation, container: str) -> Iterator[tuple[float, Mapping[str, Any]]]:
    """The container's published statuses, each with its instant."""
    for shown in simulation.trace:
        status = shown.pod.get("status") or {}
        for group in _GROUPS:
            for one in status.get(group) or ():
                if one["name"] == container:
                    yield simulation.seconds(shown.at), one


def _attempts(container: str, states: Sequence[tuple[float, Mapping[str, Any]]], end: float) -> list[AttemptLine]:
    lines: list[AttemptLine] = []
    for number, (at, status) in enumerate(states):
        until = states[number + 1][0] if number + 1 < len(states) else end
        line = lines[-1] if lines else None
        if line is None or _begins_anew(line, status):
            begin = at
            if line is not None:
                begin = line.stretches[-1].end if line.stretches else at
                line.end((status.get("lastState") or {}).get("terminated"))
            line = AttemptLine(container=container, number=_attempt_number(status))
            lines.append(line)
            line.add(Doing.WAITING, begin, at)
        line.go_on(status, at, until)
    return lines


def _begins_anew(line: AttemptLine, status: Mapping[str, Any]) -> bool:
    """Whether a status tells of a later attempt than the line does; an end may have passed unseen in between."""
    if "waiting" not in status["state"]:
        return bool(status["restartCount"] != line.number and (line.is_running or line.exit_code is not None))
    if line.is_running or line.exit_code is not None:
        return True
    ended = (status.get("lastState") or {}).get("terminated") or {}
    return bool(
        ended.get("containerID") == status.get("containerID") and line.number == status["restartCount"] and ended
    )


def _attempt_number(status: Mapping[str, Any]) -> int:
    """The attempt that a status is about: one that waits after an end is about the next."""
    waits_again = "waiting" in status["state"] and bool(status.get("lastState")) and bool(status.get("containerID"))
    return int(status["restartCount"]) + waits_again


def _pulls(simulation: Simulation, field_path: str, end: float) -> list[Stretch]:
    """When the container's image was being pulled."""
    found: list[Stretch] = []
    began: datetime | None = None
    for told in simulation.events:
        if told.event["involvedObject"].get("fieldPath") != field_path:
            continue
        reason = told.event["reason"]
        if reason == "Pulling":
            began = told.at
        elif began is not None and reason in ("Pulled", "Failed"):
            found.append(Stretch(doing=Doing.PULLING, begin=simulation.seconds(began), end=simulation.seconds(told.at)))
            began = None
    if began is not None:
        found.append(Stretch(doing=Doing.PULLING, begin=simulation.seconds(began), end=end))
    return [pull for pull in found if pull.end > pull.begin]


def _with_pulls(stretch: Stretch, pulls: Sequence[Stretch]) -> Iterator[Stretch]:
    """A stretch of waiting with the pulls in it shown as such."""
    begin = stretch.begin
    if stretch.doing is not Doing.RUNNING:
        for pull in pulls:
            low, high = max(begin, pull.begin), min(stretch.end, pull.end)
            if low < high:
                if low > begin:
                    yield Stretch(doing=stretch.doing, begin=begin, end=low)
                yield Stretch(doing=Doing.PULLING, begin=low, end=high)
                begin = high
    if begin < stretch.end or stretch.doing is Doing.RUNNING:
        yield Stretch(doing=stretch.doing, begin=begin, end=stretch.end)
