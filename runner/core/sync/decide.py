"""The decision of one sync as operations in order, each with its target, attempt and cause; it prints as text.

On top of ``compute_pod_actions`` this lays out the numbered steps of kuberuntime_manager.go (SyncPod) and lets back-off
(doBackOff) hold single starts: a held start is an operation too, so that whoever executes has nothing left to decide.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from msgspec import Struct

from runner.core.labels import SANDBOX_CONTAINER
from runner.core.model import Container, Pod, ProbeKind
from runner.core.observed import ContainerRecord, Observed, ProbeResults, RuntimeState
from runner.core.sync.actions import PodActions, compute_pod_actions
from runner.core.sync.backoff import (
    BackoffEntry,
    BackoffSettings,
    Blocked,
    Schedule,
    advance_pull,
    advance_restart,
    backoff_key,
    check_pull,
    check_restart,
    everything_key,
    lenient_schedule,
    sandbox_key,
)
from runner.core.sync.restart import matching_rule, restart_all_sources
from runner.core.text.times import format_duration

_EXITED = RuntimeState.EXITED
FREE = 3
"""So often in a row something is made anew without a wait that a kubelet would make anew without one for ever."""


class OperationKind(StrEnum):
    """What an operation does."""

    KILL_POD = "kill pod"
    CREATE_SANDBOX = "create sandbox"
    KILL = "kill"
    REMOVE = "remove"
    HOLD = "hold"
    START = "start"
    GIVE_UP = "give up"


class Operation(Struct, frozen=True, kw_only=True):
    """One thing to do.

    ``container_id`` names the instance for kill and remove; ``message`` is the Killing event's text; ``probe`` whose failure
    kills; ``running`` whether a container that is removed must be killed first. A held start carries when it may happen
    (``ready_at``) and the nominal back-off in seconds (``delay``); a start carries what back-off remembers of it, and
    ``again`` is remembered too, of what is no restart to be told of.
    """

    kind: OperationKind
    target: str
    cause: str
    attempt: int | None = None
    container_id: str = ""
    message: str = ""
    probe: ProbeKind | None = None
    running: bool = False
    ready_at: datetime | None = None
    delay: float = 0.0
    remember: tuple[tuple[str, ...], BackoffEntry] | None = None
    again: tuple[tuple[str, ...], BackoffEntry] | None = None

    @property
    def at_once(self) -> bool:
        """Whether this is a restart that back-off did not hold: the first in a row."""
        return self.remember is not None and self.remember[1].count == 1 and self.kind is not OperationKind.HOLD

    def is_held(self, now: datetime) -> bool:
        """Whether a held start still waits; a kill in the same sync may have outlasted its back-off."""
        return self.remember is None or self.ready_at is None or now < self.ready_at

    def __str__(self) -> str:
        attempt = "" if self.attempt is None else f" attempt {self.attempt}"
        wait = f" back-off {format_duration(self.delay)}" if self.kind is OperationKind.HOLD else ""
        return f"{self.kind} {self.target}{attempt}{wait}: {self.cause}"


class Memory(Struct, frozen=True, kw_only=True):
    """What the decision may remember: crash back-offs by key, the highest attempts so far, and how back-off counts.

    The mappings may be views of what goes on changing; ``decide`` changes nothing.

    ``max_restarts``: a container that would be restarted more often makes the pod give up; None never does.
    ``gives_up``: asked with the number of the next restart and the seconds since the pod began.
    """

    crashes: Mapping[tuple[str, ...], BackoffEntry]
    attempts: Mapping[str, int]
    settings: BackoffSettings
    schedule: Schedule | None = None
    max_restarts: int | None = None
    gives_up: Callable[[int, float], bool] | None = None


class Plan(Struct, frozen=True, kw_only=True):
    """Everything one sync does, in order, and the sandbox id that it found."""

    operations: tuple[Operation, ...]
    sandbox_id: str
    actions: PodActions

    @property
    def is_empty(self) -> bool:
        return not self.operations

    def __str__(self) -> str:
        return "\n".join(str(operation) for operation in self.operations)


def decide(pod: Pod, observed: Observed, results: ProbeResults, memory: Memory, now: datetime) -> Plan:
    """Decide one sync of a pod that is not going away."""
    actions = compute_pod_actions(pod, observed, results)
    operations: list[Operation] = []
    if actions.kill_pod and (_is_alive(observed) or (actions.create_sandbox and _has_remains(actions, observed))):
        operations.append(Operation(kind=OperationKind.KILL_POD, target=pod.name, cause=actions.cause("pod")))
    if actions.create_sandbox:
        held = _held_sandbox(pod, observed, actions, memory, now)
        if held is not None:
            is_alive = _is_alive(observed)
            kept = tuple(operations) if is_alive else ()
            return Plan(operations=(*kept, held), sandbox_id=actions.sandbox_id, actions=actions)
        operations.extend(_purge(pod, observed))
        operations.append(_sandbox(pod, actions, memory, now))
    if actions.to_reset:
        operations.extend(_reset(pod, observed, actions, memory, now))
    if actions.to_kill and not actions.kill_pod:
        operations.extend(
            Operation(
                kind=OperationKind.KILL,
                target=kill.name,
                container_id=kill.id,
                message=kill.message,
                probe=kill.probe,
                cause=kill.message,
            )
            for kill in actions.to_kill
        )
    starts = actions.ephemeral_to_start + actions.init_to_start + actions.containers_to_start
    operations += [_start(pod, name, observed, actions, memory, now) for name in starts] if starts else ()
    return Plan(operations=tuple(operations), sandbox_id=actions.sandbox_id, actions=actions)


def _sandbox(pod: Pod, actions: PodActions, memory: Memory, now: datetime) -> Operation:
    attempt = max(actions.attempt, memory.attempts.get(SANDBOX_CONTAINER, -1) + 1)
    return Operation(
        kind=OperationKind.CREATE_SANDBOX,
        target=SANDBOX_CONTAINER,
        attempt=attempt,
        cause=actions.cause("pod"),
        again=_made_again(sandbox_key(pod), memory, now) if attempt else None,
    )


def _held_sandbox(pod: Pod, observed: Observed, actions: PodActions, memory: Memory, now: datetime) -> Operation | None:
    """What stands for a sandbox that may not be made yet; None when it may.

    A new sandbox runs the init containers again, the first of them at once: if that has to wait, so has the sandbox, since
    its records go with the old one (a kubelet's doBackOff looks at them before).
    """
    blocked = _too_often(sandbox_key(pod), memory, now)
    if blocked is not None:
        return Operation(
            kind=OperationKind.HOLD,
            target=SANDBOX_CONTAINER,
            ready_at=blocked.ready_at,
            delay=blocked.delay,
            cause=actions.cause("pod"),
        )
    for container in pod.init_containers[:1]:
        past = _past(pod, container, observed, memory)
        if past is not None:
            return _held(pod, past, _next_attempt(container.name, observed, memory), memory, now)
    return None


def _too_often(key: tuple[str, ...], memory: Memory, now: datetime) -> Blocked | None:
    """Whether something was made anew so often of late that the next time has to wait."""
    settings = memory.settings
    return check_pull(memory.crashes.get(key), now, settings, lenient_schedule(FREE, settings.initial, settings.cap))


def _made_again(key: tuple[str, ...], memory: Memory, now: datetime) -> tuple[tuple[str, ...], BackoffEntry]:
    return key, advance_pull(memory.crashes.get(key), "", now, memory.settings)


def _is_alive(observed: Observed) -> bool:
    """Whether something of the pod may still have to be stopped."""
    running = (RuntimeState.RUNNING, RuntimeState.UNKNOWN)
    return any(sandbox.ready for sandbox in observed.sandboxes) or any(c.state in running for c in observed.containers)


def _has_remains(actions: PodActions, observed: Observed) -> bool:
    """Whether a new sandbox replaces an earlier one."""
    return bool(actions.sandbox_id or observed.containers)


def _purge(pod: Pod, observed: Observed) -> list[Operation]:
    """A new sandbox runs all init containers again: what is left of them goes first."""
    return [
        Operation(
            kind=OperationKind.REMOVE,
            target=container.name,
            container_id=record.id,
            attempt=record.attempt,
            cause="init containers run again in a new sandbox",
        )
        for container in pod.init_containers
        for record in observed.instances(container.name)
    ]


def _reset(pod: Pod, observed: Observed, actions: PodActions, memory: Memory, now: datetime) -> list[Operation]:
    """Remove every container so that all start again; an implied rule respects its container's back-off.

    The manifest's own knows none in a kubelet (KEP-5532 promises one): here it has one when it goes on and on.
    """
    sources = restart_all_sources(pod, observed)
    remember = again = None
    for source in sources:
        record = observed.latest(source.name)
        assert record is not None
        rule = matching_rule(source, record.exit_code)
        assert rule is not None
        if rule.implied:
            past = _past(pod, source, observed, memory)
            remember = past and past.remembered(memory, now)
            held = past and _held(pod, past, _next_attempt(source.name, observed, memory), memory, now)
            if held is not None:
                return [held]
        else:
            again = _made_again(everything_key(pod), memory, now)
            blocked = _too_often(everything_key(pod), memory, now)
            if blocked is not None:
                attempt = _next_attempt(source.name, observed, memory)
                return [_hold(source.name, attempt, blocked, f"it ended with exit code {record.exit_code}")]
    cause = f"every container runs again because {_failures(sources, observed)}"
    return [
        Operation(
            kind=OperationKind.REMOVE,
            target=reset.name,
            container_id=reset.id,
            message="killing",
            running=reset.running,
            attempt=_next_attempt(reset.name, observed, memory) if reset is actions.to_reset[-1] else None,
            cause=cause,
            remember=remember if reset is actions.to_reset[-1] else None,
            again=again if reset is actions.to_reset[-1] else None,
        )
        for reset in actions.to_reset
    ]


def _failures(sources: tuple[Container, ...], observed: Observed) -> str:
    ended = [(source.name, observed.latest(source.name)) for source in sources]
    return " and ".join(f"{name} ended with exit code {record.exit_code}" for name, record in ended if record)


class _Past(NamedTuple):
    """The newest ended instance of a container, when it ended, and what back-off remembers of those before it."""

    ended: ContainerRecord
    finished_at: datetime
    key: tuple[str, ...]
    entry: BackoffEntry | None

    def remembered(self, memory: Memory, now: datetime) -> tuple[tuple[str, ...], BackoffEntry]:
        """What back-off is to remember of a start that happens now."""
        return self.key, advance_restart(self.entry, self.finished_at, now, memory.settings)


def _past(pod: Pod, container: Container, observed: Observed, memory: Memory) -> _Past | None:
    """What the back-off of a container is counted from; None when no instance has ended."""
    name = container.name
    for record in observed.containers:
        if record.name == name and record.state is _EXITED and record.finished_at is not None:
            key = backoff_key(pod, container)
            return _Past(record, record.finished_at, key, memory.crashes.get(key))
    return None


def _held(
    pod: Pod,
    past: _Past,
    attempt: int,
    memory: Memory,
    now: datetime,
    remember: tuple[tuple[str, ...], BackoffEntry] | None = None,
) -> Operation | None:
    """The operation that stands for a restart that may not happen, now or ever; None when it may."""
    name = past.ended.name
    if _gives_up(pod, attempt, memory, now):
        cause = f"{_failed(past)} after {attempt - 1} restarts"
        return Operation(kind=OperationKind.GIVE_UP, target=name, attempt=attempt, cause=cause)
    blocked = check_restart(past.entry, past.finished_at, now, memory.settings, memory.schedule)
    if blocked is None:
        return None
    return _hold(name, attempt, blocked, _failed(past), remember)


def _hold(
    name: str,
    attempt: int,
    blocked: Blocked,
    cause: str,
    remember: tuple[tuple[str, ...], BackoffEntry] | None = None,
) -> Operation:
    return Operation(
        kind=OperationKind.HOLD,
        target=name,
        attempt=attempt,
        ready_at=blocked.ready_at,
        delay=blocked.delay,
        cause=cause,
        remember=remember,
    )


def _failed(past: _Past) -> str:
    return f"it ended with exit code {past.ended.exit_code}"


def _gives_up(pod: Pod, attempt: int, memory: Memory, now: datetime) -> bool:
    if memory.max_restarts is not None and attempt > memory.max_restarts:
        return True
    if memory.gives_up is None:
        return False
    elapsed = (now - pod.created_at).total_seconds() if pod.created_at is not None else 0.0
    return memory.gives_up(attempt, elapsed)


def _next_attempt(name: str, observed: Observed, memory: Memory) -> int:
    latest = observed.latest(name)
    return max(memory.attempts.get(name, -1), -1 if latest is None else latest.attempt) + 1


def _start(pod: Pod, name: str, observed: Observed, actions: PodActions, memory: Memory, now: datetime) -> Operation:
    container = pod.container(name) or next(c for c in pod.ephemeral_containers if c.name == name)
    remember = None
    attempt = _next_attempt(name, observed, memory)
    again = None
    past = _past(pod, container, observed, memory)
    if past is not None and actions.create_sandbox and container.is_init:
        again = past.remembered(memory, now)  # Whether it has to wait was asked before the sandbox was made.
    elif past is not None:
        remember = past.remembered(memory, now)
        held = _held(pod, past, attempt, memory, now, remember)
        if held is not None:
            return held
    return Operation(
        kind=OperationKind.START,
        target=name,
        attempt=attempt,
        cause=actions.cause(name) or "it has not run yet",
        remember=remember,
        again=again,
    )
