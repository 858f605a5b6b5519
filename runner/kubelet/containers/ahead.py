"""Begins a pod before it has its worker: what is decided of a pod of which nothing exists needs no look at the Engine."""

from __future__ import annotations

from collections.abc import Callable

from runner.clock import Clock
from runner.core.container.nodeadmission import rejection_of
from runner.core.labels import SANDBOX_CONTAINER
from runner.core.model import Pod
from runner.core.sync.foresight import first_plan
from runner.core.sync.operations import CreateSandbox
from runner.core.volumes import MountError
from runner.engine.protocol import Engine
from runner.errors import EngineError, StoreError
from runner.kubelet.containers.sandbox import SandboxCreation
from runner.kubelet.loop.jobs import Job, Jobs
from runner.kubelet.loop.lanes import Lane
from runner.kubelet.loop.making import Making
from runner.kubelet.volumes.planning import prepare_volumes
from runner.registry.contract import Registry

Ahead = tuple[SandboxCreation, Job[str]]
"""A sandbox that was begun before its turn, and whoever makes it."""


def begin_ahead(
    pod: Pod,
    *,
    engine: Engine,
    registry: Registry,
    clock: Clock,
    jobs: Jobs,
    making: Making,
    image: str,
    owner: str,
    zone: Callable[[Pod], str],
) -> Ahead | None:
    """Begin the sandbox that ``decide`` gives a new pod. None where there is none, or its worker will say what is wrong."""
    for operation in first_plan(pod, clock.now()).operations:
        if isinstance(operation, CreateSandbox):
            break
    else:
        return None
    try:
        if rejection_of(pod, lambda: engine.info().confinement) is not None:
            return None
        volumes = prepare_volumes(pod, engine, registry, clock, owner)
    except (MountError, EngineError, StoreError):
        return None  # The worker meets it too, and says so.
    creation = SandboxCreation(
        engine=engine.of(container=SANDBOX_CONTAINER, attempt=operation.attempt),
        pod=pod,
        attempt=operation.attempt,
        image=image,
        volumes=volumes,
        owner=owner,
        now=clock.now,
        making=making,
        is_prepared=True,
        zone=zone,
    )
    return creation, jobs.submit(creation.run, Lane.BEGIN)
