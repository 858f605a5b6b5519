"""All lives of all pods, or one of them: ``--pod P --kind K --at N``; or some that a seed draws: ``--seed S --lives N``.

Prints what was found, each with the command that lets it happen again, and a line for each pod. Exit code 1 when something was.
"""

from __future__ import annotations

import argparse
import logging
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor

from runner.lab.crashes import Fault, Kind, Strike
from tools.crashes.cases import Case, drawn, everything, tried, undisturbed
from tools.crashes.scenes import PODS
from tools.crashes.sweeping import wrong_sweeps


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
            print(f"{found.pod}: {found.lives} lives, {len(found.problems)} not as they should be ({told})", flush=True)
        if not given.kind:
            for pod, (count, texts) in zip(pods, pool.map(wrong_sweeps, pods), strict=True):
                lives, wrong = lives + count, wrong + len(texts)
                print("\n".join([f"{pod}: {count} sweeps, {len(texts)} not as they should be", *texts]), flush=True)
    print(f"{lives} lives, {wrong} not as they should be, {time.monotonic() - began:.1f} s")
    return 1 if wrong else 0


def _some(listed: Sequence[Case], *, verbose: bool = False) -> int:
    wrong = 0
    for case in listed:
        facts, texts = tried(case)
        if verbose:
            print("\n".join(map(str, facts.struck)) or "nothing was struck")
        if texts:
            wrong += 1
            _show(case, facts.struck, texts)
    print(f"{len(listed)} lives, {wrong} not as they should be")
    return 1 if wrong else 0


def _show(case: Case, struck: Sequence[Strike], texts: Sequence[str]) -> None:
    print(case.command, flush=True)
    print(f"    {'; '.join(map(str, struck))}")
    for text in texts:
        print(f"    {text}")


if __name__ == "__main__":
    sys.exit(main())
