"""Events as tables: the one below ``describe`` and the one of ``kubectl events``.

Mirrors DescribeEvents of k8s.io/kubectl/pkg/describe/describe.go and k8s.io/kubectl/pkg/cmd/events.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from runner.core.model import EMPTY, Json
from runner.core.text.times import human_duration, parse_time

EVENT_COLUMNS = ("LAST SEEN", "TYPE", "REASON", "OBJECT", "MESSAGE")
_LONG_AGO = datetime(1, 1, 1, tzinfo=UTC)


def age(text: object, now: datetime) -> str:
    """How long ago an instant was, ``<unknown>`` when it is not set."""
    instant = parse_time(text)
    return human_duration(now - instant) if instant else "<unknown>"


def interval(event: Json, now: datetime) -> str:
    """``5s``, or ``5s (x3 over 2m)`` for what happened repeatedly."""
    first = age(event.get("eventTime") or event.get("firstTimestamp"), now)
    series = event.get("series")
    if series:
        return f"{age(series.get('lastObservedTime'), now)} (x{series.get('count') or 0} over {first})"
    if (event.get("count") or 0) > 1:
        return f"{age(event.get('lastTimestamp'), now)} (x{event['count']} over {first})"
    return first


def source(event: Json) -> str:
    """The component that reported the event."""
    return (event.get("source") or EMPTY).get("component") or event.get("reportingComponent") or ""


def message(event: Json) -> str:
    """The message, after the container it is about."""
    path = (event.get("involvedObject") or EMPTY).get("fieldPath")
    text = str(event.get("message") or "").strip()
    return f"{path}: {text}" if path else text


def by_last_timestamp(events: Iterable[Json]) -> list[Json]:
    """Events as ``describe`` sorts them: by lastTimestamp alone, those without one first."""
    return sorted(events, key=lambda event: parse_time(event.get("lastTimestamp")) or _LONG_AGO)


def last_seen(event: Json) -> datetime:
    """When the event happened last."""
    series = event.get("series") or EMPTY
    for text in (series.get("lastObservedTime"), event.get("lastTimestamp"), event.get("eventTime")):
        instant = parse_time(text)
        if instant:
            return instant
    return parse_time(event.get("firstTimestamp")) or _LONG_AGO


def describe_lines(events: Sequence[Json], now: datetime) -> list[str]:
    """The lines of the Events section, tab-separated."""
    rows = ["  Type\tReason\tAge\tFrom\tMessage", "  ----\t------\t----\t----\t-------"]
    for event in by_last_timestamp(events):
        cells = (event.get("type") or "", event.get("reason") or "", interval(event, now), source(event))
        rows.append("  " + "\t".join((*cells, message(event))))
    return rows


def event_cells(event: Json, now: datetime) -> tuple[str, ...]:
    """One row of the events table."""
    involved = event.get("involvedObject") or EMPTY
    return (
        interval(event, now),
        event.get("type") or "",
        event.get("reason") or "",
        f"{involved.get('kind', '')}/{involved.get('name', '')}",
        str(event.get("message") or "").strip(),
    )
