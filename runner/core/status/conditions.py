"""Pod conditions, in the kubelet's order.

Mirrors pkg/kubelet/status/generate.go, updateLastTransitionTime of status_manager.go, and (ShouldAllContainersRestart,
AllContainersRestartCleanedUp, HasAnyRegularContainerStarted) pkg/kubelet/container/helpers.go.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import lru_cache

from runner.core.model import Container, Pod, RestartRule, RuleAction
from runner.core.observed import Observed, RuntimeState
from runner.core.reasons import WaitingReason
from runner.core.status.podstatus import (
    Condition,
    ConditionType,
    ContainerStatus,
    Phase,
    PodStatus,
    Running,
    Terminated,
)
from runner.core.sync.restart import matching_rule
from runner.core.sync.sandboxfault import SandboxFault, sandbox_fault
from runner.core.text.gotext import join_list, quote

UNKNOWN_STATUSES = "UnknownContainerStatuses"
POD_COMPLETED = "PodCompleted"
POD_FAILED = "PodFailed"
NOT_READY = "ContainersNotReady"
NOT_INITIALIZED = "ContainersNotInitialized"
GATES_NOT_READY = "ReadinessGatesNotReady"
SANDBOX_NOT_READY = "PodSandboxNotReady"
RESTART_STARTED = "RestartAllContainersStarted"

_OURS = frozenset(str(kind) for kind in ConditionType)


def pod_conditions(
    pod: Pod,
    statuses: Sequence[ContainerStatus] | None,
    phase: Phase,
    previous: PodStatus | None,
    observed: Observed,
    now: datetime,
) -> tuple[Condition, ...]:
    """All conditions: those of others first, as they were, then ours. ``statuses`` (init and app) None: not known at all.

    A transition time changes only when the status of its condition does.
    """
    before = () if previous is None else previous.conditions
    # Those of others come first: where the first one is ours, all are.
    is_mixed = bool(before) and before[0].base is None
    foreign = [condition for condition in before if condition.type not in _OURS] if is_mixed else []
    gates = _gate_problems(pod, foreign) if pod.readiness_gates else ""
    usable, ready, containers = _readiness(sandbox_fault(pod, observed), _unready(pod, statuses), gates, phase)
    found = [usable, initialized(pod, statuses, phase, before=before), ready, containers, _SCHEDULED]
    if pod.has_rules and any(
        rule.action is RuleAction.RESTART_ALL and not rule.implied for c in pod.all_containers() for rule in c.rules
    ):
        found.append(all_containers_restarting(pod, phase, previous or _NOTHING, observed))
    generation = pod.generation
    if foreign or len(before) != len(found):
        return (*foreign, *[_settled(new, _of_type(new, before), now, generation) for new in found])
    return tuple(
        [
            old
            if old.base is new and old.observed_generation == generation
            else _settled(new, old if old.type == new.type else _of_type(new, before), now, generation)
            for new, old in zip(found, before, strict=True)
        ]
    )


def readiness_conditions(
    pod: Pod, statuses: Sequence[ContainerStatus], status: PodStatus, now: datetime
) -> tuple[Condition, ...]:
    """The conditions of a status after a readiness probe has told something new: only those about readiness change."""
    foreign = [condition for condition in status.conditions if condition.type not in _OURS]
    gates = _gate_problems(pod, foreign) if pod.readiness_gates else ""
    _, *found = _readiness(None, _unready(pod, statuses), gates, status.phase)
    told = {condition.type: condition for condition in found}
    return tuple(
        _settled(told[old.type], old, now, pod.generation) if old.type in told else old for old in status.conditions
    )


def _of_type(condition: Condition, before: Iterable[Condition]) -> Condition | None:
    kind = condition.type
    for old in before:
        if old.type == kind:
            return old
    return None


def _was_initialized(before: Iterable[Condition]) -> bool:
    return any(condition.type == _INITIALIZED.type and condition.status == "True" for condition in before)


def _settled(condition: Condition, old: Condition | None, now: datetime, generation: int) -> Condition:
    """A condition as it is published; the same object as before when it has not changed."""
    since = now
    if condition.type == ConditionType.ALL_CONTAINERS_RESTARTING:
        generation = 0  # A kubelet does not tell it there.
    if old is not None and old.status == condition.status and old.last_transition_time is not None:
        alike = old.reason == condition.reason and old.message == condition.message
        if alike and old.observed_generation == generation:
            return old
        since = old.last_transition_time
    return Condition(
        type=condition.type,
        status=condition.status,
        reason=condition.reason,
        message=condition.message,
        last_transition_time=since,
        observed_generation=generation,
        base=condition,
    )


@lru_cache(maxsize=4096)
def _condition(kind: ConditionType, *, holds: bool, reason: str = "", message: str = "") -> Condition:
    return Condition(type=kind.value, status="True" if holds else "False", reason=reason, message=message)


_SCHEDULED = _condition(ConditionType.SCHEDULED, holds=True)
_INITIALIZED = _condition(ConditionType.INITIALIZED, holds=True)
_NOTHING = PodStatus()
_SUCCEEDED = Phase.SUCCEEDED


@lru_cache(maxsize=4096)
def _readiness(
    fault: SandboxFault | None, unready: tuple[tuple[str, bool], ...] | None, gates: str, phase: Phase
) -> tuple[Condition, Condition, Condition]:
    """Whether there is a sandbox with its network (since v1.37 with the reason why not), the pod, and its containers."""
    usable = _condition(ConditionType.READY_TO_START, holds=True)
    if fault is not None:
        kind, reason = ConditionType.READY_TO_START, SANDBOX_NOT_READY
        usable = _condition(kind, holds=False, reason=reason, message=fault.message)
    containers = _containers_ready(unready, phase)
    ready = _condition(ConditionType.READY, holds=True)
    if containers.status != "True":
        ready = _condition(ConditionType.READY, holds=False, reason=containers.reason, message=containers.message)
    elif gates:
        ready = _condition(ConditionType.READY, holds=False, reason=GATES_NOT_READY, message=gates)
    return usable, ready, containers


def _unready(pod: Pod, statuses: Iterable[ContainerStatus] | None) -> tuple[tuple[str, bool], ...] | None:
    """The app containers and sidecars that are not ready, each with whether it has a status; None: nothing is known."""
    if statuses is None:
        return None
    known = {}
    for status in statuses:
        known[status.name] = status.ready
    unready = []
    for container in (*pod.sidecars, *pod.containers) if pod.sidecars else pod.containers:
        name = container.name
        if not known.get(name):
            unready.append((name, name in known))
    return tuple(unready)


def _containers_ready(unready: tuple[tuple[str, bool], ...] | None, phase: Phase) -> Condition:
    """Whether every app container and sidecar is ready."""
    kind = ConditionType.CONTAINERS_READY
    if unready is None:
        return _condition(kind, holds=False, reason=UNKNOWN_STATUSES)
    if not unready and not phase.is_terminal:
        return _condition(kind, holds=True)
    unknown = [name for name, is_known in unready if not is_known]
    if phase is Phase.SUCCEEDED and not unknown:
        return _condition(kind, holds=False, reason=POD_COMPLETED)
    if phase is Phase.FAILED:
        return _condition(kind, holds=False, reason=POD_FAILED)
    message = _message(unknown, [name for name, is_known in unready if is_known], "unready")
    return _condition(kind, holds=False, reason=NOT_READY, message=message)


def _gate_problems(pod: Pod, others: Iterable[Condition]) -> str:
    """What is wrong with the conditions of others that the pod's readiness gates ask for."""
    known = {condition.type: condition for condition in others}
    problems = []
    for gate in pod.readiness_gates:
        condition = known.get(gate)
        if condition is None:
            problems.append(f"corresponding condition of pod readiness gate {quote(gate)} does not exist.")
        elif condition.status != "True":
            problems.append(f'the status of pod readiness gate {quote(gate)} is not "True", but {condition.status}')
    return ", ".join(problems)


