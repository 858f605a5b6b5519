"""What a Job's pod failure policy says about a failed pod (pkg/controller/job/pod_failure_policy.go)."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from msgspec import Struct

from runner.core.model import Json
from runner.core.workloads.model import Member


class FailureAction(StrEnum):
    """What happens because a pod failed."""

    COUNT = "Count"
    IGNORE = "Ignore"
    FAIL_INDEX = "FailIndex"
    FAIL_JOB = "FailJob"


class FailureVerdict(Struct, frozen=True):
    """The action of the first rule that matches, and for FailJob the sentence that says which one it was."""

    action: FailureAction
    message: str = ""


def judge(policy: Json | None, member: Member) -> FailureVerdict:
    """The verdict about a failed pod; without a rule that matches it counts towards the back-off limit."""
    for index, rule in enumerate((policy or {}).get("rules") or ()):
        exits, patterns = rule.get("onExitCodes"), rule.get("onPodConditions") or ()
        why = _exit_match(exits, member) if exits else _condition_match(patterns, member)
        if why:
            action = FailureAction(rule.get("action") or FailureAction.COUNT)
            return FailureVerdict(action, f"{why} matching {action} rule at index {index}")
    return FailureVerdict(FailureAction.COUNT)


def _exit_match(wanted: Json, member: Member) -> str:
    """Successful exits never match, whatever the operator."""
    values = wanted.get("values") or ()
    for container in member.status.all_containers():
        ended = container.terminated
        if ended is None or ended.exit_code == 0:
            continue
        if wanted.get("containerName") not in (None, container.name):
            continue
        if (ended.exit_code in values) == (wanted.get("operator") == "In"):
            return f"Container {container.name} for pod {_full_name(member)} failed with exit code {ended.exit_code}"
    return ""


def _condition_match(patterns: Sequence[Json], member: Member) -> str:
    for pattern in patterns:
        condition = member.status.condition(pattern["type"])
        if condition is not None and condition.status == (pattern.get("status") or "True"):
            return f"Pod {_full_name(member)} has condition {condition.type}"
    return ""


def _full_name(member: Member) -> str:
    return f"{member.pod['metadata'].get('namespace')}/{member.name}"
