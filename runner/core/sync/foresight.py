"""The next decision, ahead of time: preparing asks the function that decides, about the world as it will probably be."""

from __future__ import annotations

from datetime import datetime

from msgspec.structs import replace

from runner.core.model import Container, ContainerID, Pod
from runner.core.observed import ContainerRecord, Observed, ProbeResult, ProbeResults, RuntimeState
from runner.core.sync.backoff import BackoffSettings
from runner.core.sync.decide import Memory, Plan, decide
from runner.core.sync.operations import CreateSandbox, KillPod, Start

_TO_COME = ContainerID("to come")


def first_plan(pod: Pod, now: datetime, memory: Memory | None = None) -> Plan:
    """The first decision about a new pod: nothing of it exists, and nothing of it is remembered."""
    if memory is None:
        memory = Memory(crashes={}, attempts={}, settings=BackoffSettings())
    return decide(pod, Observed(at=now), ProbeResults(), memory, now)


def start_after(
    pod: Pod, seen: Observed, results: ProbeResults, memory: Memory, now: datetime, *, name: str, attempt: int
) -> Start | None:
    """The container that starts next, for the first time, if this attempt of another one goes well; None without one.

    An init container goes well when it exits with 0; a sidecar or an app container when it runs and counts as started. Containers
    before it that the Engine does not show yet are being started, and count as well.
    """
    made = []
    for container in pod.all_containers():
        if container.name == name or seen.latest(container.name) is None:
            made.append(_well(container, attempt, now))
        if container.name == name:
            break
    names = {record.name for record in made}
    others = [one for one in seen.containers if one.name not in names]
    world = replace(seen, at=now, containers=(*reversed(made), *others))
    hoped = replace(results, startup={**results.startup, _TO_COME: ProbeResult.SUCCESS})
    operations = decide(pod, world, hoped, memory, now).operations
    if any(isinstance(one, KillPod | CreateSandbox) for one in operations):
        return None
    return next((one for one in operations if isinstance(one, Start) and world.latest(one.target) is None), None)


def _well(container: Container, attempt: int, now: datetime) -> ContainerRecord:
    """The record of an attempt that has done what the pod waits for."""
    ends = container.is_regular_init
    return ContainerRecord(
        id=_TO_COME,
        name=container.name,
        attempt=attempt,
        state=RuntimeState.EXITED if ends else RuntimeState.RUNNING,
        created_at=now,
        started_at=now,
        finished_at=now if ends else None,
    )
