"""Prints a simulation of several pods: one table with names, trace lines, or one drawing a pod along a common axis."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime

from runner.api.simulating import CompanySimulation, ObjectShown
from runner.core.narration import EventRecorded, StatusChanged
from runner.core.printers.columns import pod_row
from runner.render.simulated import COLUMNS, aligned, event_text, moment

_TIME, _READY, _STATUS = 10, 7, 30
_REASON = len("ScalingReplicaSet")


def trace_lines(simulation: CompanySimulation) -> Iterator[str]:
    """One JSON object a line: ``time`` with ``pod`` for every published status, with ``object`` for a workload's."""
    for one in simulation.told:
        if isinstance(one, StatusChanged):
            yield _line(one.at, pod=one.pod)
        elif isinstance(one, ObjectShown):
            yield _line(one.at, object=one.value)


def _line(at: datetime, **value: object) -> str:
    return json.dumps({"time": at.strftime("%Y-%m-%dT%H:%M:%S.%fZ"), **value}, ensure_ascii=False) + "\n"


def table_lines(simulation: CompanySimulation) -> Iterator[str]:
    """A line for each change of a pod's READY, STATUS or RESTARTS, and for each event one without a time."""
    told = [one for one in simulation.told if not isinstance(one, ObjectShown)]
    names = max((len(one.ref.label) for one in told), default=0) + 3
    time, *others = COLUMNS
    rows: list[tuple[str, ...] | str] = [(time, "NAME", *others)]
    shown: dict[str, tuple[str, str, str]] = {}
    for one in told:
        if isinstance(one, EventRecorded):
            rows.append(f"{one.ref.label:<{names}}{event_text(one, _REASON)}")
            continue
        found = pod_row(one.pod, one.at)
        plain = (found.ready, found.status, found.restarts.partition(" ")[0])
        if shown.get(one.ref.uid) != plain:
            shown[one.ref.uid] = plain
            seconds = simulation.seconds(one.at)
            rows.append((moment(seconds), one.ref.label, found.ready, found.status, found.restarts))
    return aligned(rows, (_TIME, names, _READY, _STATUS))
