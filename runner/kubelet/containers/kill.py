"""Stops containers: one by one, or a whole pod in the kubelet's order.

Mirrors kuberuntime_container.go (killContainer, killContainersWithSyncResult) and kuberuntime_termination_order.go.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial

from runner.core.labels import SANDBOX_CONTAINER
from runner.core.model import Container
from runner.core.observed import ContainerRecord, RuntimeState
from runner.core.reasons import EventReason, normal
from runner.core.sync.eviction import EVICTION_GRACE
from runner.core.sync.termination import grace_period, is_at_once, is_its_turn, stop_timeout
from runner.core.text.times import later
from runner.engine.protocol import Engine, EngineState
from runner.errors import EngineConflict, NotFound
from runner.kubelet.loop.context import PodContext
from runner.kubelet.loop.jobs import run_job
from runner.kubelet.loop.lanes import Lane
from runner.kubelet.loop.tasks import Task, Wait, all_of

SANDBOX_STOP_SECONDS = 10
_ALIVE = (EngineState.RUNNING, EngineState.PAUSED, EngineState.RESTARTING)


@dataclass(slots=True)
class Order:
    """Which containers of a dying pod are still running; sidecars wait for their turn on it."""

    running: set[str] = field(default_factory=set)


def kill_container(
    context: PodContext,
    record: ContainerRecord,
    message: str,
    *,
    grace: int | None = None,
    order: Order | None = None,
) -> Task[None]:
    """Stop one container: event, preStop, the sidecars' turn, stop signal, and SIGKILL when its time is over.

    ``grace`` (seconds) replaces the pod's; 0 means no preStop and the minimum between signal and kill. A deletion that
    leaves no time is SIGKILL and nothing else.
    """
    pod = context.pod
    container = pod.container(record.name)
    remaining = float(grace_period(pod) if grace is None else grace)
    context.event(normal(EventReason.KILLING, message), container)
    if container is not None and container.pre_stop is not None and remaining > 0:
        remaining = yield from _timed(
            context, remaining, context.containers.hooks.run_pre_stop(container, record.id, remaining)
        )
    if order is not None and not is_its_turn(pod, record.name, order.running):
        remaining = yield from _timed(context, remaining, _turn(context, container, record.name, order, remaining))
    timeout = 0 if is_at_once(pod) else stop_timeout(remaining)
    try:
        engine = context.engine.of(container=record.name, attempt=record.attempt)
        yield from run_job(context.jobs, lambda: _stop(engine, record.id, timeout), Lane.STOP)
    finally:
        context.observer.suspect(record.id, record.name, record.attempt)
        if order is not None:
            order.running.discard(record.name)
    context.probes.forget(record.id)


def _timed(context: PodContext, remaining: float, task: Task[None]) -> Task[float]:
    """Run part of a kill and return what it leaves of the grace period; only whole seconds are counted."""
    began = context.clock.steady()
    yield from task
    return remaining - int(round(context.clock.steady() - began, 3))


def _turn(context: PodContext, container: Container | None, name: str, order: Order, remaining: float) -> Task[None]:
    pod = context.pod
    assert container is not None
    yield Wait(
        until=later(context.now(), max(remaining, 0)),
        ready=lambda: is_its_turn(pod, name, order.running),
    )


def _stop(engine: Engine, container_id: str, timeout: int) -> None:
    """Stop signal and, after ``timeout`` seconds, SIGKILL; with 0 seconds nothing but SIGKILL. Blocks until it is over."""
    try:
        if timeout == 0:
            engine.kill_container(container_id, "SIGKILL")
        else:
            engine.stop_container(container_id, timeout)
    except NotFound:
        return
    except EngineConflict:
        # Over already, most likely, which is what was wanted.
        with suppress(NotFound):
            if engine.inspect_container(container_id).state in _ALIVE:
                raise


def kill_pod(context: PodContext, *, grace: int | None = None) -> Task[None]:
    """Stop all running containers side by side in the termination order, then every sandbox."""
    if grace is None and context.failure is not None:
        grace = EVICTION_GRACE
    running = [c for c in context.observed.containers if c.state in (RuntimeState.RUNNING, RuntimeState.UNKNOWN)]
    order = Order(running={c.name for c in running})
    yield from all_of(
        context.tasks,
        [
            (
                f"kill {record.name}",
                kill_container(context, record, f"Stopping container {record.name}", grace=grace, order=order),
            )
            for record in running
        ],
    )
    timeout = 0 if is_at_once(context.pod) else SANDBOX_STOP_SECONDS
    for sandbox in context.observed.sandboxes:
        if sandbox.ready:
            engine = context.engine.of(container=SANDBOX_CONTAINER, attempt=sandbox.attempt)
            context.observer.suspect(sandbox.id, SANDBOX_CONTAINER, sandbox.attempt)
            yield from run_job(context.jobs, partial(_stop, engine, sandbox.id, timeout), Lane.STOP)
            context.observer.suspect(sandbox.id, SANDBOX_CONTAINER, sandbox.attempt)
