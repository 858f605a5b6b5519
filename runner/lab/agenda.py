"""When faults happen in virtual time: on its clock, and as what the simulated Engine takes."""

from __future__ import annotations

from collections.abc import Callable

from runner.clock import VirtualClock
from runner.engine.simulated import SimulatedEngine


class VirtualAgenda:
    """See ``node.faults.agenda.Agenda``."""

    def __init__(self, clock: VirtualClock, engine: SimulatedEngine) -> None:
        self._clock = clock
        self._engine = engine

    def after(self, seconds: float, act: Callable[[], None]) -> None:
        self._clock.after(seconds, act)

    def spend(self, seconds: float) -> None:
        self._engine.block(seconds)

    def close(self) -> None:
        """Nothing waits."""
