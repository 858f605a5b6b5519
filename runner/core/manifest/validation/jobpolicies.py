"""When a Job's pods count as failed, and when a part of them is enough.

Mirrors validatePodFailurePolicy and validateSuccessPolicy of pkg/apis/batch/validation/validation.go.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from runner.core.manifest.paths import FieldPath
from runner.core.manifest.validation.errors import OMITTED, Errors
from runner.core.manifest.validation.names import qualified_name
from runner.core.manifest.validation.templates import not_negative
from runner.core.text.gotext import quote

Object = dict[str, Any]

_MAX_RULES = 20
_MAX_CODES = 255
_MAX_INDEX = 2**63 - 1
_LONGEST_INDEXES = 64 * 1024
_ACTIONS = ("Count", "FailIndex", "FailJob", "Ignore")
_OPERATORS = ("In", "NotIn")
_STATUSES = ("False", "True", "Unknown")


def _valid_values(names: Sequence[str]) -> str:
    return f"valid values: [{' '.join(map(quote, names))}]"


def validate_failure_policy(errors: Errors, spec: Object, path: FieldPath) -> None:
    """Check a Job's podFailurePolicy."""
    if spec.get("podFailurePolicy") is None:
        return
    rules, path = spec["podFailurePolicy"].get("rules") or (), path.child("rules")
    if len(rules) > _MAX_RULES:
        errors.too_many(path, len(rules), _MAX_RULES)
    pod = spec["template"]["spec"]
    names = [c.get("name") or "" for field in ("containers", "initContainers") for c in pod.get(field) or ()]
    for index, rule in enumerate(rules):
        at = path.index(index)
        _action(errors, rule.get("action") or "", at.child("action"), spec)
        exits, patterns = rule.get("onExitCodes"), rule.get("onPodConditions") or ()
        if exits is not None:
            _exit_codes(errors, exits, at.child("onExitCodes"), names)
        _conditions(errors, patterns, at.child("onPodConditions"))
        if exits is not None and patterns:
            errors.invalid(at, OMITTED, "specifying both OnExitCodes and OnPodConditions is not supported")
        if exits is None and not patterns:
            errors.invalid(at, OMITTED, "specifying one of OnExitCodes and OnPodConditions is required")


def _action(errors: Errors, action: str, path: FieldPath, spec: Object) -> None:
    if not action:
        errors.required(path, _valid_values(_ACTIONS))
    elif action not in _ACTIONS:
        errors.not_supported(path, action, _ACTIONS)
    elif action == "FailIndex" and spec.get("backoffLimitPerIndex") is None:
        errors.invalid(path, action, "requires the backoffLimitPerIndex to be set")


def _conditions(errors: Errors, patterns: Sequence[Object], path: FieldPath) -> None:
    if len(patterns) > _MAX_RULES:
        errors.too_many(path, len(patterns), _MAX_RULES)
    for index, pattern in enumerate(patterns):
        at = path.index(index)
        for message in qualified_name(pattern.get("type") or ""):
            errors.invalid(at.child("type"), pattern.get("type") or "", message)
        if pattern["status"] not in _STATUSES:
            errors.not_supported(at.child("status"), pattern["status"], _STATUSES)


def _exit_codes(errors: Errors, exits: Object, path: FieldPath, names: Sequence[str]) -> None:
    operator, values, name = exits.get("operator") or "", exits.get("values") or (), exits.get("containerName")
    if not operator:
        errors.required(path.child("operator"), _valid_values(_OPERATORS))
    elif operator not in _OPERATORS:
        errors.not_supported(path.child("operator"), operator, _OPERATORS)
    if name is not None and name not in names:
        text = "must be one of the container or initContainer names in the pod template"
        errors.invalid(path.child("containerName"), name, text)
    path = path.child("values")
    if not values:
        errors.invalid(path, errors.or_null(path, values), "at least one value is required")
    elif len(values) > _MAX_CODES:
        errors.too_many(path, len(values), _MAX_CODES)
    seen: set[int] = set()
    for index, value in enumerate(values):
        if operator == "In" and value == 0:
            errors.invalid(path.index(index), value, "must not be 0 for the In operator")
        if value in seen:
            errors.duplicate(path.index(index), value)
        seen.add(value)
    if any(later < earlier for earlier, later in pairwise(values)):
        errors.invalid(path, values, "must be ordered")


def validate_success_policy(errors: Errors, spec: Object, path: FieldPath) -> None:
    """Check a Job's successPolicy."""
    if spec.get("successPolicy") is None:
        return
    rules, at = spec["successPolicy"].get("rules") or [], path.child("rules")
    if spec.get("completionMode") != "Indexed":
        names = {"SucceededIndexes": "succeededIndexes", "SucceededCount": "succeededCount"}
        written = [{name: rule.get(key) for name, key in names.items()} for rule in rules]
        shown = {"Rules": errors.or_null(at, written)}
        errors.invalid(path, shown, "requires indexed completion mode")
        return
    if not rules:
        errors.required(at, "at least one rules must be specified when the successPolicy is specified")
    if len(rules) > _MAX_RULES:
        errors.too_many(at, len(rules), _MAX_RULES)
    for index, rule in enumerate(rules):
        _success_rule(errors, rule, at.index(index), spec.get("completions") or 0)


def _success_rule(errors: Errors, rule: Object, path: FieldPath, completions: int) -> None:
    indexes, count = rule.get("succeededIndexes"), rule.get("succeededCount")
    if indexes is None and count is None:
        errors.required(path, "at least one of succeededCount or succeededIndexes must be specified")
    total = 0
    if indexes is not None:
        at = path.child("succeededIndexes")
        if len(indexes.encode()) > _LONGEST_INDEXES:
            errors.too_long(at, _LONGEST_INDEXES)
        problem, total = _intervals(indexes, completions)
        if problem:
            errors.invalid(at, indexes, f"error parsing succeededIndexes: {problem}")
    if count is not None:
        not_negative(errors, rule, ("succeededCount",), path)
        limits = {"specified completions": completions}
        if indexes is not None:
            limits["indexes in the specified succeededIndexes field"] = total
        for what, limit in limits.items():
            if count > limit:
                text = f"must be less than or equal to {limit} (the number of {what})"
                errors.invalid(path.child("succeededCount"), count, text)


def _intervals(text: str, completions: int) -> tuple[str, int]:
    """What is wrong with ``1,3-5`` ("" for nothing), and how many indexes it names (0 when something is wrong)."""
    last, total = -1, 0
    for part in text.split(",") if text else ():
        limits = part.split("-")
        if len(limits) > 2:
            rule = "violates the requirement that an index interval can have at most two parts separated by '-'"
            return f"the fragment {quote(part)} {rule}", 0
        numbers: list[int] = []
        for limit in limits:
            if not re.fullmatch(r"[+]?[0-9]+", limit) or len(limit) > 19 or int(limit) > _MAX_INDEX:
                return f"cannot convert string to integer for index: {quote(limit)}", 0
            numbers.append(int(limit))
            if numbers[-1] >= completions:
                return f"too large index: {quote(limit)}", 0
        first, end = numbers[0], numbers[-1]
        if len(numbers) > 1 and first >= end:
            return f"non-increasing order, previous: {first}, current: {end}", 0
        if last >= first:
            return f"non-increasing order, previous: {last}, current: {first}", 0
        last, total = end, total + end - first + 1
    return "", total
