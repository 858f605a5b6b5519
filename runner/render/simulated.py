"""Prints a simulation as what ``kubectl get pod -w`` would have shown, with the events between, and as trace lines."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import datetime

from runner.api.simulating import Simulation
from runner.core.narration import EventRecorded, StatusChanged
from runner.core.printers.columns import pod_row
from runner.core.text.times import format_duration

COLUMNS = ("TIME", "READY", "STATUS", "RESTARTS")
_WIDTHS = (10, 7, 30)
_GAP = 2


def trace_lines(simulation: Simulation) -> Iterator[str]:
    """One JSON object a line for every published status: the time with microseconds, and the v1 Pod."""
    for shown in simulation.trace:
        stamp = shown.at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        yield json.dumps({"time": stamp, "pod": shown.pod}, ensure_ascii=False) + "\n"


def table_lines(simulation: Simulation, *, with_events: bool = True) -> Iterator[str]:
    """A line for each change of READY, STATUS or RESTARTS, and one, indented, for each event."""
    rows: list[tuple[str, ...] | str] = [COLUMNS]
    previous: tuple[str, str, str] | None = None
    for one in simulation.told:
        if isinstance(one, EventRecorded):
            rows += [event_text(one)] if with_events else []
            continue
        cells = _cells(one, one.at)
        plain = (cells[0], cells[1], cells[2].partition(" ")[0])
        if plain != previous:
            previous = plain
            rows.append((moment(simulation.seconds(one.at)), *cells))
    return aligned(rows, _WIDTHS)


def moment(seconds: float) -> str:
    """The time since the beginning of a simulation."""
    return format_duration(round(seconds, 3))


def aligned(rows: Sequence[tuple[str, ...] | str], least: Sequence[int]) -> Iterator[str]:
    """Lines of cells below each other, no cell touching the next; ``least`` are the columns' widths, the last one aside.

    A text is no row of the table: it stands where the second column begins.
    """
    tuples = [row for row in rows if not isinstance(row, str)]
    widths = [
        max(width, *(len(row[column]) + _GAP for row in tuples if column < len(row)))
        for column, width in enumerate(least)
    ]
    for row in rows:
        if isinstance(row, str):
            yield " " * widths[0] + row
        else:
            cells = (f"{cell:<{width}}" for cell, width in zip(row, widths, strict=False))
            yield "".join(cells) + (row[-1] if len(row) > len(widths) else "") + "\n"


def _cells(shown: StatusChanged, at: datetime) -> tuple[str, str, str]:
    row = pod_row(shown.pod, at)
    return row.ready, row.status, row.restarts


def event_text(told: EventRecorded, width: int = 12) -> str:
    """An event as the rest of a line; ``width`` is its reason's."""
    event = told.event
    path = event["involvedObject"].get("fieldPath", "")
    about = path.partition("{")[2].rstrip("}")
    count = f" (x{event['count']})" if event["count"] > 1 else ""
    text = " ".join(str(event["message"]).split())
    return f"{event['type']:<8} {event['reason']:<{width}} {about + ': ' if about else ''}{text}{count}\n"
