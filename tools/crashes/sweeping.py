"""A sweep that crashes, errs or mishears: what a dead node has left goes all the same, by the next sweep at the latest."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from runner.core.text.times import later
from runner.errors import EngineError, StoreError
from runner.janitor.gc import sweep
from runner.lab.crashes import OF_CALLS, OF_ENGINE, READS, Crashed, Fault, Hazard, Point
from runner.lab.virtual import Cluster
from runner.registry.home import Home
from tools.crashes.lives import REST_SECONDS, Orphaned, left
from tools.crashes.scenes import scene

SWEEPS: Final = 3
"""So many come one after the other; only in the first two anything has to be done."""
PAUSE_SECONDS: Final = 5.0
"""So much later comes the next sweep; what is done late is done by then."""


@dataclass(frozen=True)
class Swept:
    """What had a number in the sweeps, what is left in the end, and whether something happened to them."""

    points: Sequence[Point]
    left: Sequence[str]
    struck: bool


def swept(pod: str, fault: Fault | None = None) -> Swept:
    """Let a scene come to rest and its node die for good; then sweep some times. ``fault`` strikes a sweep."""
    made = scene(pod)
    hazard = Hazard(() if fault is None else (fault,))
    cluster = Cluster(made.objects, made.script, made.options, listener=lambda _: None, mends=True, between=hazard)
    cluster.advance(cluster.clock.steady() + REST_SECONDS)
    hazard.begin()
    with TemporaryDirectory(prefix="crashes") as folder:
        home = Home(Path(folder))
        for _ in range(SWEEPS):
            engine, store = hazard.engine(cluster.engine), hazard.registry(cluster.store)
            with suppress(Crashed, EngineError, StoreError):
                sweep(Orphaned(engine, home), store, home, cluster.clock, everything=True)
            hazard.lift()
            cluster.clock.advance(later(cluster.clock.now(), PAUSE_SECONDS))
    return Swept(hazard.points, left(cluster), bool(hazard.struck))


@cache
def undisturbed_sweep(pod: str) -> Swept:
    """A sweep in which nothing happens."""
    return swept(pod)


def faults_of_sweeps(pod: str) -> Iterator[Fault]:
    """Every fault at every number of a sweep."""
    for number, point in enumerate(undisturbed_sweep(pod).points, 1):
        for kind in OF_CALLS:
            is_same = point.name in READS and kind not in OF_CALLS[:1]
            if not is_same and not (point.is_write and kind in OF_ENGINE):
                yield Fault(kind=kind, at=number)


def wrong_sweeps(pod: str) -> tuple[int, list[str]]:
    """How many sweeps were disturbed, and what was wrong with them."""
    base, count, found = undisturbed_sweep(pod), 0, list[str]()
    for fault in faults_of_sweeps(pod):
        count += 1
        done = swept(pod, fault)
        if list(done.left) != list(base.left):
            found.append(f"a sweep of {pod} with {fault} leaves {done.left} instead of {base.left}")
    return count, found
