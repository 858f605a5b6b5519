"""A still drawing of timelines, for a report: one SVG without anything from outside."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final
from xml.sax.saxutils import escape

from runner.core.history.lanes import PodLanes
from runner.render.timeline.bars import (
    HEIGHT,
    LEGEND,
    LIGHT,
    PATTERNS,
    STYLE,
    bar,
    packed,
    palette,
    percent,
    signs,
    ticks,
)
from runner.render.timeline.rows import Kind, Row, rows
from runner.render.timeline.words import differences, shortened

WIDTH: Final = 1000
_LEFT, _TRACK = 230, 530
_MARGIN, _AXIS, _POD = 16, 22, 30
_NAME, _WORDS = 21, 30
"""Characters that fit."""
_TEXT: Final = (
    "text{font:12px ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace;fill:var(--ink)}"
    ".dim{fill:var(--dim)}.pod{font-weight:bold}.grid{stroke:var(--line);stroke-width:1}.band{fill:var(--band)}"
    ".because{stroke:var(--dim);stroke-width:1;fill:none;opacity:.55;marker-end:url(#tip)}"
)
_TIP: Final = (
    '<marker id="tip" markerWidth="5" markerHeight="5" refX="4" refY="2.5" orient="auto">'
    '<path d="M0 0l5 2.5l-5 2.5z" fill="var(--dim)"/></marker>'
)


def draw_svg(pods: Sequence[PodLanes], *, compared: bool = False) -> str:
    """The drawing. ``compared``: the rows of the second pod say how they differ from the first's."""
    notes = [differences(pod, pods[0]) if compared and number else {} for number, pod in enumerate(pods)]
    shown = [row for row in rows(pods, notes) if not row.is_hidden]
    return "".join(_Drawing(pods, shown).parts())


class _Drawing:
    """The places that the rows share, in pixels."""

    def __init__(self, pods: Sequence[PodLanes], shown: Sequence[Row]) -> None:
        self._rows = shown
        self._seconds = max((pod.seconds for pod in pods), default=0.0) or 1.0
        self._tops: list[int] = []
        top = _MARGIN + _AXIS
        for row in shown:
            self._tops.append(top)
            top += _POD if row.kind is Kind.POD else HEIGHT
        self._bottom = top

    def parts(self) -> Iterator[str]:
        """The whole document, piece by piece."""
        height = self._bottom + 2 * _MARGIN + HEIGHT
        yield f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}"'
        yield f' style="{palette(LIGHT)}">\n<style>{_TEXT}{STYLE}</style>{PATTERNS}<defs>{_TIP}</defs>\n'
        yield f'<rect width="{WIDTH}" height="{height}" fill="var(--paper)"/>\n'
        for place, text in ticks(self._seconds):
            x = _LEFT + place / 100 * _TRACK
            yield f'<text class="dim" x="{x:.1f}" y="{_MARGIN + 8}" text-anchor="middle">{text}</text>'
            yield f'<path class="grid" d="M{x:.1f} {_MARGIN + 14}V{self._bottom}"/>\n'
        for row, top in zip(self._rows, self._tops, strict=True):
            yield from self._row(row, top)
        yield from self._causes()
        yield from _legend(self._bottom + _MARGIN)
        yield "</svg>\n"

    def _row(self, row: Row, top: int) -> Iterator[str]:
        base = top + 13
        if row.kind is Kind.POD:
            yield f'<text class="pod" x="{_MARGIN}" y="{top + 19}">{escape(row.label)}</text>'
            yield self._track(signs(row.pod.marks, self._seconds), top + 6) + "\n"
            return
        if row.label:
            kind = "dim" if row.kind is Kind.MORE else ""
            yield f'<text class="{kind}" x="{_MARGIN}" y="{base}">{escape(shortened(row.label, _NAME))}</text>'
        if row.kind is Kind.LANE:
            number = f"#{row.lane.attempt.number}"
            yield f'<text class="dim" x="{_LEFT - 12}" y="{base}" text-anchor="end">{number}</text>'
        words = escape(shortened(row.summary, _WORDS))
        yield f'<text x="{_LEFT + _TRACK + 12}" y="{base}">{words}</text>'
        if row.kind is Kind.LANE:
            yield self._track(bar(row.lane, self._seconds), top)
        elif row.kind is Kind.GROUP:
            yield self._track(packed(row.lanes, self._seconds), top)
        yield "\n"

    def _track(self, shapes: str, top: int) -> str:
        size = f'x="{_LEFT}" y="{top}" width="{_TRACK}" height="{HEIGHT}" overflow="visible"'
        return f"<svg {size}>{shapes}</svg>" if shapes else ""

    def _causes(self) -> Iterator[str]:
        """An arrow from what an attempt followed on to its start, where both are shown."""
        shown = [(row, top) for row, top in zip(self._rows, self._tops, strict=True) if row.kind is Kind.LANE]
        tops = {(row.pod_number, row.lane.attempt.container, row.lane.attempt.number): top for row, top in shown}
        for row, top in shown:
            cause, started = row.lane.cause, row.lane.attempt.started
            above = None if cause is None else tops.get((row.pod_number, cause.container, cause.number))
            if cause is not None and above is not None and started is not None:
                yield self._arrow(self._x(cause.at), above, self._x(started), top)

    def _arrow(self, left: float, top: int, right: float, end: int) -> str:
        """Down (or up) from the end of a bar, and to the beginning of another one."""
        begin = top + (HEIGHT - 4 if end > top else 4)
        line = f"M{left:.1f} {begin}V{end + HEIGHT // 2}H{max(right - 1, left + 4):.1f}"
        return f'<path class="because" d="{line}"/>\n'

    def _x(self, instant: float) -> float:
        return _LEFT + percent(instant, self._seconds) / 100 * _TRACK


def _legend(top: int) -> Iterator[str]:
    x = _LEFT
    for kind, text in LEGEND:
        yield f'<rect class="{kind}" x="{x}" y="{top + 4}" width="14" height="10"/>'
        yield f'<text class="dim" x="{x + 19}" y="{top + 13}">{text}</text>'
        x += 34 + 8 * len(text)
