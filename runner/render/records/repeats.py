"""What came of many runs of the same, as text: how often they pass, and each kind of failure beside a good run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from runner.core.history.lanes import lanes
from runner.core.history.record import PodRecord
from runner.core.repeats.outcomes import Outcome, Repeats, Repetition
from runner.core.repeats.parting import plain_name
from runner.core.text.times import format_duration
from runner.render.style import Paint
from runner.render.timeline.text import WIDTH, draw_compared
from runner.render.wrapping import wrapped

MOST_NUMBERS: Final = 8
"""Numbers of runs that are named of an outcome."""
_PLAIN: Final = Paint(False)


def repeats_text(found: Repeats, *, width: int = WIDTH, paint: Paint = _PLAIN) -> str:
    """The rate with its interval, then each outcome, the failures with the point where they part and two timelines."""
    lines = [headline(found), ""]
    for one in found.outcomes:
        lines += _outcome(one, found, width, paint)
    return "".join(f"{line}\n" for line in lines)


def headline(found: Repeats) -> str:
    """How often the runs pass, on one line."""
    if not found.total:
        return "no run is done"
    low, high = found.interval
    rate = f"{_percent(found.pass_rate)} (95% interval {_percent(low)} to {_percent(high)})"
    if not found.failed:
        return f"{found.passed} of {found.total} runs passed: {rate}"
    return f"{found.failed} of {found.total} runs failed, {found.passed} passed: {rate}"


def _percent(share: float) -> str:
    percent = 100 * share
    return f"{percent:.0f}%" if 1 <= percent <= 99 or percent in (0, 100) else f"{percent:.1f}%"


def _outcome(one: Outcome, found: Repeats, width: int, paint: Paint) -> Iterator[str]:
    many = f"{len(one.numbers):>{len(str(found.total))}}x  "
    label = paint.green(one.label) if one.is_good else paint.red(one.label)
    yield from _wrapped(f"{many}{label}", width, len(many))
    if one.is_good:
        return
    yield from _wrapped(f"{'':{len(many)}}runs {_numbers(one.numbers)}", width, len(many))
    if one.parting is not None and found.good is not None:
        at = format_duration(round(one.parting.at, 2))
        text = f"first difference from run {found.good.number}: after {at}, {one.parting.sentence}"
        yield from _wrapped(f"{'':{len(many)}}{text}", width, len(many))
    for line in one.example.tail:
        yield f"{'':{len(many)}}{paint.dim('|')} {line}"
    pair = _pair(one, found.good)
    if pair is not None:
        yield ""
        yield from draw_compared(*(lanes(record) for record in pair), width=width, paint=paint).splitlines()
    yield ""


def _wrapped(text: str, width: int, hanging: int) -> Iterator[str]:
    yield from wrapped(text, max(width, 40), hanging=hanging)


def _numbers(numbers: Sequence[int]) -> str:
    shown = ", ".join(map(str, numbers[:MOST_NUMBERS]))
    return shown + (f", … {len(numbers) - MOST_NUMBERS} more" if len(numbers) > MOST_NUMBERS else "")


def _pair(one: Outcome, good: Repetition | None) -> tuple[PodRecord, PodRecord] | None:
    """The records of the pod that is to be looked at, of this outcome and of the good run."""
    if good is None or not one.example.records:
        return None
    step = None if one.parting is None else one.parting.step or one.parting.good
    for record in one.example.records:
        name = plain_name(record.pod)
        if step is None or name == step.pod:
            other = next((other for other in good.records if plain_name(other.pod) == name), None)
            return None if other is None else (record, other)
    return None
