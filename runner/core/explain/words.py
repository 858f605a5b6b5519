"""Pieces of sentences."""

from __future__ import annotations

from collections.abc import Iterable

MOST = 220
"""Characters of a quote."""


def one_line(text: object, most: int = MOST) -> str:
    """A text on one line, cut where it is too long for a quote."""
    line = " ".join(str(text).replace("\r", "\\r").split())
    return line if len(line) <= most else f"{line[: most - 1]}…"


def near(word: str, known: Iterable[str]) -> str:
    """The known name most like a word, "" when none is; the word itself does not count."""
    from runner.core.manifest.decode import nearest

    found = nearest(word, (name for name in known if name != word), cutoff=0.6)
    return found or next((name for name in known if name != word and (word in name or name in word)), "")


def listed(names: Iterable[str], most: int = 5) -> str:
    """``a, b and c``; with more than ``most`` of them the last ones are counted."""
    words = list(names)
    if len(words) > most:
        words = [*words[: most - 1], f"{len(words) - most + 1} more"]
    return f"{', '.join(words[:-1])} and {words[-1]}" if len(words) > 1 else "".join(words)


def same(path: str) -> str:
    """A path without the blanks and marks around it."""
    return path.strip("'\"`:,;()[]")
