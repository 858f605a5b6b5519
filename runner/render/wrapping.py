"""Lines for people: broken between words, never within one, and indented below their beginning. Colours take no room."""

from __future__ import annotations

import re

from runner.core.text.escaping import MARK

_COLOUR = re.compile(re.escape(MARK) + r"\[[0-9;]*m")


def visible(text: str) -> int:
    """Columns that a text takes."""
    return len(_COLOUR.sub("", text))


def wrapped(text: str, width: int, *, first: int = 0, hanging: int = 0) -> list[str]:
    """Break one line: ``first`` columns are taken already on the first line, the others begin after ``hanging`` blanks.

    A word that is longer than a line stands whole on a line of its own. Blanks at the beginning stay.
    """
    if first + visible(text) <= width:
        return [text]
    body = text.lstrip(" ")
    lines: list[str] = []
    line, column, is_empty = " " * (len(text) - len(body)), first + len(text) - len(body), True
    for word in body.split(" "):
        gap = "" if is_empty else " "
        if column + len(gap) + visible(word) > width and (lines or not is_empty or column > hanging):
            if line.strip() or not lines:
                lines.append(line.rstrip())
            line, column, gap = " " * hanging, hanging, ""
        line, column, is_empty = line + gap + word, column + len(gap) + visible(word), False
    return [*lines, line]
