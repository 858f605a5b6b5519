"""What may stand between a node in virtual time and its surroundings."""

from __future__ import annotations

from collections.abc import Callable

from runner.engine.protocol import Engine, EngineEvent
from runner.engine.simulated import SimulatedEngine
from runner.kubelet.loop.jobs import Jobs
from runner.registry.contract import Registry
from runner.registry.memory import MemoryRegistry

Deliver = Callable[[EngineEvent | None], None]
"""Tells the node of an event; of None, when it may have missed some."""


class Between:
    """What stands between a node and its registry and Engine; here nothing does. Asked anew for each node that begins.

    ``relist``: seconds after which the Engine is looked at although nothing was told; None where no event gets lost.
    """

    relist: float | None = None

    def engine(self, engine: SimulatedEngine) -> Engine:
        """The Engine as the node sees it."""
        return engine

    def registry(self, registry: MemoryRegistry) -> Registry:
        """The registry as the node sees it."""
        return registry

    def jobs(self, jobs: Jobs) -> Jobs:
        """What does a pod's blocking work."""
        return jobs

    def event(self, event: EngineEvent, deliver: Deliver) -> None:
        """The Engine tells of something."""
        deliver(event)
