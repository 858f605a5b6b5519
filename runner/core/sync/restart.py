"""Whether an ended container runs again: rules, then the container's policy, then the pod's.

Mirrors pkg/api/v1/pod/util.go (ContainerShouldRestart) and pkg/kubelet/container/helpers.go (ShouldContainerBeRestarted,
ShouldAllContainersRestart). The retry scope ``pod`` is expressed in the same terms: an implied rule on every regular
init container (``with_retry_scope``), so that one machinery serves both.
"""

from __future__ import annotations

from dataclasses import replace

from runner.core.model import Container, Pod, RestartPolicy, RestartRule, RetryScope, RuleAction, RuleOperator
from runner.core.observed import ContainerRecord, Observed, RuntimeState

OOM_KILLED = "OOMKilled"
_ALWAYS, _ON_FAILURE = RestartPolicy.ALWAYS, RestartPolicy.ON_FAILURE
_EXITED, _RUNNING = RuntimeState.EXITED, RuntimeState.RUNNING

_IMPLIED = RestartRule(action=RuleAction.RESTART_ALL, operator=RuleOperator.NOT_IN, values=frozenset({0}), implied=True)


def with_retry_scope(pod: Pod, scope: RetryScope) -> Pod:
    """Give regular init containers the rule that the scope stands for; rules in the manifest and a ``Never`` win."""
    if scope is RetryScope.CONTAINER:
        return pod
    return replace(pod, init_containers=tuple(_with_implied_rule(pod, c) for c in pod.init_containers))


def _with_implied_rule(pod: Pod, container: Container) -> Container:
    if not container.is_regular_init or container.rules:
        return container
    if effective_policy(pod, container) is RestartPolicy.NEVER:
        return container
    return replace(container, rules=(_IMPLIED,))


def effective_policy(pod: Pod, container: Container) -> RestartPolicy:
    """The container's own restart policy, else the pod's."""
    return container.restart_policy or pod.restart_policy


def matching_rule(container: Container, exit_code: int) -> RestartRule | None:
    """The first rule for this exit code; rules in a manifest need a restartPolicy on the container to count."""
    for rule in container.rules:
        if (rule.implied or container.restart_policy is not None) and rule.matches(exit_code):
            return rule
    return None


def should_restart(pod: Pod, container: Container, exit_code: int) -> bool:
    """Whether a container that ended with this code runs again, ignoring what else happens to the pod."""
    if container.rules and matching_rule(container, exit_code) is not None:
        return True
    policy = container.restart_policy or pod.restart_policy
    return policy is _ALWAYS or (policy is _ON_FAILURE and exit_code != 0)


def policy_allows_restart(pod: Pod, container: Container) -> bool:
    """Whether a running container may be killed and started anew: there is no exit code yet, so rules do not count."""
    return effective_policy(pod, container) is not RestartPolicy.NEVER


def should_be_started(pod: Pod, container: Container, observed: Observed) -> bool:
    """Whether an app container is to be started, given its newest instance (ShouldContainerBeRestarted)."""
    if pod.is_deleted:
        return False
    record = observed.latest(container.name)
    if record is None:
        return True
    if record.state is _EXITED:
        return should_restart(pod, container, record.exit_code)
    return record.state is not _RUNNING


def init_failed(record: ContainerRecord) -> bool:
    """Whether an ended init container failed; one that was killed for memory failed whatever its exit code."""
    return record.exit_code != 0 or record.reason == OOM_KILLED


def restarts_all(container: Container, record: ContainerRecord) -> bool:
    """Whether this instance ended with a code for which a rule says RestartAllContainers."""
    rule = matching_rule(container, record.exit_code) if record.state is RuntimeState.EXITED else None
    return rule is not None and rule.action is RuleAction.RESTART_ALL


def restart_all_sources(pod: Pod, observed: Observed) -> tuple[Container, ...]:
    """The ended containers whose matching rule says RestartAllContainers, in spec order."""
    found: list[Container] = []
    for container in pod.all_containers() if pod.has_rules else ():
        record = observed.latest(container.name)
        if record is not None and restarts_all(container, record):
            found.append(container)
    return tuple(found)


def is_implied(source: Container, observed: Observed) -> bool:
    """Whether the rule by which a source ended is that of a retry scope, not one of its manifest."""
    record = observed.latest(source.name)
    rule = matching_rule(source, record.exit_code) if record is not None else None
    return rule is not None and rule.implied
