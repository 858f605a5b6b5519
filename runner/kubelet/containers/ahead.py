"""Begins a pod before it has its worker: the decision about a pod of which nothing exists needs no look at the Engine."""

from __future__ import annotations

from runner.core.container.nodeadmission import rejection_of
from runner.core.model import Pod
from runner.core.sync.foresight import first_plan
from runner.core.sync.operations import CreateSandbox
from runner.core.volumes import MountError
from runner.errors import EngineError, StoreError
from runner.kubelet.containers.sandbox import Begun, SandboxMaker
from runner.kubelet.volumes.planning import prepare_volumes
from runner.registry.contract import Registry


def begin_ahead(pod: Pod, maker: SandboxMaker, registry: Registry) -> Begun | None:
    """Begin the sandbox that ``decide`` plans for a new pod. None when it plans none, or the worker has to report an error."""
    engine, clock = maker.engine, maker.clock
    for operation in first_plan(pod, clock.now()).operations:
        if isinstance(operation, CreateSandbox):
            break
    else:
        return None
    try:
        if rejection_of(pod, lambda: engine.info().confinement) is not None:
            return None
        volumes = prepare_volumes(pod, engine, registry, clock, maker.owner)
    except (MountError, EngineError, StoreError):
        return None  # The worker meets the same error and reports it.
    return maker.begin(pod, operation.attempt, volumes, is_ahead=True)
