"""What one sync of a pod has to do: the kubelet's decision as a pure function of what was observed.

Mirrors pkg/kubelet/kuberuntime/kuberuntime_manager.go (computePodActions), kuberuntime_container.go
(computeInitContainerActions), as of 1.37. Back-off is not part of it: ``decide``
puts it on top when it lays the operations out in order.
"""

from __future__ import annotations

from enum import Enum

from msgspec import Struct

from runner.core.labels import spec_hash
from runner.core.model import Container, Pod, ProbeKind, RestartPolicy
from runner.core.observed import ContainerRecord, Observed, ProbeResult, ProbeResults, RuntimeState
from runner.core.sync.restart import (
    effective_policy,
    init_failed,
    is_implied,
    policy_allows_restart,
    restart_all_sources,
    restarts_all,
    should_be_started,
    should_restart,
)
from runner.core.sync.sandboxfault import SandboxFault, sandbox_fault

_RUNNING, _EXITED, _UNKNOWN = RuntimeState.RUNNING, RuntimeState.EXITED, RuntimeState.UNKNOWN
_FAILURE = ProbeResult.FAILURE


class Kill(Struct, frozen=True, kw_only=True):
    """A container to stop. ``message`` is the text of its Killing event; ``probe`` whose verdict it is, if one's."""

    name: str
    id: str
    message: str
    probe: ProbeKind | None = None
    unknown: bool = False


class Reset(Struct, frozen=True, kw_only=True):
    """A container to remove because everything starts again; ``running``: it may run, and is killed first."""

    name: str
    id: str
    running: bool


class PodActions(Struct, frozen=True, kw_only=True):
    """The decision. Names instead of indexes, in the order in which things are done.

    ``causes`` says why, by the container's name; ``pod_cause`` why the pod is killed, or has a new sandbox.
    """

    kill_pod: bool = False
    create_sandbox: bool = False
    attempt: int = 0
    sandbox_id: str = ""
    init_to_start: tuple[str, ...] = ()
    containers_to_start: tuple[str, ...] = ()
    ephemeral_to_start: tuple[str, ...] = ()
    to_kill: tuple[Kill, ...] = ()
    to_reset: tuple[Reset, ...] = ()
    causes: tuple[tuple[str, str], ...] = ()
    pod_cause: str = ""

    def cause(self, name: str) -> str:
        for known, cause in self.causes:
            if known == name:
                return cause
        return ""


class _Draft(Struct):
    """The decision while it is being made; never leaves this module."""

    kill_pod: bool = False
    init_to_start: list[str] = []
    containers_to_start: list[str] = []
    to_kill: list[Kill] = []
    causes: dict[str, str] = {}
    pod_cause: str = ""

    def start_init(self, name: str, cause: str) -> None:
        """Start one of the init containers, which are looked at from last to first, before those that were said so far."""
        self.init_to_start.insert(0, name)
        self.causes[name] = cause

    def start(self, name: str, cause: str) -> None:
        self.containers_to_start.append(name)
        self.causes[name] = cause

    def kill(
        self, record: ContainerRecord, message: str, probe: ProbeKind | None = None, *, unknown: bool = False
    ) -> None:
        self.to_kill.append(Kill(name=record.name, id=record.id, message=message, probe=probe, unknown=unknown))

    def give_up(self, cause: str) -> None:
        self.kill_pod = True
        self.init_to_start.clear()
        self.pod_cause = cause


def compute_pod_actions(
    pod: Pod, observed: Observed, results: ProbeResults, *, restart_all: bool | None = None
) -> PodActions:
    """Decide what this sync does.

    Args:
        pod: the wanted pod, with the retry scope's implied rules (``restart.with_retry_scope``).
        observed: everything of this pod that exists in the Engine.
        results: standing probe verdicts.
        restart_all: whether the pod is marked for RestartAllContainers; None derives it from what was observed.
    """
    fault = sandbox_fault(pod, observed)
    marked = _is_marked(pod, observed, fault) if restart_all is None else restart_all
    if fault is not None:
        return _sandbox_alone(pod, observed, fault) if marked else _with_new_sandbox(pod, observed, fault)
    sandbox = observed.sandboxes[0]
    if marked:
        return PodActions(attempt=sandbox.attempt, sandbox_id=sandbox.id, to_reset=_resets(pod, observed))
    draft = _Draft()
    if not pod.init_containers or _init_actions(pod, observed, results, draft, sandbox.id):
        _app_actions(pod, observed, results, draft)
    return PodActions(
        kill_pod=draft.kill_pod,
        attempt=sandbox.attempt,
        sandbox_id=sandbox.id,
        init_to_start=tuple(draft.init_to_start),
        containers_to_start=tuple(draft.containers_to_start),
        ephemeral_to_start=_ephemeral(pod, observed),
        to_kill=tuple(draft.to_kill),
        causes=tuple(draft.causes.items()),
        pod_cause=draft.pod_cause,
    )


