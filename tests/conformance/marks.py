"""The marks that a scenario's containers print, and what a scenario may ask of their order.

A mark is ``<seconds since boot> <who> <word> …``: a process called *who* came to Starting, Started, Looping or Exiting.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final


@dataclass(frozen=True, slots=True)
class Mark:
    """One mark; ``at`` in seconds since boot."""

    at: float
    who: str
    word: str


Marks = Sequence[Mark]


def read_marks(lines: Iterable[str]) -> list[Mark]:
    """The marks among lines of output, by time; lines of the same time keep their order."""
    found = []
    for line in lines:
        parts = line.split()
        if len(parts) < 3:
            continue
        try:
            found.append(Mark(float(parts[0]), parts[1], parts[2]))
        except ValueError:
            continue  # other output
    return sorted(found, key=lambda mark: mark.at)


def _find(marks: Marks, who: str, word: str, after: int = -1) -> int | None:
    """Where the first such mark after a place is."""
    places = range(after + 1, len(marks))
    return next((n for n in places if marks[n].who == who and marks[n].word == word), None)


def _first_then(marks: Marks, first: tuple[str, str], then: tuple[str, str]) -> bool:
    place = _find(marks, *first)
    return place is not None and _find(marks, *then, after=place) is not None


def starts_before(marks: Marks, first: str, then: str) -> bool:
    """After the first Started of one there is a Starting of the other."""
    return _first_then(marks, (first, "Started"), (then, "Starting"))


def exits_before(marks: Marks, first: str, then: str) -> bool:
    """After the first Exiting of one there is an Exiting of the other."""
    return _first_then(marks, (first, "Exiting"), (then, "Exiting"))


def together_first(marks: Marks, first: str, then: str) -> bool:
    """The other one starts while the first, which began earlier, still runs; and it ends some time."""
    begun = _find(marks, first, "Started")
    if begun is None:
        return False
    joined, ended = _find(marks, then, "Started", begun), _find(marks, first, "Exiting", begun)
    if joined is None or ended is None or joined > ended:
        return False
    return _find(marks, then, "Exiting", joined) is not None


def together(marks: Marks, one: str, other: str) -> bool:
    """Both run at one time, whichever began."""
    return together_first(marks, one, other) or together_first(marks, other, one)


def _split(name: str) -> tuple[str, str]:
    who, _, word = name.rpartition(".")
    return who, word


def before(marks: Marks, first: str, then: str) -> bool:
    """The first mark called ``who.word`` lies before the first of the other name; both are there."""
    one, other = _find(marks, *_split(first)), _find(marks, *_split(then))
    return one is not None and other is not None and one < other


_RELATIONS: Final[Mapping[str, Callable[[Marks, str, str], bool]]] = {
    relation.__name__: relation for relation in (starts_before, exits_before, together_first, together, before)
}
_COUNTS: Final[Mapping[str, tuple[str, Callable[[int], bool]]]] = {
    "started": ("Started", lambda count: count > 0),
    "exited": ("Exiting", lambda count: count > 0),
    "never_started": ("Started", lambda count: count == 0),
    "restarted": ("Starting", lambda count: count > 1),
    "not_restarted": ("Starting", lambda count: count == 1),
}


def mark_problems(expect: Mapping[str, Any], marks: Marks) -> list[str]:
    """What of a scenario's expectations about marks does not hold, one text for each."""
    found = [
        f"{key}: {' '.join(row)}"
        for key, wanted in (("order", True), ("not_order", False))
        for row in expect.get(key, ())
        if _RELATIONS[row[0]](marks, row[1], row[2]) is not wanted
    ]
    for key, (word, is_right) in _COUNTS.items():
        for who in expect.get(key, ()):
            count = sum(mark.who == who and mark.word == word for mark in marks)
            if not is_right(count):
                found.append(f"{key}: {who} has {count} marks {word}")
    durations = [duration for duration in expect.get("durations", ()) if is_between_marks(duration)]
    measured = [(duration, _seconds(duration, marks)) for duration in durations]
    return found + [f"duration {one}: {seconds}" for one, seconds in measured if not within(one, seconds)]


def is_between_marks(duration: Mapping[str, Any]) -> bool:
    """Whether a duration's ends are marks; otherwise they are states in words."""
    return "between_first" in duration or "between_last" in duration or "." in duration["from"]


def within(duration: Mapping[str, Any], seconds: float | None) -> bool:
    """Whether a measured time is one that a duration allows; None: it could not be measured."""
    longest = duration.get("max", duration.get("derived_max", float("inf")))
    return seconds is not None and duration.get("min", 0) <= seconds <= longest


def _times(marks: Marks, name: str) -> list[float]:
    who, word = _split(name)
    return [mark.at for mark in marks if mark.who == who and mark.word == word]


def _seconds(duration: Mapping[str, Any], marks: Marks) -> float | None:
    """The spread over several names, or the time from one mark to another."""
    for key, place in (("between_first", 0), ("between_last", -1)):
        if key in duration:
            times = [_times(marks, name) for name in duration[key]]
            ends = [row[place] for row in times if row]
            return max(ends) - min(ends) if len(ends) == len(times) else None
    place, key = (-1, "to_last") if "to_last" in duration else (0, "to")
    begin, end = _times(marks, duration["from"]), _times(marks, duration[key])
    return end[place] - begin[0] if begin and end else None
