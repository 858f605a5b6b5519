"""`python -m tools.bench_pairs OTHER`: this checkout beside another one, for instance the commit before a change.

Pairs, one after the other, and in each pair the one that goes first changes. Of each checkout, with its own `.venv`: the
fixture to Ready, `get`, `delete`, the test of the pytest plugin, and simulated pods. What is compared is the median of the
pairs' ratios, by the clock for what waits for the Engine and by processor time for the simulation.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
MANIFEST = "fixtures/init-container.yaml"
PAIRS = 20
LOOKS = 3
"""How many `get`s a pair has of each."""
SIMULATED_PODS, HOURS = 50, 24
LIMIT = 1.05

TEST = """
import pytest

@pytest.mark.pod({manifest!r})
def test_ready(pod):
    assert pod.status.is_ready
"""
SIMULATE = """
import time
from tools.bench_simulation import run_share
run_share(0, 1, 1.0)
began = time.process_time()
run_share(0, {pods}, {hours})
print(time.process_time() - began)
"""


@dataclass(frozen=True, slots=True)
class Spent:
    """What a process took: seconds by the clock, and of processor time."""

    seconds: float
    processor: float


@dataclass(frozen=True, slots=True)
class Checkout:
    """One of the two, with a place of its own for its state."""

    root: Path
    place: Path

    @property
    def python(self) -> str:
        return str(self.root / ".venv" / "bin" / "python")

    @property
    def environment(self) -> dict[str, str]:
        kept = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "VIRTUAL_ENV")}
        return {**kept, "PODRUNNER_HOME": str(self.place / "state"), "PODRUNNER_PROGRESS": "plain"}

    def run(self, *command: str) -> Spent:
        """Run a command of this checkout's environment in its folder."""
        note = self.place / "note"
        with note.open("w") as output:
            began = time.perf_counter()
            process = subprocess.Popen(
                [str(self.root / ".venv" / "bin" / command[0]), *command[1:]],
                cwd=self.root,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
            _, status, usage = os.wait4(process.pid, 0)
            seconds = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise SystemExit(f"{note.read_text()}\n{' '.join(command)} of {self.root} ended with {process.returncode}")
        return Spent(seconds, usage.ru_utime + usage.ru_stime)

    # --- what is measured --------------------------------------------------------------------------------------------

    def engine(self) -> dict[str, Spent]:
        """The fixture to Ready, looks at it, its deletion, and the same as a test."""
        found = {"fixture to Ready": self.run("podrunner", "run", MANIFEST, "--until", "ready", "--keep", "always")}
        looks = [self.run("podrunner", "get", "po") for _ in range(LOOKS)]
        found["get"] = Spent(
            *(statistics.median(getattr(look, name) for look in looks) for name in ("seconds", "processor"))
        )
        found["delete"] = self.run("podrunner", "delete", "-f", MANIFEST)
        found["plugin's test"] = self._plugin()
        return found

    def _plugin(self) -> Spent:
        project, report = self.place / "project", self.place / "report.xml"
        project.mkdir(exist_ok=True)
        (project / "test_ready.py").write_text(TEST.format(manifest=str(self.root / MANIFEST)))
        quiet = [
            word for name in ("cacheprovider", "hypothesispytest", "xdist", "cov") for word in ("-p", f"no:{name}")
        ]
        whole = self.run(
            "python", "-m", "pytest", "-q", *quiet, "--rootdir", str(project), f"--junitxml={report}", str(project)
        )
        (case,) = ElementTree.parse(report).iter("testcase")
        return Spent(float(case.attrib["time"]), whole.processor)

    def simulation(self) -> dict[str, Spent]:
        """The processor time of a share of the pods."""
        self.run("python", "-c", SIMULATE.format(pods=SIMULATED_PODS, hours=HOURS))
        processor = float((self.place / "note").read_text().split()[-1])
        return {f"simulating {SIMULATED_PODS} pods × {HOURS} h": Spent(processor, processor)}


Pair = dict[str, tuple[Spent, Spent]]


def pairs(
    ours: Checkout, theirs: Checkout, count: int, measure: Callable[[Checkout], dict[str, Spent]]
) -> Iterator[Pair]:
    """Measure both again and again; the first pair only warms up."""
    for number in range(count + 1):
        both = (ours, theirs) if number % 2 else (theirs, ours)
        found = {one.root: measure(one) for one in both}
        if number:
            yield {name: (spent, found[theirs.root][name]) for name, spent in found[ours.root].items()}


def report(found: list[Pair]) -> float:
    """Print the medians; returns the largest ratio."""
    worst = 0.0
    for name in found[0]:
        both = [pair[name] for pair in found]
        ours, theirs = (statistics.median(pair[index].seconds for pair in both) for index in (0, 1))
        ratio = statistics.median(ours.seconds / theirs.seconds for ours, theirs in both)
        processor = statistics.median(ours.processor / theirs.processor for ours, theirs in both)
        print(
            f"{name}: {ours:.3f} s, other {theirs:.3f} s, ratio {ratio:.3f} (processor time {processor:.3f})",
            flush=True,
        )
        worst = max(worst, ratio)
    return worst


def main() -> int:
    """Measure and print; exit code 1 when a median ratio is above the limit."""
    parser = argparse.ArgumentParser(prog="python -m tools.bench_pairs", description="this checkout beside another one")
    parser.add_argument("other", type=Path, help="another checkout, with its .venv")
    parser.add_argument("--pairs", type=int, default=PAIRS, help=f"how many pairs (default {PAIRS})")
    parser.add_argument("--limit", type=float, default=LIMIT, help=f"fail when a ratio is above this (default {LIMIT})")
    parser.add_argument("--only", choices=("engine", "simulation"), help="a part of it")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="podrunner-bench-") as name:
        both = []
        for index, root in enumerate((ROOT, options.other.resolve())):
            place = Path(name, str(index))
            place.mkdir()
            one = Checkout(root, place)
            one.run("python", "-m", "compileall", "-q", "runner")
            both.append(one)
        ours, theirs = both
        worst = 0.0
        if options.only != "engine":
            worst = report(list(pairs(ours, theirs, options.pairs, Checkout.simulation)))
        if options.only != "simulation":
            worst = max(worst, report(list(pairs(ours, theirs, options.pairs, Checkout.engine))))
    return 1 if worst > options.limit else 0


if __name__ == "__main__":
    sys.exit(main())
