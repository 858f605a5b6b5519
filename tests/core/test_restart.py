"""Whether an ended container runs again."""

from __future__ import annotations

from typing import Any

import pytest

from runner.core.model import Pod, RestartPolicy, RetryScope, RuleAction
from runner.core.sync.restart import (
    effective_policy,
    init_failed,
    matching_rule,
    policy_allows_restart,
    restart_all_sources,
    should_be_started,
    should_restart,
    with_retry_scope,
)
from tests.support.pods import at, make_pod, observed, record


def rule(action: str, *codes: int, operator: str = "In") -> dict[str, Any]:
    return {"action": action, "exitCodes": {"operator": operator, "values": list(codes)}}


def ruled(*rules: dict[str, Any], own: str | None = "Never", policy: str = "Never", **more: Any) -> Pod:
    fields = {"name": "main", "restartPolicyRules": list(rules), **({"restartPolicy": own} if own else {}), **more}
    return make_pod((), (fields,), policy=policy)


POLICIES: list[tuple[str, str | None, str, list[bool]]] = [
    ("Always", None, "the pod's Always", [True, True]),
    ("OnFailure", None, "the pod's OnFailure", [False, True]),
    ("Never", None, "the pod's Never", [False, False]),
    ("Never", "Always", "the container's Always", [True, True]),
    ("Always", "OnFailure", "the container's OnFailure", [False, True]),
    ("Always", "Never", "the container's Never", [False, False]),
]


@pytest.mark.parametrize(
    ("policy", "own", "wanted"), [(r[0], r[1], r[3]) for r in POLICIES], ids=[r[2] for r in POLICIES]
)
def test_policies(policy: str, own: str | None, wanted: list[bool]) -> None:
    pod = ruled(own=own, policy=policy)
    (main,) = pod.containers
    assert [should_restart(pod, main, code) for code in (0, 3)] == wanted
    assert effective_policy(pod, main) == (own or policy)
    assert policy_allows_restart(pod, main) is ((own or policy) != RestartPolicy.NEVER)


RULES: list[tuple[str, Pod, int, RuleAction | None, bool]] = [
    ("a code that is in the list", ruled(rule("Restart", 42, 43)), 43, RuleAction.RESTART, True),
    ("a code that is not", ruled(rule("Restart", 42)), 1, None, False),
    ("a code that must not be in the list", ruled(rule("Restart", 0, operator="NotIn")), 1, RuleAction.RESTART, True),
    ("a code that must not be, but is", ruled(rule("Restart", 0, operator="NotIn")), 0, None, False),
    (
        "the first that matches wins",
        ruled(rule("RestartAllContainers", 5), rule("Restart", 5)),
        5,
        RuleAction.RESTART_ALL,
        True,
    ),
    (
        "those before it are passed over",
        ruled(rule("Restart", 4), rule("RestartAllContainers", 5)),
        5,
        RuleAction.RESTART_ALL,
        True,
    ),
    ("without a policy of the container rules do not count", ruled(rule("Restart", 42), own=None), 42, None, False),
    ("no rule leaves it to the policy", ruled(rule("Restart", 42), own="OnFailure"), 1, None, True),
]


@pytest.mark.parametrize(("pod", "code", "action", "again"), [r[1:] for r in RULES], ids=[r[0] for r in RULES])
def test_rules(pod: Pod, code: int, action: RuleAction | None, again: bool) -> None:
    found = matching_rule(pod.containers[0], code)
    assert (found.action if found else None) is action
    assert should_restart(pod, pod.containers[0], code) is again


STATES: list[tuple[str, str, int, bool]] = [
    ("Always", "running", 0, False),
    ("Always", "created", 0, True),
    ("Always", "unknown", 0, True),
    ("Never", "created", 0, True),
    ("Always", "exited", 0, True),
    ("OnFailure", "exited", 0, False),
    ("OnFailure", "exited", 1, True),
    ("Never", "exited", 1, False),
]


