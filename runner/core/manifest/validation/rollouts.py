"""How Deployments and DaemonSets replace their pods.

Mirrors ValidateDeploymentStrategy and ValidateDaemonSetUpdateStrategy of pkg/apis/apps/validation/validation.go.
"""

from __future__ import annotations

import re
from typing import Any

from runner.core.manifest.paths import FieldPath
from runner.core.manifest.validation.errors import Errors
from runner.core.manifest.validation.templates import NOT_NEGATIVE

Object = dict[str, Any]

_PERCENT = (
    "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', "
    "regex used for validation is '[0-9]+%')"
)
_LONGEST_NUMBER = 18


def validate_strategy(errors: Errors, strategy: Object, path: FieldPath) -> None:
    """Check a Deployment's strategy."""
    kind = strategy.get("type") or ""
    if kind == "Recreate":
        if strategy.get("rollingUpdate") is not None:
            detail = "may not be specified when strategy `type` is 'Recreate'"
            errors.forbidden(path.child("rollingUpdate"), detail)
    elif kind == "RollingUpdate":
        rolling, at = strategy["rollingUpdate"], path.child("rollingUpdate")
        unavailable, surge = _amounts(errors, rolling, at)
        if not unavailable and not surge:
            errors.invalid(at.child("maxUnavailable"), rolling["maxUnavailable"], "may not be 0 when `maxSurge` is 0")
        _at_most_all(errors, rolling, at, ("maxUnavailable",))
    else:
        errors.not_supported(path, _internal(strategy), ("Recreate", "RollingUpdate"))


def validate_update_strategy(errors: Errors, strategy: Object, path: FieldPath) -> None:
    """Check a DaemonSet's update strategy."""
    kind = strategy.get("type") or ""
    if kind == "RollingUpdate":
        rolling, at = strategy["rollingUpdate"], path.child("rollingUpdate")
        unavailable, surge = _amounts(errors, rolling, at)
        _at_most_all(errors, rolling, at, ("maxUnavailable", "maxSurge"))
        if unavailable and surge:
            text = "may not be set when maxUnavailable is non-zero"
            errors.invalid(at.child("maxSurge"), rolling["maxSurge"], text)
        elif not unavailable and not surge:
            errors.required(at.child("maxUnavailable"), "cannot be 0 when maxSurge is 0")
    elif kind != "OnDelete":
        errors.not_supported(path, _internal(strategy), ("RollingUpdate", "OnDelete"))


def _amounts(errors: Errors, rolling: Object, path: FieldPath) -> tuple[int, int]:
    names = ("maxUnavailable", "maxSurge")
    unavailable, surge = (_amount(errors, rolling[name], path.child(name)) for name in names)
    return unavailable, surge


def _amount(errors: Errors, value: Any, path: FieldPath) -> int:
    """Check a count or percentage, and return its number as Go reads it: 0 of a text that has none."""
    if isinstance(value, str):
        digits = value.removesuffix("%")
        if not re.fullmatch("[0-9]+%", value):
            errors.invalid(path, value, _PERCENT)
        return int(digits[:_LONGEST_NUMBER]) if re.fullmatch("[0-9]+", digits) else 0
    if value < 0:
        errors.invalid(path, value, NOT_NEGATIVE)
    return int(value)


def _at_most_all(errors: Errors, rolling: Object, path: FieldPath, names: tuple[str, ...]) -> None:
    for name in names:
        value = rolling[name]
        if isinstance(value, str) and re.fullmatch("[0-9]+%", value) and int(value[:_LONGEST_NUMBER].rstrip("%")) > 100:
            errors.invalid(path.child(name), value, "must not be greater than 100%")


def _internal(strategy: Object) -> Object:
    """A strategy as the server's own struct is printed."""
    rolling = strategy.get("rollingUpdate")
    shown = None
    if rolling is not None:
        # What is not set is the zero of Go's IntOrString here.
        shown = {"MaxUnavailable": rolling.get("maxUnavailable", 0), "MaxSurge": rolling.get("maxSurge", 0)}
    return {"Type": strategy.get("type") or "", "RollingUpdate": shown}