def _is_marked(pod: Pod, observed: Observed, fault: SandboxFault | None) -> bool:
    """Whether everything starts again by a rule; a lost sandbox does that as well, so then only a written rule counts."""
    sources = restart_all_sources(pod, observed) if pod.has_rules else ()
    if fault is None:
        return bool(sources)
    return any(not is_implied(source, observed) for source in sources)


def _sandbox_alone(pod: Pod, observed: Observed, fault: SandboxFault) -> PodActions:
    """A new sandbox, and nothing in it: what is there still is removed by the next sync, in which all starts again."""
    return PodActions(
        kill_pod=True,
        create_sandbox=True,
        to_reset=_resets(pod, observed),
        pod_cause=fault.cause,
        **_replacing(observed, fault),  # type: ignore[arg-type]
    )


def _replacing(observed: Observed, fault: SandboxFault) -> dict[str, int | str]:
    newest = observed.sandboxes[0] if observed.sandboxes else None
    replaced = "" if newest is None or fault is SandboxFault.NETWORK_MODE else newest.id
    return {"attempt": 0 if newest is None else newest.attempt + 1, "sandbox_id": replaced}


def _with_new_sandbox(pod: Pod, observed: Observed, fault: SandboxFault) -> PodActions:
    base = _replacing(observed, fault)
    if pod.restart_policy is RestartPolicy.NEVER and base["attempt"] and observed.containers:
        cause = f"{fault.cause}, and restartPolicy Never starts nothing again"
        return PodActions(kill_pod=True, pod_cause=cause, **base)  # type: ignore[arg-type]
    to_start = [c for c in pod.containers if not _succeeded_for_good(pod, c, observed)]
    has_run = any(_was_created(observed.latest(c.name)) for c in pod.containers)
    if not to_start and has_run:
        cause = f"{fault.cause}, and every container is done"
        return PodActions(kill_pod=True, pod_cause=cause, **base)  # type: ignore[arg-type]
    inits, apps = (pod.init_containers[:1], []) if pod.init_containers else ((), to_start)
    causes = [(c.name, "first init container of a new sandbox") for c in inits]
    causes += [(c.name, "new sandbox") for c in apps]
    return PodActions(
        kill_pod=True,
        create_sandbox=True,
        init_to_start=tuple(c.name for c in inits),
        containers_to_start=tuple(c.name for c in apps),
        causes=tuple(causes),
        pod_cause=fault.cause,
        **base,  # type: ignore[arg-type]
    )


def _succeeded_for_good(pod: Pod, container: Container, observed: Observed) -> bool:
    record = observed.latest(container.name)
    return (
        effective_policy(pod, container) is RestartPolicy.ON_FAILURE
        and record is not None
        and record.state is RuntimeState.EXITED
        and record.exit_code == 0
    )


def _was_created(record: ContainerRecord | None) -> bool:
    return record is not None and record.state is not RuntimeState.UNKNOWN


def _ephemeral(pod: Pod, observed: Observed) -> tuple[str, ...]:
    if not pod.ephemeral_containers:
        return ()
    return tuple([c.name for c in pod.ephemeral_containers if observed.latest(c.name) is None])


def _resets(pod: Pod, observed: Observed) -> tuple[Reset, ...]:
    """Everything that exists, in the order in which it is removed: others first, apps before inits, sources last."""
    found = [
        (restarts_all(container, record), Reset(name=record.name, id=record.id, running=record.state is not _EXITED))
        for container in (*pod.containers, *pod.init_containers)
        for record in observed.instances(container.name)
    ]
    return tuple(reset for _, reset in sorted(found, key=lambda one: one[0]))


class _Init(Enum):
    """What one init container means for the pod."""

    PENDING = "it is not done"
    DONE = "what follows may start"
    HOPELESS = "the pod has failed"


def _init_actions(pod: Pod, observed: Observed, results: ProbeResults, draft: _Draft, sandbox_id: str) -> bool:
    """Walk the init containers from last to first; returns whether the pod is initialised."""
    initialized = _has_initialized(pod, observed, sandbox_id)
    previous = initialized
    last = len(pod.init_containers) - 1
    for index in range(last, -1, -1):
        container = pod.init_containers[index]
        record = observed.latest(container.name)
        if record is None:
            if container.is_sidecar and previous:
                draft.start_init(container.name, "the sidecar is missing")
            continue
        if previous and not container.is_sidecar:
            continue
        following = pod.init_containers[index + 1].name if index < last else None
        outcome = _look_at_init(pod, container, record, following, results, draft, previous)
        if outcome is _Init.HOPELESS:
            return False
        if outcome is _Init.DONE and following is None:
            initialized = True
        previous = True
    if not previous:
        draft.start_init(pod.init_containers[0].name, "no init container has run yet")
    return initialized


