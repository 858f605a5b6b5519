"""`python -m tools.bench_laboratory`: what the laboratory costs: the record of a run, and a look at a volume of many files.

Pairs of runs of the fixture to Ready, with a record and without one, and in each pair the one that goes first changes. The look
is at 10,000 files in a directory, compared with what was there before.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

from runner.core.history.snapshots import compared
from runner.kubelet.volumes.snapshots import read_directory
from tools.bench import MANIFEST, PODRUNNER, compile_package, seconds

FILES = 10_000
MOST_COST, MOST_SECONDS = 1.05, 1.0
"""The median ratio of a recorded run to one that is not, and how long a look at the files may take."""
LOOKS = 5


def run(folder: Path, *, is_recorded: bool) -> float:
    """Measure one run to Ready, the removal of its pod included."""
    environment = {**os.environ, "PODRUNNER_HOME": str(folder / "state"), "PODRUNNER_HISTORY": str(int(is_recorded))}
    return seconds([PODRUNNER, "run", MANIFEST, "--until", "ready"], environment, folder / "podrunner.log")


def recording(folder: Path, pairs: int) -> float:
    """How many times as long a recorded run takes as one that is not: the median of pairs."""
    ratios = []
    for number in range(pairs + 1):
        order = (True, False) if number % 2 else (False, True)
        taken = {is_recorded: run(folder, is_recorded=is_recorded) for is_recorded in order}
        if number:  # the first pair only warms up
            ratios.append(taken[True] / taken[False])
    ratio = statistics.median(ratios)
    print(f"tracing: median of {pairs} pairs, with a record {ratio:.3f} times as long as without", flush=True)
    return ratio


def looking(folder: Path) -> float:
    """Seconds that a look at many files takes, and the comparison with the one before: the best of a few."""
    for number in range(FILES):
        place = folder / f"files/{number % 100}"
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{number}.txt").write_text(f"file {number}\n")
    before = read_directory(folder / "files")
    taken = []
    for number in range(LOOKS):
        (folder / f"files/{number}/{number}.txt").write_text("another text\n")
        began = time.perf_counter()
        changes = compared("work", before, read_directory(folder / "files"))
        taken.append(time.perf_counter() - began)
        if len(changes) != number + 1:
            raise SystemExit(f"{len(changes)} changes were seen, {number + 1} were made")
    print(f"snapshot of {FILES} files: {min(taken):.3f} s", flush=True)
    return min(taken)


def main() -> int:
    """Measure both; with --check exit code 1 above the limits."""
    parser = argparse.ArgumentParser(prog="python -m tools.bench_laboratory", description="what the laboratory costs")
    parser.add_argument("--pairs", type=int, default=10, help="how many pairs of runs (default 10)")
    parser.add_argument("--check", action="store_true", help="fail above the limits")
    options = parser.parse_args()
    compile_package()
    with tempfile.TemporaryDirectory(prefix="podrunner-bench-") as folder:
        cost, look = recording(Path(folder), options.pairs), looking(Path(folder))
    return int(options.check and (cost > MOST_COST or look > MOST_SECONDS))


if __name__ == "__main__":
    sys.exit(main())
