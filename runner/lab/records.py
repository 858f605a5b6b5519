"""The record of a simulated pod: the same value as that of a real one."""

from __future__ import annotations

from runner.core.history.lanes import PodLanes, lanes
from runner.core.history.record import FaultMark, PodRecord, Seen, Told
from runner.core.narration import FaultInjected
from runner.core.reasons import EventReason
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
        faults=tuple([_mark(one) for one in simulation.faults]),
        began_at=simulation.began_at,
        ended_at=simulation.ended_at,
    )


def _mark(told: FaultInjected) -> FaultMark:
    kind = str(EventReason.FAULT_INJECTED)
    return FaultMark(at=told.at, kind=kind, text=told.text, container=told.container, attempt=told.attempt)


def timeline(simulation: Simulation) -> PodLanes:
    """The timeline of a simulated pod."""
    return lanes(record_of(simulation))
