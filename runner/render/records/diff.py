"""What two attempts differ in, side by side on 80 columns, and as data."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from itertools import groupby, zip_longest
from typing import Any

from runner.core.history.differences import Difference, Differences
from runner.core.history.record import PodRecord
from runner.render.records.attempts import attempt_data, cut, head, ran

_NARROW = 48


def diff_text(found: Differences, width: int) -> str:
    """One paragraph for each kind of difference; what both have in common is left out."""
    width = max(width, _NARROW)
    name = max([8, *(min(len(one.name), width // 4) for one in found.found)])
    side = (width - name - 4) // 2
    left, right = (f"attempt {one.number}" for one in (found.left, found.right))
    rows = [f"{found.left.container}", _row("", left, right, name, side)]
    rows.append(_row("ran", ran(found.left), ran(found.right), name, side))
    for what, group in groupby(found.found, key=lambda one: one.what):
        rows += ["", what]
        for one in group:
            rows += _difference(one, name, side)
    if found.output:
        rows += ["", "output", *(cut(line, width) for line in found.output)]
    if not found.found and not found.output:
        rows += ["", "they differ in nothing that was recorded"]
    return "".join(f"{row.rstrip()}\n" for row in rows)


def _difference(one: Difference, name: int, side: int) -> Iterator[str]:
    label = textwrap.wrap(one.name, name) or [""]
    columns = [_wrapped(text, side) for text in (one.left, one.right)]
    for first, left, right in zip_longest(label, *columns, fillvalue=""):
        yield _row(first, left, right, name, side)


def _wrapped(text: str | None, side: int) -> list[str]:
    if text is None:
        return ["-"]
    return textwrap.wrap(text, side, break_long_words=True) or ['""']


def _row(label: str, left: str, right: str, name: int, side: int) -> str:
    return f"{label:<{name}}  {left:<{side}}  {right}"


def diff_data(record: PodRecord, found: Differences) -> dict[str, Any]:
    """The same for programs."""
    return {
        **head(record),
        "container": found.left.container,
        "left": attempt_data(record, found.left),
        "right": attempt_data(record, found.right),
        "differences": [
            {"what": one.what, "name": one.name, "left": one.left, "right": one.right} for one in found.found
        ],
        "output": list(found.output),
    }