@pytest.mark.parametrize(("policy", "state", "code", "wanted"), STATES)
def test_an_app_is_started_by_the_state_of_its_newest_instance(
    policy: str, state: str, code: int, wanted: bool
) -> None:
    pod = make_pod(policy=policy)
    seen = observed(record(pod, "main", state, code=code, attempt=1), record(pod, "main", "exited", code=1))
    assert should_be_started(pod, pod.containers[0], seen) is wanted


def test_an_app_without_an_instance_is_started() -> None:
    pod = make_pod(policy="Never")
    assert should_be_started(pod, pod.containers[0], observed())


@pytest.mark.parametrize("state", ["", "created", "exited", "unknown"])
def test_nothing_is_started_in_a_pod_that_goes_away(state: str) -> None:
    pod = make_pod(metadata={"deletionTimestamp": "2000-01-01T00:00:05Z"})
    assert pod.deleted_at == at(5)
    seen = observed(*([record(pod, "main", state)] if state else []))
    assert not should_be_started(pod, pod.containers[0], seen)


@pytest.mark.parametrize(
    ("code", "reason", "failed"),
    [(0, "Completed", False), (1, "Error", True), (0, "OOMKilled", True), (137, "OOMKilled", True)],
)
def test_an_init_container_killed_for_memory_has_failed(code: int, reason: str, failed: bool) -> None:
    pod = make_pod(["init"])
    assert init_failed(record(pod, "init", "exited", code=code, reason=reason)) is failed


def sources(pod: Pod, *records: Any) -> list[str]:
    return [container.name for container in restart_all_sources(pod, observed(*records))]


def test_only_ended_containers_whose_first_rule_says_so_restart_everything() -> None:
    ask = {"restartPolicy": "Never", "restartPolicyRules": [rule("RestartAllContainers", 5)]}
    one = {"restartPolicy": "Never", "restartPolicyRules": [rule("Restart", 5)]}
    pod = make_pod(
        [{"name": "init", **ask}],
        [{"name": "a", **ask}, {"name": "b", **ask}, {"name": "c", **one}, {"name": "d", **ask}, "e"],
    )
    ended = [record(pod, name, "exited", code=5) for name in ("e", "c", "a", "init")]
    assert sources(pod, record(pod, "b", attempt=1), record(pod, "b", "exited", code=5), *ended) == ["init", "a"]
    assert sources(pod, record(pod, "a", "exited", code=6)) == []
    assert sources(pod) == []


SCOPES: list[tuple[str, dict[str, Any], str, RetryScope, bool]] = [
    ("scope pod gives regular init containers the rule", {}, "Always", RetryScope.POD, True),
    ("also under OnFailure", {}, "OnFailure", RetryScope.POD, True),
    ("a Never of the pod wins", {}, "Never", RetryScope.POD, False),
    ("a Never of the container wins", {"restartPolicy": "Never"}, "Always", RetryScope.POD, False),
    ("a policy of the container may allow it", {"restartPolicy": "OnFailure"}, "Never", RetryScope.POD, True),
    ("a sidecar has nothing to repeat", {"restartPolicy": "Always"}, "Always", RetryScope.POD, False),
    ("scope container gives nothing", {}, "Always", RetryScope.CONTAINER, False),
]


@pytest.mark.parametrize(("fields", "policy", "scope", "implied"), [r[1:] for r in SCOPES], ids=[r[0] for r in SCOPES])
def test_the_retry_scope_is_a_rule(fields: dict[str, Any], policy: str, scope: RetryScope, implied: bool) -> None:
    pod = with_retry_scope(make_pod([{"name": "init", **fields}], policy=policy), scope)
    found = matching_rule(pod.init_containers[0], 1)
    assert (found is not None and found.implied and found.action is RuleAction.RESTART_ALL) is implied
    assert matching_rule(pod.init_containers[0], 0) is None
    assert pod.containers[0].rules == ()


def test_rules_of_the_manifest_win_over_the_retry_scope() -> None:
    own = {"name": "init", "restartPolicy": "Never", "restartPolicyRules": [rule("Restart", 5)]}
    pod = make_pod([own])
    assert with_retry_scope(pod, RetryScope.POD) == pod
