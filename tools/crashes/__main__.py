"""All lives of all pods, or one of them: ``--pod P --kind K --at N``; or some that a seed draws: ``--seed S --lives N``.

Prints what was found, each with the command that lets it happen again, and a line for each pod. Exit code 1 when something was.
"""

from __future__ import annotations

import argparse
import logging
import random
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field

from runner.lab.faults import OF_CALLS, OF_EVENTS, READS, Fault, Kind
from tools.crashes.judge import problems
from tools.crashes.lives import Facts, live
from tools.crashes.scenes import PODS, scene

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
        return f"python -m tools.crashes --pod {self.pod} {told} --down {self.down:g}"


@dataclass
class Found:
    """What came of the lives of one pod."""

    pod: str
    lives: int = 0
    by_kind: Counter[str] = field(default_factory=Counter)
    problems: list[tuple[Case, list[str], list[str]]] = field(default_factory=list)


def cases(pod: str, base: Facts, kinds: Sequence[Kind] = tuple(Kind)) -> Iterator[Case]:
    """Every fault at every number of a pod's life."""
    for number, point in enumerate(base.points, 1):
        is_read = point.name in READS
        for kind in OF_CALLS:
            # A crash after something was read is one before what follows; nobody waits for a reply that brings nothing.
            is_same = is_read and kind in (Kind.CRASH_AFTER, Kind.LOST_REPLY)
            if kind in kinds and not is_same and not (point.is_write and kind is Kind.UNAVAILABLE):
                yield Case(pod, (Fault(kind=kind, at=number),))
    for kind, count in ((Kind.STALE_LIST, base.lists), *((kind, base.events) for kind in OF_EVENTS)):
        if kind in kinds:
            yield from (Case(pod, (Fault(kind=kind, at=number),)) for number in range(1, count + 1))


def drawn(seed: int) -> Case:
    """A life of a seed: a pod, some kinds of faults, some of them at some numbers."""
    dice = random.Random(seed)
    pod = dice.choice(PODS)
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
        _bases[pod] = live(scene(pod))
    return _bases[pod]


def tried(case: Case) -> tuple[Facts, list[str]]:
    """Let a case happen. Returns what came of it, and what is wrong with that."""
    facts = live(scene(case.pod), case.faults, down=case.down)
    return facts, problems(undisturbed(case.pod), facts, case.faults)


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


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tools.crashes", description=__doc__)
    parser.add_argument("--pod", action="append", choices=PODS)
    parser.add_argument("--kind", action="append", choices=[str(kind) for kind in Kind])
    parser.add_argument("--at", action="append", type=int)
    parser.add_argument("--down", type=float, default=1.0, metavar="SECONDS")
    parser.add_argument("--seed", type=int)
    parser.add_argument("--lives", type=int, default=1)
    parser.add_argument("--processes", type=int)
    parser.add_argument("--points", action="store_true", help="list what has a number in the undisturbed life")
    given = parser.parse_args(arguments)
    logging.disable()  # What is injected is logged as what it is taken for.
    began = time.monotonic()
    pods = given.pod or PODS
    if given.points:
        for pod in pods:
            for number, point in enumerate(undisturbed(pod).points, 1):
                print(f"{pod} {number}: {point}")
        return 0
    if given.seed is not None:
        return _some([drawn(seed) for seed in range(given.seed, given.seed + given.lives)])
    if given.at:
        faults = tuple(Fault(kind=Kind(kind), at=at) for kind, at in zip(given.kind, given.at, strict=True))
        return _some([Case(pod, faults, given.down) for pod in pods], verbose=True)
    kinds = tuple(map(Kind, given.kind)) if given.kind else tuple(Kind)
    lives = wrong = 0
    with ProcessPoolExecutor(given.processes) as pool:
        for found in pool.map(everything, pods, [kinds] * len(pods)):
            for case, struck, texts in found.problems:
                _show(case, struck, texts)
            lives, wrong = lives + found.lives, wrong + len(found.problems)
            told = ", ".join(f"{count} {kind}" for kind, count in found.by_kind.items())
            print(f"{found.pod}: {found.lives} lives, {len(found.problems)} not as they should be ({told})")
    print(f"{lives} lives, {wrong} not as they should be, {time.monotonic() - began:.1f} s")
    return 1 if wrong else 0


def _some(listed: Sequence[Case], *, verbose: bool = False) -> int:
    wrong = 0
    for case in listed:
        facts, texts = tried(case)
        if verbose:
            print("\n".join(facts.struck) or "nothing was struck")
        if texts:
            wrong += 1
            _show(case, facts.struck, texts)
    print(f"{len(listed)} lives, {wrong} not as they should be")
    return 1 if wrong else 0


def _show(case: Case, struck: Sequence[str], texts: Sequence[str]) -> None:
    print(case.command)
    print(f"    {'; '.join(struck)}")
    for text in texts:
        print(f"    {text}")


if __name__ == "__main__":
    sys.exit(main())
