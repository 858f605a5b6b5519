"""Draws a simulation as text: one row for each attempt of a container along a time axis, pleasant on 80 columns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Final

from runner.api.simulating import Attempt, Doing, Simulation, timeline
from runner.core.text.times import format_duration

WIDTH: Final = 80
FIRST_SHOWN: Final = 12
LAST_SHOWN: Final = 3
"""Of more attempts than both together, the ones between are only counted."""

_MARKS: Final = {Doing.WAITING: "·", Doing.BACK_OFF: "░", Doing.PULLING: "▒", Doing.RUNNING: "█"}
_LEGEND: Final = "  ".join(f"{mark} {doing}" for doing, mark in _MARKS.items())
_SUMMARY: Final = 26
_LONGEST_NAME: Final = 18


def draw_timeline(simulation: Simulation, *, width: int = WIDTH) -> str:
    """The whole drawing, with its axis and a legend."""
    return _drawing([("", timeline(simulation))], simulation.seconds(simulation.ended_at), width)


def draw_timelines(simulations: Sequence[Simulation], *, width: int = WIDTH) -> str:
    """One drawing for each pod below its name, along a common axis that ends where the last one does."""
    span = max((one.seconds(one.ended_at) for one in simulations), default=0.0)
    return _drawing([(one.pod.name, timeline(one)) for one in simulations], span, width)


def _drawing(pods: Sequence[tuple[str, Sequence[Attempt]]], seconds: float, width: int) -> str:
    names = max((len(line.container) for _, lines in pods for line in lines), default=0)
    label = min(names, _LONGEST_NAME) + 5
    bar = max(width - label - _SUMMARY - 2, 10)
    span = seconds or 1.0
    rows = [" " * (label + 1) + _axis(span, bar)]
    for pod, lines in pods:
        rows += [pod] if pod else []
        for container, group in groupby(lines, key=lambda line: line.container):
            for number, row in enumerate(_rows(list(group), span, bar)):
                name = _shortened(container, label - 5) if number == 0 else ""
                rows.append(f"{name:<{label - 5}} {row}".rstrip())
    rows.append(" " * (label + 1) + _LEGEND)
    return "".join(f"{row}\n" for row in rows)


def _rows(lines: Sequence[Attempt], span: float, bar: int) -> Iterator[str]:
    """One container's rows, without its name."""
    left_out = len(lines) - FIRST_SHOWN - LAST_SHOWN
    for position, line in enumerate(lines):
        if left_out > 1 and position == FIRST_SHOWN:
            yield f"     … {left_out} more attempts …"
        if left_out <= 1 or position < FIRST_SHOWN or position >= FIRST_SHOWN + left_out:
            yield f"{'#' + str(line.number):>4} {_bar(line, span, bar):<{bar}} {_summary(line)}"


def _bar(line: Attempt, span: float, bar: int) -> str:
    cells = [" "] * bar
    for stretch in line.stretches:
        first = min(int(stretch.begin / span * bar), bar - 1)
        last = min(max(round(stretch.end / span * bar) - 1, first), bar - 1)
        for cell in range(first, last + 1):
            cells[cell] = _MARKS[stretch.doing]
    return "".join(cells)


def _summary(line: Attempt) -> str:
    """How the attempt went, in a few words."""
    ran = "" if line.ran is None else f"ran {format_duration(round(line.ran, 1))}"
    if line.is_running:
        return f"{ran}, still runs"
    if line.exit_code is None:
        return _shortened(line.reason or "waiting", _SUMMARY)
    end = f"exit {line.exit_code}"
    if line.reason not in ("Completed", "Error", ""):
        end += f" {line.reason}"
    return _shortened(f"{ran}, {end}" if ran else end, _SUMMARY)


def _shortened(text: str, longest: int) -> str:
    return text if len(text) <= longest else text[: longest - 1] + "…"


def _axis(span: float, bar: int) -> str:
    """Times at the left end, the middle (where there is room for it) and the right end."""
    texts = [format_duration(round(span * part, 1)) for part in (0.0, 0.5, 1.0)]
    middle = (bar - len(texts[1])) // 2
    axis = texts[0].ljust(middle) + texts[1]
    if len(axis) + len(texts[2]) >= bar:
        axis = texts[0] + " "
    return axis + texts[2].rjust(bar - len(axis))
