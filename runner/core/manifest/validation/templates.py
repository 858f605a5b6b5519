"""Pod templates and the selectors of the kinds that keep pods running.

Mirrors the functions of pkg/apis/apps/validation/validation.go that Deployments, ReplicaSets, StatefulSets and DaemonSets share.
"""

from __future__ import annotations

from typing import Any

from runner.core.manifest.paths import FieldPath
from runner.core.manifest.validation.errors import Errors
from runner.core.manifest.validation.metadata import validate_selector
from runner.core.selectors import matches, selector_of

Object = dict[str, Any]

NOT_NEGATIVE = "must be greater than or equal to 0"
MISMATCH = "`selector` does not match template `labels`"


def not_negative(errors: Errors, spec: Object, names: tuple[str, ...], path: FieldPath) -> None:
    """Check that numbers are not below zero; those that are not set are well."""
    for name in names:
        if (spec.get(name) or 0) < 0:
            errors.invalid(path.child(name), spec[name], NOT_NEGATIVE)


def validate_runs_for_ever(errors: Errors, template: Object, path: FieldPath, kind: str) -> None:
    """Check that the pods of a template are always restarted and have no deadline."""
    policy = template["spec"].get("restartPolicy")
    if policy != "Always":
        errors.not_supported(path.child("spec", "restartPolicy"), policy, ("Always",))
    if template["spec"].get("activeDeadlineSeconds") is not None:
        detail = f"activeDeadlineSeconds in {kind} is not Supported"
        errors.forbidden(path.child("spec", "activeDeadlineSeconds"), detail)


def selector_is_usable(errors: Errors, selector: Object | None, path: FieldPath) -> bool:
    """Check a selector, and return whether it says what it selects: every problem of it makes Go's conversion fail."""
    before = len(errors.items)
    validate_selector(errors, selector, path)
    return len(errors.items) == before


def validate_not_empty(errors: Errors, selector: Object, path: FieldPath, kind: str) -> None:
    """Check that a selector does not select everything."""
    if not selector.get("matchLabels") and not selector.get("matchExpressions"):
        errors.invalid(path, {}, f"empty selector is invalid for {kind}")


def validate_selected(errors: Errors, selector: Object | None, template: Object, path: FieldPath) -> None:
    """Check that a template's labels match a selector; one that is not set matches nothing."""
    labels = template["metadata"].get("labels") or {}
    if selector is None or not matches(selector_of(selector), labels):
        at = path.child("metadata", "labels")
        errors.invalid(at, errors.or_null(at, labels), MISMATCH)


def shown_selector(selector: Object) -> Object:
    """A selector in the order in which Go prints its fields."""
    return {name: selector[name] for name in ("matchLabels", "matchExpressions") if name in selector}
