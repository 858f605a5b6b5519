"""A page of timelines that needs nothing from outside: it zooms, searches, and tells of what the pointer is on."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from html import escape
from importlib.resources import files
from typing import Any, Final

from runner.core.history.lanes import Lane, PodLanes
from runner.render.timeline.bars import (
    DARK,
    LEGEND,
    LIGHT,
    PATTERNS,
    STEPS,
    STYLE,
    bar,
    packed,
    palette,
    signs,
    ticks,
)
from runner.render.timeline.rows import Kind, Row, rows
from runner.render.timeline.words import details, differences

LOG_LINES: Final = 8
"""The last lines of an attempt that failed, which the page shows."""

_PLACE: Final = re.compile("@([A-Z]+)@")
Log = Callable[[PodLanes, Lane], str]


def draw_html(pods: Sequence[PodLanes], *, compared: bool = False, log: Log | None = None) -> str:
    """The page. ``compared``: the second pod's rows say how they differ from the first's; ``log`` gives an attempt's output."""
    notes = [differences(pod, pods[0]) if compared and number else {} for number, pod in enumerate(pods)]
    shown = list(rows(pods, notes))
    seconds = max((pod.seconds for pod in pods), default=0.0) or 1.0
    texts = {
        "TITLE": escape(" and ".join(f"{pod.namespace}/{pod.label}" for pod in pods) or "no pods"),
        "LIGHT": palette(LIGHT),
        "DARK": palette(DARK),
        "STYLE": STYLE,
        "PATTERNS": PATTERNS,
        "LEGEND": "".join(_legend()),
        "TICKS": "".join(f'<span style="left:{place:.4f}%">{text}</span>' for place, text in ticks(seconds)),
        "ROWS": "\n".join(_row(row, seconds, number) for number, row in _numbered(shown)),
        "DATA": _embedded(_data(shown, seconds, log)),
    }
    return _filled(files(__package__).joinpath("page.html").read_text(encoding="utf-8"), texts)


def _filled(page: str, texts: Mapping[str, str]) -> str:
    """Fill the places of the page in; what is filled in is not looked at again."""
    return _PLACE.sub(lambda match: texts[match[1]], page)


def _embedded(value: Any) -> str:
    """JSON that no browser takes for the end of a script."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")


def _numbered(shown: Sequence[Row]) -> Iterator[tuple[int, Row]]:
    """Each row with the number of its lane, as far as it has one."""
    number = -1
    for row in shown:
        number += row.kind is Kind.LANE
        yield number, row


def _key(row_number: int, container: str, number: int) -> str:
    return f"{row_number}/{container}#{number}"


def _row(row: Row, seconds: float, number: int) -> str:
    match row.kind:
        case Kind.POD:
            track = _track(signs(row.pod.marks, seconds))
            return f'<div class="row pod"><div class="label">{escape(row.label)}</div>{track}</div>'
        case Kind.MORE:
            button = f"<button>{escape(row.label)}</button>"
            return f'<div class="row more" data-group="{row.group}"><div class="label">{button}</div></div>'
        case Kind.GROUP:
            cells = _cells(row.label, "", packed(row.lanes, seconds), row.summary)
            return f'<div class="row group" data-group="{row.group}">{cells}</div>'
        case Kind.LANE:
            attempt = row.lane.attempt
            cells = _cells(row.label, f"#{attempt.number}", bar(row.lane, seconds), row.summary)
            more = f' data-more="{row.group}"' if row.is_hidden else ""
            key = escape(_key(row.pod_number, attempt.container, attempt.number))
            hidden = " hidden" if row.is_hidden else ""
            return f'<div class="row lane{hidden}" data-i="{number}" data-key="{key}"{more}>{cells}</div>'


def _cells(label: str, number: str, shapes: str, words: str) -> str:
    name = f'<div class="label"><span>{escape(label)}</span><i>{number}</i></div>'
    return f'{name}{_track(shapes)}<div class="words" data-t="{escape(words)}">{escape(words)}</div>'


def _track(shapes: str) -> str:
    return f'<svg class="track">{shapes}</svg>'


def _legend() -> Iterator[str]:
    for kind, text in LEGEND:
        yield f'<span><svg width="14" height="10"><rect class="{kind}" width="14" height="10"/></svg>{text}</span>'


def _data(shown: Sequence[Row], seconds: float, log: Log | None) -> dict[str, Any]:
    lanes = [row for row in shown if row.kind is Kind.LANE]
    effects: dict[str, list[str]] = {}
    for row in lanes:
        if row.lane.cause is not None:
            cause = _key(row.pod_number, row.lane.cause.container, row.lane.cause.number)
            effects.setdefault(cause, []).append(_own_key(row))
    return {"seconds": seconds, "steps": STEPS, "open": {}, "lanes": [_lane(row, effects, log) for row in lanes]}


def _own_key(row: Row) -> str:
    return _key(row.pod_number, row.lane.attempt.container, row.lane.attempt.number)


def _lane(row: Row, effects: Mapping[str, list[str]], log: Log | None) -> dict[str, Any]:
    lane = row.lane
    cause = "" if lane.cause is None else _key(row.pod_number, lane.cause.container, lane.cause.number)
    tail = "" if log is None or not lane.attempt.exit_code else "\n".join(log(row.pod, lane).splitlines()[-LOG_LINES:])
    found = " ".join((lane.attempt.container, f"#{lane.attempt.number}", lane.attempt.reason, lane.attempt.message))
    return {
        "details": list(details(lane, row.pod)),
        "cause": cause,
        "effects": effects.get(_own_key(row), []),
        "find": found,
        "log": tail,
    }
