"""Draws timelines as text: one row for each attempt of a container along a time axis, pleasant on 80 columns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Final

from runner.core.history.attempt import Attempt, Doing
from runner.core.history.lanes import Lane, Outcome, PodLanes
from runner.core.text.times import format_duration
from runner.render.style import Paint
from runner.render.timeline.words import FIRST_SHOWN, Key, differences, hidden, shortened, summary

WIDTH: Final = 80
_DOING: Final = {Doing.WAITING: "·", Doing.BACK_OFF: "░", Doing.PULLING: "▒", Doing.RUNNING: "█"}
_MARKS: Final = {"Unhealthy": "×", "ProbeWarning": "×", "FaultInjected": "!", "Breakpoint": "‖"}
_MEANINGS: Final = {"×": "probe failed", "!": "fault", "‖": "breakpoint"}
_COLOURS: Final = {
    Outcome.DONE: "32",
    Outcome.FAILED: "31",
    Outcome.RUNNING: "36",
    Outcome.WAITING: "2",
    Outcome.STOPPED: "2",
}
_SUMMARY: Final = 26
_LONGEST_NAME: Final = 18
_PLAIN: Final = Paint(False)


def draw(pods: Sequence[PodLanes], *, width: int = WIDTH, paint: Paint = _PLAIN, named: bool = True) -> str:
    """One drawing for each pod, below its name, along a common axis that ends where the last one does."""
    drawing = _Drawing(pods, width, paint, named=named)
    return "".join(f"{row}\n" for row in drawing.rows([{} for _ in pods]))


def draw_compared(pod: PodLanes, other: PodLanes, *, width: int = WIDTH, paint: Paint = _PLAIN) -> str:
    """Two pods from their beginnings on; each row of the second says how it differs from the first."""
    drawing = _Drawing((other, pod), width, paint, named=True)
    return "".join(f"{row}\n" for row in drawing.rows([{}, differences(pod, other)]))


class _Drawing:
    """The widths that all rows share."""

    def __init__(self, pods: Sequence[PodLanes], width: int, paint: Paint, *, named: bool) -> None:
        names = max((len(lane.attempt.container) for pod in pods for lane in pod.lanes), default=0)
        self._pods, self._paint, self._named = pods, paint, named
        self._label = min(names, _LONGEST_NAME) + 5
        self._bar = max(width - self._label - _SUMMARY - 2, 10)
        self._span = max((pod.seconds for pod in pods), default=0.0) or 1.0

    def rows(self, notes: Sequence[Mapping[Key, str]]) -> Iterator[str]:
        """All rows, with the axis and a legend."""
        yield " " * (self._label + 1) + self._axis()
        for pod, differing in zip(self._pods, notes, strict=True):
            if self._named:
                yield self._paint.bold(pod.label)
            for container, group in groupby(pod.lanes, key=lambda lane: lane.attempt.container):
                for number, row in enumerate(self._rows(list(group), differing)):
                    name = shortened(container, self._label - 5) if number == 0 else ""
                    yield f"{name:<{self._label - 5}} {row}".rstrip()
        yield " " * (self._label + 1) + self._legend()

    def _rows(self, lanes: Sequence[Lane], notes: Mapping[Key, str]) -> Iterator[str]:
        """One container's rows, without its name."""
        left_out = hidden(len(lanes))
        for position, lane in enumerate(lanes):
            if left_out and position == FIRST_SHOWN:
                yield f"     … {left_out} more attempts …"
            if not left_out or not FIRST_SHOWN <= position < FIRST_SHOWN + left_out:
                yield self._row(lane, notes.get((lane.attempt.container, lane.attempt.number), ""))

    def _row(self, lane: Lane, note: str) -> str:
        bar = f"{self._cells(lane.attempt):<{self._bar}}"
        words = shortened(summary(lane.attempt) + (f" ({note})" if note else ""), _SUMMARY)
        return f"{'#' + str(lane.attempt.number):>4} {self._paint(bar, _COLOURS[lane.outcome])} {words}"

    def _cells(self, attempt: Attempt) -> str:
        cells = [" "] * self._bar
        for stretch in attempt.stretches:
            first = self._cell(stretch.begin)
            last = min(max(round(stretch.end / self._span * self._bar) - 1, first), self._bar - 1)
            for cell in range(first, last + 1):
                cells[cell] = _DOING[stretch.doing]
        for mark in attempt.marks:
            if mark.kind in _MARKS:
                cells[self._cell(mark.at)] = _MARKS[mark.kind]
        return "".join(cells)

    def _cell(self, seconds: float) -> int:
        return max(0, min(int(seconds / self._span * self._bar), self._bar - 1))

    def _axis(self) -> str:
        """Times at the left end, the middle (where there is room for it) and the right end."""
        texts = [format_duration(round(self._span * part, 1)) for part in (0.0, 0.5, 1.0)]
        middle = (self._bar - len(texts[1])) // 2
        axis = texts[0].ljust(middle) + texts[1]
        if len(axis) + len(texts[2]) >= self._bar:
            axis = texts[0] + " "
        return axis + texts[2].rjust(self._bar - len(axis))

    def _legend(self) -> str:
        marks = {_MARKS[mark.kind] for pod in self._pods for lane in pod.lanes for mark in lane.attempt.marks
                 if mark.kind in _MARKS}  # fmt: skip
        known = [f"{sign} {doing}" for doing, sign in _DOING.items()]
        return "  ".join(known + [f"{sign} {meaning}" for sign, meaning in _MEANINGS.items() if sign in marks])
