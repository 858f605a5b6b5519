"""Which lives there are: all of a pod's, or one that a seed draws."""

from __future__ import annotations

import logging
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from runner.lab.crashes import OF_CALLS, OF_ENGINE, OF_EVENTS, READS, Fault, Kind, Strike
from tools.crashes.judge import QUIET, problems
from tools.crashes.lives import Facts, live
from tools.crashes.scenes import DRAWN, WATCHED, scene

DOWNS = (0.0, 1.0, 30.0)
"""Seconds until the next node begins."""
MOST_FAULTS = 3


@dataclass(frozen=True)
class Case:
    """One life: a pod, what happens to it, and how long its node is down after a crash."""

    pod: str
    faults: tuple[Fault, ...]
    down: float = 1.0

    @property
    def command(self) -> str:
        """What lets it happen again."""
        told = " ".join(f"--kind {fault.kind} --at {fault.at}" for fault in self.faults)
        return f".venv/bin/python -m tools.crashes --pod {self.pod} {told} --down {self.down:g}"


@dataclass
class Found:
    """What came of the lives of one pod."""

    pod: str
    lives: int = 0
    by_kind: Counter[str] = field(default_factory=Counter)
    problems: list[tuple[Case, list[Strike], list[str]]] = field(default_factory=list)


def cases(pod: str, base: Facts, kinds: Sequence[Kind] = tuple(Kind)) -> Iterator[Case]:
    """Every fault at every number of a pod's life; of some only those after which nothing is another than without."""
    if pod in WATCHED:
        kinds = [kind for kind in kinds if kind in QUIET]
    for number, point in enumerate(base.points, 1):
        is_read = point.name in READS
        for kind in OF_CALLS:
            # A crash after something was read is one before what follows; a reply that brings nothing is not waited for.
            is_same = is_read and kind in (Kind.CRASH_AFTER, Kind.CRASH_DURING, Kind.LOST_REPLY, Kind.LATE)
            if kind in kinds and not is_same and not (point.is_write and kind in OF_ENGINE):
                yield Case(pod, (Fault(kind=kind, at=number),))
    for kind, count in ((Kind.STALE_LIST, base.lists), *((kind, base.events) for kind in OF_EVENTS)):
        if kind in kinds:
            yield from (Case(pod, (Fault(kind=kind, at=number),)) for number in range(1, count + 1))


def drawn(seed: int) -> Case:
    """A life of a seed: a pod, some kinds of faults, some of them at some numbers."""
    dice = random.Random(seed)
    pod = dice.choice(DRAWN)
    base = undisturbed(pod)
    kinds = dice.sample(list(Kind), dice.randint(1, 3))
    most = {Kind.STALE_LIST: base.lists, **dict.fromkeys(OF_EVENTS, base.events)}
    faults = []
    for _ in range(dice.randint(1, MOST_FAULTS)):
        kind = dice.choice(kinds)
        faults.append(Fault(kind=kind, at=dice.randint(1, most.get(kind, len(base.points)) or 1)))
    return Case(pod, tuple(faults), dice.choice(DOWNS))


_bases: dict[str, Facts] = {}


def undisturbed(pod: str) -> Facts:
    """A pod's life in which nothing happens."""
    if pod not in _bases:
        _bases[pod] = live(scene(pod), is_curious=True)
    return _bases[pod]


def tried(case: Case) -> tuple[Facts, list[str]]:
    """Let a case happen. Returns what came of it, and what is wrong with that."""
    facts = live(scene(case.pod), case.faults, down=case.down)
    return facts, problems(undisturbed(case.pod), facts)


def everything(pod: str, kinds: Sequence[Kind] = tuple(Kind)) -> Found:
    """All lives of a pod."""
    logging.disable()
    found = Found(pod)
    for case in cases(pod, undisturbed(pod), kinds):
        facts, wrong = tried(case)
        found.lives += 1
        found.by_kind[case.faults[0].kind] += 1
        if wrong:
            found.problems.append((case, facts.struck, wrong))
    return found
