"""What a user may have meant by a mistyped word."""

from __future__ import annotations

from collections.abc import Iterable


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A question with the nearest of the known words; "" when none is near."""
    # Only needed when something is misspelt.
    from runner.core.manifest.decode import nearest

    found = nearest(word, known, cutoff=0.6)
    return f"did you mean {found}?" if found else ""
