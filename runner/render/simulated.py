"""Prints a simulation as what ``kubectl get pod -w`` would have shown, with the events between, and as trace lines."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime

from runner.core.columns import pod_row
from runner.core.times import format_duration
from runner.lab.simulation import Simulation
from runner.runtime.narration import EventRecorded, StatusChanged

COLUMNS = ("TIME", "READY", "STATUS", "RESTARTS")
_TIME = 10
_WIDTHS = (7, 30)


def trace_lines(simulation: Simulation) -> Iterator[str]:
    """One JSON object a line for every published status: the time with microseconds, and the v1 Pod."""
    for shown in simulation.trace:
        stamp = shown.at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        yield json.dumps({"time": stamp, "pod": shown.pod}, ensure_ascii=False) + "\n"


def table_lines(simulation: Simulation, *, with_events: bool = True) -> Iterator[str]:
    """A line for each change of READY, STATUS or RESTARTS, and one, indented, for each event."""
    time, *others = COLUMNS
    yield f"{time:<{_TIME}}{row(tuple(others))}"
    previous: tuple[str, str, str] | None = None
    for one in simulation.told:
        if isinstance(one, EventRecorded):
            if with_events:
                yield f"{'':<{_TIME}}{event_text(one)}"
            continue
        cells = _cells(one, one.at)
        plain = (cells[0], cells[1], cells[2].partition(" ")[0])
        if plain != previous:
            previous = plain
            yield f"{format_duration(round(simulation.seconds(one.at), 3)):<{_TIME}}{row(cells)}"


def _cells(shown: StatusChanged, at: datetime) -> tuple[str, str, str]:
    row = pod_row(shown.pod, at)
    return row.ready, row.status, row.restarts


def row(cells: tuple[str, ...]) -> str:
    """READY, STATUS and RESTARTS, or their headers, as the rest of a line."""
    return "".join(f"{cell:<{width}}" for cell, width in zip(cells, _WIDTHS, strict=False)) + cells[-1] + "\n"


def event_text(told: EventRecorded, width: int = 12) -> str:
    """An event as the rest of a line; ``width`` is its reason's."""
    event = told.event
    path = event["involvedObject"].get("fieldPath", "")
    about = path.partition("{")[2].rstrip("}")
    count = f" (x{event['count']})" if event["count"] > 1 else ""
    text = " ".join(str(event["message"]).split())
    return f"{event['type']:<8} {event['reason']:<{width}} {about + ': ' if about else ''}{text}{count}\n"