def initialized(
    pod: Pod, statuses: Sequence[ContainerStatus] | None, phase: Phase, *, before: Iterable[Condition] = ()
) -> Condition:
    """Whether the init containers are done (sidecars: started). Once True it stays True, also while all restart."""
    if not pod.init_containers and phase is not _SUCCEEDED:
        return _INITIALIZED
    kind = ConditionType.INITIALIZED
    if statuses is None and pod.init_containers:
        return _condition(kind, holds=False, reason=UNKNOWN_STATUSES)
    found = statuses or ()
    unknown, incomplete = _not_initialized(pod.init_containers, found)
    if phase is Phase.SUCCEEDED and not unknown:
        return _condition(kind, holds=True, reason=POD_COMPLETED)
    message = _message(unknown, incomplete, "incomplete")
    if not message or _was_initialized(before) or _any_app_started(pod, found):
        return _condition(kind, holds=True)
    return _condition(kind, holds=False, reason=NOT_INITIALIZED, message=message)


def _any_app_started(pod: Pod, statuses: Iterable[ContainerStatus]) -> bool:
    names = {container.name for container in pod.containers}
    return any(status.name in names and isinstance(status.state, Running | Terminated) for status in statuses)


def _not_initialized(
    containers: Iterable[Container], statuses: Iterable[ContainerStatus]
) -> tuple[list[str], list[str]]:
    """The names without a status, and those that are not done; a sidecar is when it has started."""
    known = {status.name: status for status in statuses}
    unknown: list[str] = []
    incomplete: list[str] = []
    for container in containers:
        status = known.get(container.name)
        if status is None:
            unknown.append(container.name)
        elif not (status.started if container.is_sidecar else status.ready):
            incomplete.append(container.name)
    return unknown, incomplete


