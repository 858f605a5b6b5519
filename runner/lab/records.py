"""The record of a simulated pod: the same value as that of a real one."""

from __future__ import annotations

from runner.core.history.lanes import PodLanes, lanes
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


def timeline(simulation: Simulation) -> PodLanes:
    """The timeline of a simulated pod."""
    return lanes(record_of(simulation))
