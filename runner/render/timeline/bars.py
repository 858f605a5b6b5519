"""The bar of a lane as SVG, its places in percent of the time axis: a still drawing and a page that zooms share it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final
from xml.sax.saxutils import quoteattr

from runner.core.history.attempt import Doing, Mark, Stretch
from runner.core.history.lanes import Lane, Outcome
from runner.render.timeline.words import duration

HEIGHT: Final = 18
"""Pixels of a row."""
_TOP, _THICK = 4, 10
_CLASSES: Final = {Doing.WAITING: "wait", Doing.BACK_OFF: "back", Doing.PULLING: "pull"}
_ENDS: Final = {Outcome.DONE: "done", Outcome.FAILED: "failed", Outcome.STOPPED: "halt"}
STEPS: Final = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800,
                 3600, 7200, 10800, 21600, 43200, 86400)  # fmt: skip
"""Seconds between two lines of an axis."""
LIGHT: Final = {
    "ink": "#1f2328", "dim": "#59636e", "paper": "#ffffff", "line": "#d1d9e0", "band": "#f6f8fa", "wait": "#d1d9e0",
    "back": "#bf8700", "pull": "#0969da", "done": "#2da44e", "failed": "#cf222e", "runs": "#1b7c83",
    "halt": "#6e7781", "mark": "#8250df",
}  # fmt: skip
DARK: Final = {
    "ink": "#e6edf3", "dim": "#9198a1", "paper": "#0d1117", "line": "#3d444d", "band": "#151b23", "wait": "#3d444d",
    "back": "#d29922", "pull": "#4493f8", "done": "#3fb950", "failed": "#f85149", "runs": "#39c5cf",
    "halt": "#8b949e", "mark": "#ab7df8",
}  # fmt: skip
STYLE: Final = """
.wait{fill:var(--wait)}.back{fill:url(#stripes)}.pull{fill:url(#dots)}
.done{fill:var(--done)}.failed{fill:var(--failed)}.runs{fill:var(--runs)}.halt{fill:var(--halt)}
.fault{fill:var(--mark)}.probe,.kill{fill:var(--back);stroke:var(--paper);stroke-width:.7}.stop{fill:var(--mark)}
.hold{fill:var(--mark);opacity:.25}.cross{stroke:var(--failed);stroke-width:2;fill:none}
"""
PATTERNS: Final = (
    '<defs><pattern id="stripes" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
    '<rect width="6" height="6" fill="var(--back)" opacity=".18"/><rect width="2" height="6" fill="var(--back)"/></pattern>'
    '<pattern id="dots" width="4" height="4" patternUnits="userSpaceOnUse"><rect width="4" height="4" fill="var(--pull)"'
    ' opacity=".25"/><circle cx="2" cy="2" r="1.1" fill="var(--pull)"/></pattern></defs>'
)
LEGEND: Final = (
    ("wait", "waiting"), ("back", "back-off"), ("pull", "pulling"), ("runs", "running"), ("done", "exit 0"),
    ("failed", "failed"), ("halt", "deleted"),
)  # fmt: skip
_SIGNS: Final = {
    "FaultInjected": ("fault", "M1-7 L-4 1 L-1 1 L-2 7 L4-2 L1-2 Z"),
    "Breakpoint": ("stop", "M-4-6h3v12h-3zM1-6h3v12h-3z"),
    "Killing": ("kill", "M-4-5h8v3h-2.5v7h-3v-7h-2.5z"),
}
_PROBE: Final = ("probe", "M-5-6h10L0 3z")


def palette(colours: dict[str, str]) -> str:
    """The colours as custom properties of CSS."""
    return ";".join(f"--{name}:{value}" for name, value in colours.items())


def step(seconds: float, most: int = 8) -> float:
    """How many seconds lie between two lines of an axis of so many seconds that has at most so many lines."""
    return next((one for one in STEPS if seconds / one <= most), 86400.0 * max(1, round(seconds / 86400 / most)))


def ticks(seconds: float, most: int = 8) -> Iterator[tuple[float, str]]:
    """The lines of an axis: where, in percent, and the time that stands there."""
    gap = step(seconds, most)
    for number in range(int(seconds / gap + 1e-9) + 1):
        yield 100.0 * number * gap / seconds, _round(duration(number * gap))


def _round(text: str) -> str:
    """A duration without the parts at its end that are nothing: ``2h`` for ``2h0m0s``."""
    return re.sub(r"(?<=[hm])(0m)?0s$", "", text)


def bar(lane: Lane, seconds: float) -> str:
    """Everything that lies on the track of a lane."""
    parts = [_stretch(lane, part, seconds) for part in lane.attempt.stretches]
    if lane.outcome is Outcome.FAILED and lane.attempt.finished is not None:
        parts.append(_at(lane.attempt.finished, seconds, '<path class="cross" d="M-3-3l6 6m0-6l-6 6"/>', ""))
    return "".join(parts) + signs(lane.attempt.marks, seconds)


def packed(lanes: Sequence[Lane], seconds: float) -> str:
    """All attempts of a container on one track."""
    return "".join(_stretch(lane, part, seconds) for lane in lanes for part in lane.attempt.stretches)


def signs(marks: Sequence[Mark], seconds: float) -> str:
    """Marks on a track; one that lasts has a shade as long as it did."""
    found = []
    for mark in marks:
        kind, path = _SIGNS.get(mark.kind, _PROBE)
        if mark.seconds:
            found.append(f'<rect class="hold" {_reach(mark.at, mark.at + mark.seconds, seconds)}/>')
        text = f"{duration(mark.at)} {mark.kind}{f': {mark.text}' if mark.text else ''}"
        found.append(_at(mark.at, seconds, f'<path class="{kind}" d="{path}"/>', text))
    return "".join(found)


def percent(instant: float, seconds: float) -> float:
    """Where an instant lies on the axis, in percent."""
    return min(max(100.0 * instant / seconds, 0.0), 100.0)


def _stretch(lane: Lane, part: Stretch, seconds: float) -> str:
    kind = _CLASSES.get(part.doing) or {Outcome.DONE: "done", Outcome.FAILED: "failed", Outcome.STOPPED: "halt"}.get(
        lane.outcome, "runs"
    )
    text = f"{part.doing} {duration(part.seconds)}{f', {part.reason}' if part.reason else ''}"
    edge = f' stroke="var(--{kind})"' if part.doing is Doing.RUNNING else ""
    return f'<rect class="{kind}" {_reach(part.begin, part.end, seconds)}{edge} data-t={quoteattr(text)}/>'


def _reach(begin: float, end: float, seconds: float) -> str:
    left, right = percent(begin, seconds), percent(end, seconds)
    return f'x="{left:.4f}%" width="{right - left:.4f}%" y="{_TOP}" height="{_THICK}"'


def _at(instant: float, seconds: float, shape: str, text: str) -> str:
    note = f" data-t={quoteattr(text)}" if text else ""
    return f'<svg x="{percent(instant, seconds):.4f}%" y="{HEIGHT // 2}" overflow="visible"{note}>{shape}</svg>'