def _look_at_init(
    pod: Pod,
    container: Container,
    record: ContainerRecord,
    following: str | None,
    results: ProbeResults,
    draft: _Draft,
    previous: bool,
) -> _Init:
    name = container.name
    if record.state is RuntimeState.CREATED:
        draft.start_init(name, "it was created but never started")
    elif record.state is RuntimeState.RUNNING:
        if container.is_sidecar:
            return _running_sidecar(container, record, results, draft, previous, following)
    elif record.state is RuntimeState.UNKNOWN:
        if not container.is_sidecar and not policy_allows_restart(pod, container):
            draft.give_up(f"the state of init container {name} is unknown, and it may not restart")
            return _Init.HOPELESS
        draft.kill(record, f"Init {_UNKNOWN_MESSAGE}", unknown=True)
        draft.start_init(name, "its state is unknown")
    elif container.is_sidecar:
        draft.start_init(name, f"the sidecar ended with exit code {record.exit_code}")
    elif not init_failed(record):
        if following is not None:
            draft.start_init(following, f"init container {name} has succeeded")
        return _Init.DONE
    elif should_restart(pod, container, record.exit_code):
        draft.start_init(name, f"it failed with exit code {record.exit_code}")
    else:
        draft.give_up(f"init container {name} failed and may not restart")
        return _Init.HOPELESS
    return _Init.PENDING


_UNKNOWN_MESSAGE = 'container is in "unknown" state, try killing it before restart'


def _has_initialized(pod: Pod, observed: Observed, sandbox_id: str) -> bool:
    """Whether some app container of the active sandbox is created or running; ended ones prove nothing after a reboot."""
    records = (observed.latest(c.name) for c in pod.containers)
    return any(
        record is not None
        and record.state in (RuntimeState.CREATED, RuntimeState.RUNNING)
        and record.sandbox_id in ("", sandbox_id)
        for record in records
    )


def _running_sidecar(
    container: Container,
    record: ContainerRecord,
    results: ProbeResults,
    draft: _Draft,
    previous: bool,
    following: str | None,
) -> _Init:
    """Look after a running sidecar; it is done when it counts as started."""
    if container.startup is not None:
        verdict = results.startup.get(record.id)
        if verdict is ProbeResult.FAILURE:
            draft.kill(record, f"Init container {container.name} failed startup probe", ProbeKind.STARTUP)
            draft.start_init(container.name, "its startup probe failed")
        if verdict is not ProbeResult.SUCCESS:
            return _Init.PENDING
    if following is not None and not previous:
        draft.start_init(following, f"sidecar {container.name} has started")
    if _definition_changed(container, record):
        draft.kill(record, f"Init container {container.name} definition changed")
        draft.start_init(container.name, "its definition changed")
    elif container.liveness is not None and results.liveness.get(record.id) is ProbeResult.FAILURE:
        draft.kill(record, f"Init container {container.name} failed liveness probe", ProbeKind.LIVENESS)
        draft.start_init(container.name, "its liveness probe failed")
    return _Init.DONE


def _definition_changed(container: Container, record: ContainerRecord) -> bool:
    return bool(record.spec_hash) and record.spec_hash != spec_hash(container)


def _app_actions(pod: Pod, observed: Observed, results: ProbeResults, draft: _Draft) -> None:
    kept = 0
    for container in pod.containers:
        record = observed.latest(container.name)
        if record is None or record.state is not _RUNNING:
            if should_be_started(pod, container, observed):
                draft.start(container.name, _start_cause(record))
                if record is not None and record.state is _UNKNOWN:
                    draft.kill(record, f"C{_UNKNOWN_MESSAGE[1:]}", unknown=True)
            continue
        restart = policy_allows_restart(pod, container)
        probe: ProbeKind | None = None
        if _definition_changed(container, record):
            message, restart = f"Container {container.name} definition changed", True
        elif results.liveness.get(record.id) is _FAILURE:
            message, probe = f"Container {container.name} failed liveness probe", ProbeKind.LIVENESS
        elif results.startup.get(record.id) is _FAILURE:
            message, probe = f"Container {container.name} failed startup probe", ProbeKind.STARTUP
        else:
            kept += 1
            continue
        draft.kill(record, f"{message}, will be restarted" if restart else message, probe)
        if restart:
            draft.start(container.name, message)
    if kept == 0 and not draft.containers_to_start:
        draft.give_up("no container is running and none may restart")


def _start_cause(record: ContainerRecord | None) -> str:
    if record is None:
        return "it has not run yet"
    if record.state is _EXITED:
        return f"it ended with exit code {record.exit_code}"
    return "it was created but never started" if record.state is RuntimeState.CREATED else "its state is unknown"
