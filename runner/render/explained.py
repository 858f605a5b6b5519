"""Explanations as text: in full for ``explain``, and in two lines for the end of what failed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from runner.core.explain.finding import Certainty, Finding
from runner.render.style import Paint
from runner.render.wrapping import wrapped

if TYPE_CHECKING:
    from runner.core.explain.explaining import Explanation

WIDE = 10_000
"""Columns of what is no terminal: nothing is broken there."""


def explanation_text(found: Explanation, paint: Paint, width: int = WIDE) -> str:
    """The whole: each cause with its evidence and what to do, then what was looked at."""
    lines: list[str] = []
    head = f"pod {found.namespace}/{found.name}"
    lines += wrapped(f"{paint.bold(head)}{f': {found.state}' if found.state else ''}", width, hanging=2)
    for one in found.findings:
        lines += _cause(one, paint, width)
    if not found.findings:
        lines += wrapped(_nothing(found), width, hanging=2)
    if found.retry:
        lines += wrapped(f"{paint.dim('again:')} {found.retry}", width, hanging=2)
    lines += wrapped(f"{paint.dim('looked at:')} {'; '.join(found.looked_at)}", width, hanging=2)
    if found.missing and not (found.cause and found.cause.certainty is Certainty.CERTAIN):
        lines += wrapped(f"{paint.dim('not there:')} {'; '.join(found.missing)}", width, hanging=2)
    return "\n".join(lines) + "\n"


def _cause(one: Finding, paint: Paint, width: int) -> Iterator[str]:
    word = {Certainty.CERTAIN: paint.red, Certainty.LIKELY: paint.yellow, Certainty.POSSIBLE: paint.dim}[one.certainty]
    yield from wrapped(f"{word(f'cause ({one.certainty}):')} {one.sentence}", width, hanging=2)
    for quote in one.evidence:
        yield from wrapped(f"  {paint.dim(f'{quote.where}:')} {quote.text}", width, hanging=4)
    yield from wrapped(f"{paint.green('next:')} {one.next}", width, hanging=2)


def _nothing(found: Explanation) -> str:
    return "no cause found" if found.state else "nothing is wrong as far as can be seen"


def short_text(found: Explanation, paint: Paint, width: int, said: str = "") -> list[str]:
    """The cause and what to do next, at most two lines each; none when no more is known than that something ended.

    ``said`` has been told already: what it holds is not said again.
    """
    one = found.told
    if one is None or one.sentence in said:
        return []
    sure = "" if one.certainty is Certainty.CERTAIN else f" ({one.certainty})"
    cause = wrapped(f"{paint.yellow(f'cause{sure}:')} {one.sentence}", width, hanging=2)
    then = wrapped(f"{paint.green('next:')} {one.next}", width, hanging=2)
    return [*_cut(cause), *_cut(then)]


def _cut(lines: list[str]) -> list[str]:
    return lines if len(lines) <= 2 else [lines[0], f"{lines[1]} …"]
