"""Resource requirements: names, amounts, requests against limits, huge pages, pod-level resources.

Mirrors ValidateContainerResourceRequirements of pkg/apis/core/validation/validation.go. The server walks maps in random
order; here names come sorted.
"""

from __future__ import annotations

from typing import Any

from runner.core.manifest.defaults import aggregate_amounts, names_of
from runner.core.manifest.paths import FieldPath
from runner.core.manifest.validation.errors import Errors, Named
from runner.core.manifest.validation.names import dns_label, qualified_name
from runner.core.text.quantity import QuantityError, parse_quantity

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


def validate_requirements(
    errors: Errors, resources: Object, path: FieldPath, claims: frozenset[str] = frozenset(), *, of_pod: bool = False
) -> None:
    """Check a container's resources, or (`of_pod`) a pod's own; `claims` are the names that the pod knows."""
    limits, requests = resources.get("limits") or {}, resources.get("requests") or {}
    check_name = _pod_name if of_pod else _container_name
    for side, amounts in (("limits", limits), ("requests", requests)):
        for name, text in sorted(amounts.items()):
            at = path.child(side).key(name)
            check_name(errors, name, at)
            _amount(errors, name, text, at)
            if side == "requests":
                _against_limit(errors, name, text, limits, path)
            if name.startswith(_HUGE):
                _huge_pages(errors, name, text, at)
    names = limits.keys() | requests.keys()
    if any(name.startswith(_HUGE) for name in names) and not names & {"cpu", "memory"}:
        errors.forbidden(path, "HugePages require cpu or memory")
    _claims(errors, resources.get("claims") or [], claims, path.child("claims"))


def _known_name(errors: Errors, name: str, path: FieldPath) -> bool:
    messages = qualified_name(name)
    for message in messages:
        errors.invalid(path, Named(name), message)
    if messages or "/" in name or name in _STANDARD or name.startswith((_HUGE, "requests." + _HUGE)):
        return not messages
    errors.invalid(path, Named(name), "must be a standard resource type or fully qualified")
    return False


def _container_name(errors: Errors, name: str, path: FieldPath) -> None:
    _known_name(errors, name, path)
    if "/" not in name:
        if name not in _CONTAINER and not name.startswith(_HUGE):
            errors.invalid(path, Named(name), "must be a standard resource for containers")
    elif not _is_native(name) and not _is_extended(name):
        errors.invalid(path, Named(name), "doesn't follow extended resource name standard")


def _pod_name(errors: Errors, name: str, path: FieldPath) -> None:
    if _known_name(errors, name, path) and name not in ("cpu", "memory") and not name.startswith(_HUGE):
        errors.not_supported(path, name, ("cpu", _HUGE, "memory"))


def _amount(errors: Errors, name: str, text: str, path: FieldPath) -> None:
    quantity = parse_quantity(text)
    if quantity.is_negative:
        errors.invalid(path, text, "must be greater than or equal to 0")
    if (name in _WHOLE or _is_extended(name)) and quantity.milli() % 1000:
        errors.invalid(path, text, "must be an integer")


def _huge_pages(errors: Errors, name: str, text: str, path: FieldPath) -> None:
    if not _divides(name, text):
        errors.invalid(path, text, f"{text} is not positive integer multiple of {name}")


def _divides(name: str, text: str) -> bool:
    try:
        page = parse_quantity(name.removeprefix(_HUGE))
    except QuantityError:
        return False
    if page.nanos <= 0 or page.milli() % 1000:
        return False
    return not parse_quantity(text).ceil() % page.ceil()


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


def _claims(errors: Errors, claims: list[Object], known: frozenset[str], path: FieldPath) -> None:
    seen: dict[str, None] = {}
    for index, claim in enumerate(claims):
        name, request, at = claim.get("name") or "", claim.get("request") or "", path.index(index)
        if not name:
            errors.required(at)
            continue
        if name in seen:
            errors.duplicate(at, name)
        else:
            for message in dns_label(request) if request else ():
                errors.invalid(at.child("request"), request, message)
            key = f"{name}/{request}" if request else name
            if key in seen:
                errors.duplicate(at, key)
            elif not request:
                for _ in (other for other in seen if other.partition("/")[0] == name):
                    errors.duplicate(at, name)
            seen[key] = None
        if name not in known:
            names = ": " + ", ".join(sorted(known)) if known else " which is empty"
            errors.not_found(at, name, f"must be one of the names in pod.spec.resourceClaims{names}")


def _is_native(name: str) -> bool:
    return "/" not in name or "kubernetes.io/" in name


def _is_extended(name: str) -> bool:
    return not _is_native(name) and not name.startswith("requests.") and not qualified_name("requests." + name)


def validate_pod_resources(errors: Errors, spec: Object, path: FieldPath, claims: frozenset[str]) -> None:
    """Check pod-level resources against themselves and against the containers."""
    if (spec.get("os") or {}).get("name") == "windows":
        errors.forbidden(path, "may not be set for a windows pod")
        return
    resources = spec["resources"]
    limits, requests = resources.get("limits") or {}, resources.get("requests") or {}
    if resources.get("claims") is not None:
        errors.forbidden(path.child("claims"), "claims may not be set for Resources at pod-level")
    validate_requirements(errors, resources, path, claims, of_pod=True)
    _against_containers(errors, spec, "requests", requests, path)
    _against_containers(errors, spec, "limits", {n: t for n, t in limits.items() if n.startswith(_HUGE)}, path)
    for index, container in enumerate(spec.get("containers") or ()):
        own = (container.get("resources") or {}).get("limits") or {}
        for name, text in sorted(own.items()):
            if name in limits and parse_quantity(text) > parse_quantity(limits[name]):
                keys = (*path.keys[:-1], "containers", index, "resources", "limits", name)
                at = FieldPath(f"{path}.containers[{index}][{name}].limits", keys)
                errors.invalid(at, text, f"must be less than or equal to pod limits of {limits[name]}")


def _against_containers(errors: Errors, spec: Object, side: str, amounts: dict[str, str], path: FieldPath) -> None:
    for name in names_of(spec, side):
        total = aggregate_amounts(spec, side, name)
        if name in amounts and total > parse_quantity(amounts[name]):
            detail = f"must be greater than or equal to aggregate container {side} of {total}"
            errors.invalid(path.child(side).key(name), amounts[name], detail)
