"""Repetitions of a run, gathered into outcomes: those that went the same way, with the point where they part from a good one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import sqrt
from typing import Any, Final

from msgspec import Struct

from runner.core.history.record import PodRecord
from runner.core.repeats.parting import Parting, first_parting, steps

_Z: Final = 1.959963984540054
"""Standard deviations on either side of which 95 of 100 lie."""
_TIMEOUT: Final = 4
PASSED: Final = "passed"


class Repetition(Struct, frozen=True, kw_only=True):
    """One run: its number from 1, how it ended, how long it took, and what its pods did.

    ``tail`` are the last lines of the container that failed. ``artifacts`` is the directory of its files, "" for none.
    """

    number: int
    exit_code: int
    message: str
    seconds: float
    records: tuple[PodRecord, ...] = ()
    tail: tuple[str, ...] = ()
    artifacts: str = ""

    @property
    def is_good(self) -> bool:
        return self.exit_code == 0


class Outcome(Struct, frozen=True, kw_only=True):
    """Repetitions that went the same way; ``example`` is the first of them. ``parting`` is known beside a good run only."""

    label: str
    is_good: bool
    numbers: tuple[int, ...]
    example: Repetition
    parting: Parting | None = None

    def to_json(self, total: int) -> dict[str, Any]:
        """The outcome for programs; ``total`` is the number of repetitions."""
        return {
            "outcome": self.label,
            "passed": self.is_good,
            "count": len(self.numbers),
            "share": round(len(self.numbers) / total, 6) if total else 0.0,
            "repetitions": list(self.numbers),
            "example": self.example.number,
            "exitCode": self.example.exit_code,
            "message": self.example.message,
            "lastLines": list(self.example.tail),
            "firstDifference": _parting_json(self.parting),
        }


class Repeats(Struct, frozen=True, kw_only=True):
    """What came of all repetitions. ``wanted`` may be more than there are: then it was interrupted."""

    wanted: int
    repetitions: tuple[Repetition, ...]
    outcomes: tuple[Outcome, ...]
    good: Repetition | None

    @property
    def total(self) -> int:
        """How many came to an end."""
        return len(self.repetitions)

    @property
    def passed(self) -> int:
        """How many of them went well."""
        return sum(one.is_good for one in self.repetitions)

    @property
    def failed(self) -> int:
        """How many of them did not."""
        return self.total - self.passed

    @property
    def pass_rate(self) -> float:
        """The share of those that went well, from 0 to 1; 0 without any."""
        return self.passed / self.total if self.total else 0.0

    @property
    def interval(self) -> tuple[float, float]:
        """Where the true rate lies with 95 % confidence (Wilson's score interval)."""
        return wilson(self.passed, self.total)

    @property
    def is_interrupted(self) -> bool:
        """Whether it was ended before all repetitions were done."""
        return self.total < self.wanted

    def to_json(self) -> dict[str, Any]:
        """All of it for programs."""
        low, high = self.interval
        return {
            "wanted": self.wanted,
            "total": self.total,
            "passed": self.passed,
            "failed": self.failed,
            "passRate": round(self.pass_rate, 6),
            "interval": {"confidence": 0.95, "low": round(low, 6), "high": round(high, 6)},
            "interrupted": self.is_interrupted,
            "good": None if self.good is None else self.good.number,
            "outcomes": [one.to_json(self.total) for one in self.outcomes],
            "repetitions": [_repetition_json(one) for one in self.repetitions],
        }


def wilson(passed: int, total: int) -> tuple[float, float]:
    """Wilson's score interval of a rate, at 95 % confidence; from 0 to 1 without any trial."""
    if not total:
        return 0.0, 1.0
    rate, square = passed / total, _Z * _Z
    middle = (rate + square / (2 * total)) / (1 + square / total)
    half = _Z / (1 + square / total) * sqrt(rate * (1 - rate) / total + square / (4 * total * total))
    return (0.0 if not passed else max(0.0, middle - half)), (1.0 if passed == total else min(1.0, middle + half))


def label_of(one: Repetition) -> str:
    """What became of a run, in words that are the same for runs that went the same way."""
    bad = [step for step in sorted(steps(one.records), key=lambda step: step.at) if step.is_bad]
    pods = {record.name for record in one.records}
    ends = [f"{step.pod + ': ' if len(pods) > 1 else ''}{step.who}: {step.what}" for step in bad]
    if one.is_good:
        return f"{PASSED} after {'; '.join(ends)}" if ends else PASSED
    if one.exit_code == _TIMEOUT:
        return f"timed out after {ends[0]}" if ends else "timed out"
    return ends[0] if ends else one.message or f"exit code {one.exit_code}"


def gathered(repetitions: Sequence[Repetition], labels: Mapping[int, str], wanted: int) -> Repeats:
    """Put together what went the same way, the most frequent first. ``labels`` are what became of each, by number."""
    in_order = sorted(repetitions, key=lambda one: one.number)
    good = next((one for one in in_order if labels[one.number] == PASSED and one.records), None)
    good = good or next((one for one in in_order if one.is_good and one.records), None)
    groups: dict[str, list[Repetition]] = {}
    for one in in_order:
        groups.setdefault(labels[one.number], []).append(one)
    outcomes = [
        Outcome(
            label=label,
            is_good=group[0].is_good,
            numbers=tuple(one.number for one in group),
            example=example,
            parting=None if good is None or example.is_good else first_parting(example.records, good.records),
        )
        for label, group in groups.items()
        for example in [next((one for one in group if one.records), group[0])]
    ]
    outcomes.sort(key=lambda one: (-one.is_good, -len(one.numbers), one.label))
    return Repeats(wanted=wanted, repetitions=tuple(in_order), outcomes=tuple(outcomes), good=good)


def _parting_json(parting: Parting | None) -> dict[str, Any] | None:
    if parting is None:
        return None
    step = parting.step or parting.good
    assert step is not None
    return {
        "pod": step.pod,
        "container": step.container,
        "attempt": step.attempt,
        "isInit": step.is_init,
        "seconds": round(parting.at, 3),
        "event": None if parting.step is None else parting.step.what,
        "inGoodRun": None if parting.good is None else parting.good.what,
        "text": parting.sentence,
    }


def _repetition_json(one: Repetition) -> dict[str, Any]:
    found: dict[str, Any] = {
        "number": one.number,
        "passed": one.is_good,
        "exitCode": one.exit_code,
        "seconds": round(one.seconds, 3),
    }
    found |= {"message": one.message} if one.message else {}
    return found | ({"artifacts": one.artifacts} if one.artifacts else {})