def _message(unknown: Sequence[str], bad: Sequence[str], word: str) -> str:
    if not unknown and not bad:
        return ""
    parts = [(unknown, "unknown"), (bad, word)]
    return ", ".join(f"containers with {which} status: {join_list(names)}" for names, which in parts if names)


def all_containers_restarting(pod: Pod, phase: Phase, previous: PodStatus, observed: Observed) -> Condition:
    """Whether a RestartAllContainers rule is being carried out: set off, and not everything removed yet."""
    kind = ConditionType.ALL_CONTAINERS_RESTARTING
    if phase.is_terminal:
        return _condition(kind, holds=False, reason=POD_COMPLETED if phase is Phase.SUCCEEDED else POD_FAILED)
    left = any(observed.latest(container.name) is not None for container in pod.all_containers())
    if not left or not restart_all_rules(pod, observed, previous):
        return _condition(kind, holds=False)
    return _condition(kind, holds=True, reason=RESTART_STARTED, message="container exited with restart policy rule")


def ending_behind(status: ContainerStatus) -> Terminated | None:
    """How a container ended that shows it, or that shows the back-off after it."""
    if status.waiting is not None and status.waiting.reason == WaitingReason.CRASH_LOOP_BACK_OFF:
        return status.last_terminated
    return status.terminated


def restart_all_rules(pod: Pod, observed: Observed, previous: PodStatus | None) -> tuple[RestartRule, ...]:
    """The RestartAllContainers rules that ended containers set off, by their newest instance or else their last status."""
    found: list[RestartRule] = []
    for container in pod.all_containers() if pod.has_rules else ():
        record = observed.latest(container.name)
        if record is not None:
            exit_code = record.exit_code if record.state is RuntimeState.EXITED else None
        else:
            status = previous.container(container.name) if previous is not None else None
            ended = ending_behind(status) if status is not None else None
            exit_code = ended.exit_code if ended is not None else None
        rule = matching_rule(container, exit_code) if exit_code is not None else None
        if rule is not None and rule.action is RuleAction.RESTART_ALL:
            found.append(rule)
    return tuple(found)
