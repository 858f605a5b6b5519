"""The record of a simulated pod: the same value as that of a real one."""

from __future__ import annotations

from runner.core.history.attempts import Attempt, attempts
from runner.core.history.record import PodRecord, Seen, Told
from runner.lab.simulation import Simulation


def record_of(simulation: Simulation) -> PodRecord:
    """What happened to the pod of a simulation."""
    pod = simulation.pod
    return PodRecord(
        namespace=pod.namespace,
        name=pod.name,
        uid=pod.uid,
        trace=tuple([Seen(at=one.at, pod=one.pod) for one in simulation.trace]),
        told=tuple([Told(at=one.at, event=one.event) for one in simulation.events]),
        began_at=simulation.began_at,
        ended_at=simulation.ended_at,
    )


def timeline(simulation: Simulation) -> tuple[Attempt, ...]:
    """All attempts, container by container in the order of the manifest."""
    return attempts(record_of(simulation))
