"""Rules of Jobs about completion modes, failure and success policies.

Mirrors pkg/apis/batch/validation/validation.go.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from runner.core.manifest.paths import FieldPath
from runner.core.manifest.validation.errors import Errors

Object = dict[str, Any]

_MAX_RULES = 20
_MAX_PARALLELISM = 100_000
_MAX_INDEX = 2**31 - 1
_ACTIONS = ("Count", "FailIndex", "FailJob", "Ignore")
_NEEDS_INDEXES = "requires indexed completion mode"


def validate_job_policies(errors: Errors, spec: Object, path: FieldPath) -> None:
    """Check what depends on the completion mode, and both policies."""
    is_indexed = spec.get("completionMode") == "Indexed"
    if is_indexed:
        if spec.get("completions") is None:
            errors.required(path.child("completions"), "when completion mode is Indexed")
        parallelism = spec.get("parallelism") or 0
        if parallelism > _MAX_PARALLELISM:
            detail = f"must be less than or equal to {_MAX_PARALLELISM} when completion mode is Indexed"
            errors.invalid(path.child("parallelism"), parallelism, detail)
    else:
        for name in ("backoffLimitPerIndex", "maxFailedIndexes"):
            if spec.get(name) is not None:
                errors.invalid(path.child(name), spec[name], _NEEDS_INDEXES)
    if spec.get("maxFailedIndexes") is not None and spec.get("backoffLimitPerIndex") is None:
        errors.required(path.child("backoffLimitPerIndex"), "when maxFailedIndexes is specified")
    if spec.get("podReplacementPolicy") not in ("Failed", "TerminatingOrFailed"):
        at = path.child("podReplacementPolicy")
        errors.not_supported(at, spec.get("podReplacementPolicy") or "", ("Failed", "TerminatingOrFailed"))
    if spec.get("podFailurePolicy") is not None:
        _failure_policy(errors, spec, path.child("podFailurePolicy", "rules"))
    if spec.get("successPolicy") is not None:
        if is_indexed:
            _success_policy(errors, spec, path.child("successPolicy", "rules"))
        else:
            errors.invalid(path.child("successPolicy"), spec["successPolicy"], _NEEDS_INDEXES)


def _failure_policy(errors: Errors, spec: Object, path: FieldPath) -> None:
    rules = spec["podFailurePolicy"].get("rules") or ()
    if len(rules) > _MAX_RULES:
        errors.too_many(path, len(rules), _MAX_RULES)
    pod = spec["template"]["spec"]
    names = [c.get("name") for field in ("containers", "initContainers") for c in pod.get(field) or ()]
    for index, rule in enumerate(rules):
        _failure_rule(errors, rule, path.index(index), names, spec.get("backoffLimitPerIndex") is not None)


def _failure_rule(errors: Errors, rule: Object, path: FieldPath, names: Sequence[object], may_fail_index: bool) -> None:
    action = rule.get("action") or ""
    if not action:
        errors.required(path.child("action"), "valid values: " + ", ".join(f'"{name}"' for name in _ACTIONS))
    elif action == "FailIndex" and not may_fail_index:
        errors.invalid(path.child("action"), action, "requires the backoffLimitPerIndex to be set")
    elif action not in _ACTIONS:
        errors.not_supported(path.child("action"), action, _ACTIONS)
    exits, patterns = rule.get("onExitCodes"), rule.get("onPodConditions") or ()
    if exits is not None:
        _exit_codes(errors, exits, path.child("onExitCodes"), names)
    for index, pattern in enumerate(patterns):
        at = path.child("onPodConditions").index(index)
        if not pattern.get("type"):
            errors.invalid(at.child("type"), "", "name part must be non-empty")
        if pattern.get("status") not in ("False", "True", "Unknown"):
            errors.not_supported(at.child("status"), pattern.get("status"), ("False", "True", "Unknown"))
    if exits is not None and patterns:
        text = "specifying both OnExitCodes and OnPodConditions is not supported"
        errors.invalid(path, None, text)
    if exits is None and not patterns:
        errors.invalid(path, None, "specifying one of OnExitCodes and OnPodConditions is required")


def _exit_codes(errors: Errors, exits: Object, path: FieldPath, names: Sequence[object]) -> None:
    operator, values, name = exits.get("operator") or "", exits.get("values") or (), exits.get("containerName")
    if operator not in ("In", "NotIn"):
        errors.not_supported(path.child("operator"), operator, ("In", "NotIn"))
    if name is not None and name not in names:
        text = "must be one of the container or initContainer names in the pod template"
        errors.invalid(path.child("containerName"), name, text)
    if not values:
        errors.invalid(path.child("values"), list(values), "at least one value is required")
    elif len(values) > 255:
        errors.too_many(path.child("values"), len(values), 255)
    if any(later <= earlier for earlier, later in pairwise(values)):
        errors.invalid(path.child("values"), list(values), "must be ordered")
    if operator == "In" and 0 in values:
        errors.invalid(path.child("values").index(values.index(0)), 0, "must not be 0 for the In operator")


def _success_policy(errors: Errors, spec: Object, path: FieldPath) -> None:
    rules = spec["successPolicy"].get("rules") or ()
    if not rules:
        errors.required(path, "at least one rules must be specified when the successPolicy is specified")
    if len(rules) > _MAX_RULES:
        errors.too_many(path, len(rules), _MAX_RULES)
    completions = spec.get("completions") or 0
    for index, rule in enumerate(rules):
        _success_rule(errors, rule, path.index(index), completions)


def _success_rule(errors: Errors, rule: Object, path: FieldPath, completions: int) -> None:
    indexes, count = rule.get("succeededIndexes"), rule.get("succeededCount")
    if indexes is None and count is None:
        errors.required(path, "at least one of succeededCount or succeededIndexes must be specified")
    total = completions
    if indexes is not None:
        problem, total = _intervals(indexes, completions)
        if problem:
            errors.invalid(path.child("succeededIndexes"), indexes, f"error parsing succeededIndexes: {problem}")
            total = completions
    if count is not None:
        if count < 0:
            errors.invalid(path.child("succeededCount"), count, "must be greater than or equal to 0")
        elif count > total:
            of = "succeededIndexes" if indexes is not None else "completions"
            text = f"must be less than or equal to {total} (the number of indexes in the specified {of} field)"
            errors.invalid(path.child("succeededCount"), count, text)


def _intervals(text: str, completions: int) -> tuple[str, int]:
    """What is wrong with ``1,3-5`` ("" for nothing), and how many indexes it names."""
    last, total = -1, 0
    for part in text.split(",") if text else ():
        first_text, dash, end_text = part.partition("-")
        numbers = [first_text, end_text] if dash else [first_text, first_text]
        if not all(number.isascii() and number.isdigit() and int(number) <= _MAX_INDEX for number in numbers):
            return f'cannot convert string to integer for index: "{part}"', 0
        first, end = int(numbers[0]), int(numbers[1])
        if end < first or (dash and end == first):
            return f"non-increasing order, previous: {first}, current: {end}", 0
        if first <= last:
            return f"non-increasing order, previous: {last}, current: {first}", 0
        if end >= completions:
            return f"too large index: {end}, max allowed: {completions - 1}", 0
        last, total = end, total + end - first + 1
    return "", total
