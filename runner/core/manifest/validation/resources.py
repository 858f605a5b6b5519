"""Resource requirements: names, amounts, requests against limits, huge pages, pod-level resources.

Mirrors ValidateContainerResourceRequirements of pkg/apis/core/validation/validation.go. The server walks maps in random
order; here names come sorted.
"""

from __future__ import annotations

from typing import Any

from runner.core.manifest.defaults import aggregate_requests
from runner.core.manifest.paths import FieldPath
from runner.core.manifest.validation.errors import Errors
from runner.core.manifest.validation.names import qualified_name
from runner.core.quantity import NANO, QuantityError, parse_quantity

Object = dict[str, Any]

_HUGE = "hugepages-"
_CONTAINER = frozenset({"cpu", "memory", "ephemeral-storage"})
_STANDARD = _CONTAINER | frozenset(
    [
        "requests.cpu",
        "requests.memory",
        "requests.ephemeral-storage",
        "limits.cpu",
        "limits.memory",
        "limits.ephemeral-storage",
        "pods",
        "resourcequotas",
        "services",
        "replicationcontrollers",
        "secrets",
        "persistentvolumeclaims",
        "configmaps",
        "services.nodeports",
        "services.loadbalancers",
        "storage",
        "requests.storage",
    ]
)
_WHOLE = frozenset(
    [
        "pods",
        "resourcequotas",
        "services",
        "replicationcontrollers",
        "secrets",
        "configmaps",
        "persistentvolumeclaims",
        "services.nodeports",
        "services.loadbalancers",
    ]
)


def validate_requirements(errors: Errors, resources: Object, path: FieldPath) -> None:
    """Check a container's resources."""
    limits, requests = resources.get("limits") or {}, resources.get("requests") or {}
    for name, text in sorted(limits.items()):
        _entry(errors, name, text, path.child("limits").key(name))
    for name, text in sorted(requests.items()):
        _entry(errors, name, text, path.child("requests").key(name))
        _against_limit(errors, name, text, limits, path)
    names = limits.keys() | requests.keys()
    if any(name.startswith(_HUGE) for name in names) and not names & {"cpu", "memory"}:
        errors.forbidden(path, "HugePages require cpu or memory")


def _entry(errors: Errors, name: str, text: str, path: FieldPath) -> None:
    for message in qualified_name(name):
        errors.invalid(path, name, message)
    if "/" not in name:
        if name not in _STANDARD and not name.startswith((_HUGE, "requests." + _HUGE)):
            errors.invalid(path, name, "must be a standard resource type or fully qualified")
        if name not in _CONTAINER and not name.startswith(_HUGE):
            errors.invalid(path, name, "must be a standard resource for containers")
    elif not _is_native(name) and not _is_extended(name):
        errors.invalid(path, name, "doesn't follow extended resource name standard")
    quantity = parse_quantity(text)
    if quantity.is_negative:
        errors.invalid(path, text, "must be greater than or equal to 0")
    if (name in _WHOLE or _is_extended(name)) and quantity.nanos % NANO:
        errors.invalid(path, text, "must be an integer")
    if name.startswith(_HUGE):
        _huge_pages(errors, name, text, path)


def _huge_pages(errors: Errors, name: str, text: str, path: FieldPath) -> None:
    try:
        page = parse_quantity(name.removeprefix(_HUGE))
    except QuantityError:
        return
    if page.nanos > 0 and parse_quantity(text).nanos % page.nanos:
        errors.invalid(path, text, f"{text} is not positive integer multiple of {name}")


def _against_limit(errors: Errors, name: str, text: str, limits: dict[str, str], path: FieldPath) -> None:
    at = path.child("requests")
    here = at.located_at(at.key(name))
    overcommit = _is_native(name) and not name.startswith(_HUGE)
    if name not in limits:
        if not overcommit:
            errors.required(path.child("limits"), "Limit must be set for non overcommitable resources")
        return
    request, limit = parse_quantity(text), parse_quantity(limits[name])
    if request != limit and not overcommit:
        errors.invalid(here, text, f"must be equal to {name} limit of {limits[name]}")
    elif request > limit:
        errors.invalid(here, text, f"must be less than or equal to {name} limit of {limits[name]}")


def _is_native(name: str) -> bool:
    return "/" not in name or "kubernetes.io/" in name


def _is_extended(name: str) -> bool:
    return not _is_native(name) and not name.startswith("requests.") and not qualified_name("requests." + name)


def validate_pod_resources(errors: Errors, spec: Object, path: FieldPath) -> None:
    """Check pod-level resources against themselves and against the containers."""
    resources = spec["resources"]
    limits, requests = resources.get("limits") or {}, resources.get("requests") or {}
    for side, amounts in (("limits", limits), ("requests", requests)):
        for name, text in sorted(amounts.items()):
            at = path.child(side).key(name)
            if name not in ("cpu", "memory") and not name.startswith(_HUGE):
                errors.not_supported(at, name, ("cpu", "memory", _HUGE))
            if parse_quantity(text).is_negative:
                errors.invalid(at, text, "must be greater than or equal to 0")
            if side == "requests":
                _against_limit(errors, name, text, limits, path)
    for name, text in sorted(requests.items()):
        total = aggregate_requests(spec, name)
        if total > parse_quantity(text):
            detail = f"must be greater than or equal to aggregate container requests of {total}"
            errors.invalid(path.child("requests").key(name), text, detail)
    for field in ("containers", "initContainers"):
        for index, container in enumerate(spec.get(field) or ()):
            own = (container.get("resources") or {}).get("limits") or {}
            for name, text in sorted(own.items()):
                if name in limits and parse_quantity(text) > parse_quantity(limits[name]):
                    keys = (*path.keys[:-1], field, index, "resources", "limits", name)
                    at = FieldPath(f"{path}.{field}[{index}][{name}].limits", keys)
                    errors.invalid(at, text, f"must be less than or equal to pod limits of {limits[name]}")
