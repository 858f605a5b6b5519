"""The decision of one sync as operations in order, each with its target, attempt and cause; it prints as text.

On top of ``compute_pod_actions`` this lays out the numbered steps of kuberuntime_manager.go (SyncPod) and lets back-off
(doBackOff) hold single starts: a held start is an operation too, so that carrying out leaves nothing to decide.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from runner.core.labels import SANDBOX_CONTAINER
from runner.core.model import Container, Pod
from runner.core.observed import ContainerRecord, Observed, ProbeResults, RuntimeState
from runner.core.sync.actions import Kill as WantedKill
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
from runner.core.sync.operations import (
    CreateSandbox,
    Discard,
    GiveUp,
    Hold,
    HoldSandbox,
    Kill,
    KillPod,
    Operation,
    Remove,
    Start,
)
from runner.core.sync.restart import matching_rule, restart_all_sources
from runner.core.sync.termination import grace_period

_EXITED = RuntimeState.EXITED
FREE = 3
"""So often in a row something is made anew without a wait that a kubelet would make anew without one for ever."""
KEPT_INSTANCES = 1
"""Dead instances of a container that stay beside a new one (kuberuntime_gc.go, maxPerPodContainer)."""
KEPT_FAILURES = 3
"""Failed attempts of a container that are put aside for ``debug`` when they would go; a kubelet keeps none."""
SANDBOX_CHANGED = "Pod sandbox changed, it will be killed and re-created."


class Memory(Struct, frozen=True, kw_only=True):
    """What the decision may remember: crash back-offs by key, the highest attempts so far, and how back-off counts.

    The mappings may be views of what goes on changing; ``decide`` changes nothing.

    ``max_restarts``: a container that would be restarted more often makes the pod give up; None never does.
    ``gives_up``: asked with the number of the next restart and the seconds since the pod began.
    ``stood_since``: for how long the pod has stood still since an instant, which no back-off counts. ``hurried_at``: when
    somebody last wished that it waits no longer: what had failed by then is tried again at once.
    """

    crashes: Mapping[tuple[str, ...], BackoffEntry]
    attempts: Mapping[str, int]
    settings: BackoffSettings
    schedule: Schedule | None = None
    max_restarts: int | None = None
    gives_up: Callable[[int, float], bool] | None = None
    stood_since: Callable[[datetime], timedelta] | None = None
    hurried_at: Callable[[], datetime | None] | None = None

    def is_hurried(self, failed_at: datetime) -> bool:
        """Whether what failed at an instant need not wait."""
        at = None if self.hurried_at is None else self.hurried_at()
        return at is not None and failed_at <= at


class Plan(Struct, frozen=True, kw_only=True):
    """Everything one sync does, in order, and the sandbox id that it found."""

    operations: tuple[Operation, ...]
    sandbox_id: str

    @property
    def is_empty(self) -> bool:
        return not self.operations

    @property
    def first_start(self) -> Start | None:
        """The container that starts before all others."""
        return next((one for one in self.operations if isinstance(one, Start)), None)

    def steps(self, now: Callable[[], datetime]) -> Iterable[Operation]:
        """The operations in order, each as its turn comes: what is done before may outlast a back-off."""
        for later in self.operations[1:]:
            if isinstance(later, Hold):
                return self._steps(now)
        return self.operations

    def _steps(self, now: Callable[[], datetime]) -> Iterator[Operation]:
        for operation in self.operations:
            if isinstance(operation, Hold) and operation.then and operation.ready_at <= now():
                yield from operation.then
            else:
                yield operation

    def __str__(self) -> str:
        return "\n".join(map(str, self.operations))


def decide(pod: Pod, observed: Observed, results: ProbeResults, memory: Memory, now: datetime) -> Plan:
    """Decide one sync of a pod that is not going away."""
    actions = compute_pod_actions(pod, observed, results)
    operations: list[Operation] = []
    if actions.kill_pod and (_is_alive(observed) or (actions.create_sandbox and _has_remains(actions, observed))):
        message = SANDBOX_CHANGED if actions.create_sandbox and actions.sandbox_id else ""
        operations.append(KillPod(target=pod.name, cause=actions.pod_cause, message=message))
    if actions.create_sandbox:
        held = _held_sandbox(pod, observed, actions, memory, now)
        if held is not None:
            kept = tuple(operations) if _is_alive(observed) else ()
            return Plan(operations=(*kept, held), sandbox_id=actions.sandbox_id)
        operations.extend(_purge(pod, observed))
        operations.append(_sandbox(pod, observed, actions, memory, now))
    if actions.to_reset and not actions.kill_pod:
        operations.extend(_reset(pod, observed, actions, memory, now))
    if actions.to_kill and not actions.kill_pod:
        operations.extend(_kill(pod, kill) for kill in actions.to_kill)
    for name in actions.ephemeral_to_start + actions.init_to_start + actions.containers_to_start:
        _start(operations, pod, name, observed, actions, memory, now)
    return Plan(operations=tuple(operations), sandbox_id=actions.sandbox_id)


def _kill(pod: Pod, kill: WantedKill) -> Kill:
    container = pod.container(kill.name)
    probe = container.probe(kill.probe) if container is not None and kill.probe is not None else None
    return Kill(
        target=kill.name,
        container_id=kill.id,
        message=kill.message,
        grace=grace_period(pod, probe),
        cause=kill.message,
    )


def _sandbox(pod: Pod, observed: Observed, actions: PodActions, memory: Memory, now: datetime) -> CreateSandbox:
    attempt = max(actions.attempt, memory.attempts.get(SANDBOX_CONTAINER, -1) + 1)
    return CreateSandbox(
        target=SANDBOX_CONTAINER,
        attempt=attempt,
        cause=actions.pod_cause,
        again=_made_again(sandbox_key(pod), memory, now) if attempt else None,
        replaces=observed.sandboxes,
    )


def _held_sandbox(pod: Pod, observed: Observed, actions: PodActions, memory: Memory, now: datetime) -> Operation | None:
    """What stands for a sandbox that may not be made yet; None when it may.

    A new sandbox runs the init containers again, the first of them at once: if that has to wait, so has the sandbox, since
    its records go with the old one (a kubelet's doBackOff looks at them before).
    """
    blocked = _too_often(sandbox_key(pod), memory, now)
    if blocked is not None:
        return HoldSandbox(
            target=SANDBOX_CONTAINER, ready_at=blocked.ready_at, delay=blocked.delay, cause=actions.pod_cause
        )
    for container in pod.init_containers[:1]:
        past = _past(pod, container, observed, memory)
        if past is not None:
            return _held(pod, past, _next_attempt(container.name, observed, memory), memory, now)
    return None


def _too_often(key: tuple[str, ...], memory: Memory, now: datetime) -> Blocked | None:
    """Whether something was made anew so often of late that the next time has to wait."""
    settings, entry = memory.settings, memory.crashes.get(key)
    if entry is not None and memory.is_hurried(entry.updated_at):
        return None
    return check_pull(entry, now, settings, lenient_schedule(FREE, settings.initial, settings.cap))


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
    records = [record for container in pod.init_containers for record in observed.instances(container.name)]
    kept, dropped = _kept_of(records, observed)
    return [
        *(
            Remove(
                target=record.name,
                container_id=record.id,
                attempt=record.attempt,
                cause="init containers run again in a new sandbox",
                keep=record.id in kept,
            )
            for record in records
        ),
        *dropped,
    ]


def _kept_of(going: Sequence[ContainerRecord], observed: Observed) -> tuple[frozenset[str], tuple[Discard, ...]]:
    """Which of the instances that go are put aside because they have failed, and which of those put aside before go for them."""
    failed = [one for one in going if one.state is _EXITED and one.exit_code != 0]
    kept, dropped = set[str](), list[Discard]()
    for name in dict.fromkeys(one.name for one in failed):
        newest = [one.id for one in failed if one.name == name][:KEPT_FAILURES]
        kept.update(newest)
        before = [one for one in observed.kept if one.name == name]
        cause = f"no more than {KEPT_FAILURES} failed attempts are kept for debug"
        dropped += [
            Discard(target=name, container_id=one.id, attempt=one.attempt, cause=cause)
            for one in before[KEPT_FAILURES - len(newest) :]
        ]
    return frozenset(kept), tuple(dropped)


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
    going = [one for reset in actions.to_reset if (one := observed.by_id(reset.id)) is not None]
    kept, dropped = _kept_of(going, observed)
    return [
        *dropped,
        *(
            Remove(
                target=reset.name,
                container_id=reset.id,
                running=reset.running,
                attempt=_next_attempt(reset.name, observed, memory) if reset is actions.to_reset[-1] else None,
                cause=cause,
                remember=remember if reset is actions.to_reset[-1] else None,
                again=again if reset is actions.to_reset[-1] else None,
                keep=reset.id in kept,
            )
            for reset in actions.to_reset
        ),
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
            stood = timedelta() if memory.stood_since is None else memory.stood_since(record.finished_at)
            return _Past(record, record.finished_at + stood, key, memory.crashes.get(key))
    return None


def _held(pod: Pod, past: _Past, attempt: int, memory: Memory, now: datetime) -> Hold | GiveUp | None:
    """The operation that stands for a restart that may not happen, now or ever; None when it may."""
    name = past.ended.name
    if _gives_up(pod, attempt, memory, now):
        cause = f"{_failed(past)} after {attempt - 1} restarts"
        return GiveUp(target=name, attempt=attempt, cause=cause)
    if memory.is_hurried(past.finished_at):
        return None
    blocked = check_restart(past.entry, past.finished_at, now, memory.settings, memory.schedule)
    return None if blocked is None else _hold(name, attempt, blocked, _failed(past))


def _hold(name: str, attempt: int, blocked: Blocked, cause: str) -> Hold:
    return Hold(target=name, attempt=attempt, ready_at=blocked.ready_at, delay=blocked.delay, cause=cause)


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


def _start(
    operations: list[Operation],
    pod: Pod,
    name: str,
    observed: Observed,
    actions: PodActions,
    memory: Memory,
    now: datetime,
) -> None:
    """Add the start of a container, and which of its dead instances go then; or what keeps it from being started."""
    container = pod.any_container(name)
    assert container is not None
    attempt = _next_attempt(name, observed, memory)
    past = _past(pod, container, observed, memory)
    # Of the first of a new sandbox this was asked before, and what was left of it is removed.
    is_first = actions.create_sandbox and container.is_init
    held = None if past is None or is_first else _held(pod, past, attempt, memory, now)
    if held is not None and not (operations and isinstance(held, Hold)):
        operations.append(held)  # Nothing comes before it that could outlast a back-off.
        return
    crash = None if past is None else past.remembered(memory, now)
    start = Start(
        target=name,
        attempt=attempt,
        cause=actions.cause(name) or "it has not run yet",
        blocks=container.is_regular_init,
        remember=None if is_first else crash,
        again=crash if is_first else None,
    )
    following = (start,) if is_first else _beside(start, observed)
    if held is None:
        operations.extend(following)
    else:
        operations.append(replace(held, then=following))


def _beside(start: Start, observed: Observed) -> tuple[Operation, ...]:
    """A start, and which instances of the container go before it and after it.

    One that was created and never started goes before: a start that was asked for and not answered may still come.
    """
    unstarted, ended = list[Operation](), list[ContainerRecord]()
    for one in observed.containers:
        if one.name != start.target:
            continue
        if one.state is RuntimeState.CREATED:
            unstarted.append(_discard(one, "it was created but never started"))
        else:
            ended.append(one)
    kept, dropped = _kept_of(ended[KEPT_INSTANCES:], observed)
    surplus = [
        _discard(one, "no more than one that has ended stays beside a new one", keep=one.id in kept)
        for one in ended[KEPT_INSTANCES:]
    ]
    return (*unstarted, start, *surplus, *dropped)


def _discard(record: ContainerRecord, cause: str, *, keep: bool = False) -> Discard:
    return Discard(target=record.name, container_id=record.id, attempt=record.attempt, cause=cause, keep=keep)
