"""The fields of each kind that an update may not change, and what it may after all.

Mirrors the Validate…Update functions of pkg/apis/core/validation, pkg/apis/apps/validation and pkg/apis/batch/validation.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from runner.core.apimachinery.differences import difference
from runner.core.manifest.paths import FieldPath
from runner.core.manifest.validation.errors import Errors
from runner.core.model import Json
from runner.core.text.quantity import parse_quantity

_SPEC = FieldPath().child("spec")
_IMMUTABLE = "field is immutable"
_WHEN_SET = "field is immutable when `immutable` is set"
_POD_FIELDS = ",".join(
    (
        "`spec.containers[*].image`",
        "`spec.initContainers[*].image`",
        "`spec.activeDeadlineSeconds`",
        "`spec.tolerations` (only additions to existing tolerations)",
        "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)",
    )
)
_SET_FIELDS = ("replicas", "ordinals", "template", "updateStrategy", "revisionHistoryLimit")
_SET_FIELDS_LEFT = ("persistentVolumeClaimRetentionPolicy", "minReadySeconds")


def changed_fields(errors: Errors, new: Json, old: Json) -> bool:
    """Report what an update must not change. Returns whether the server says it before all else that is wrong."""
    check = _CHECKS.get(str(old.get("kind")))
    if check is None:
        return False
    check(errors, new, old)
    return old.get("kind") in ("ConfigMap", "Secret", "Service", "DaemonSet")


def changed_once_begun(new: dict[str, Any], old: Json) -> None:
    """Keep what the server itself has given an object, where the update leaves it out."""
    if old.get("kind") == "Service":
        _keep_addresses(new["spec"], old.get("spec") or {})


def _keep_addresses(new: dict[str, Any], old: Json) -> None:
    if "ExternalName" in (new.get("type"), old.get("type")):
        return
    if not new.get("clusterIP") and not new.get("clusterIPs"):
        for key in ("clusterIP", "clusterIPs"):
            if old.get(key):
                new[key] = old[key]
    known = {_port_key(port): port["nodePort"] for port in old.get("ports") or () if port.get("nodePort")}
    if new.get("type") in ("NodePort", "LoadBalancer"):
        for port in new.get("ports") or ():
            if not port.get("nodePort") and _port_key(port) in known:
                port["nodePort"] = known[_port_key(port)]


def _port_key(port: Json) -> tuple[str, int]:
    return str(port.get("protocol") or "TCP"), int(port.get("port") or 0)


def _fixed(errors: Errors, path: FieldPath, new: Json, old: Json, key: str) -> None:
    if new.get(key) != old.get(key):
        errors.invalid(path.child(key), new.get(key), _IMMUTABLE)


def _frozen(*keys: str) -> Callable[[Errors, Json, Json], None]:
    """ConfigMaps and Secrets that say of themselves that they do not change."""

    def check(errors: Errors, new: Json, old: Json) -> None:
        if old.get("kind") == "Secret":
            _fixed(errors, FieldPath(), new, old, "type")
        if not old.get("immutable"):
            return
        if not new.get("immutable"):
            errors.forbidden(FieldPath().child("immutable"), _WHEN_SET)
        for key in keys:
            if (new.get(key) or {}) != (old.get(key) or {}):
                errors.forbidden(FieldPath().child(key), _WHEN_SET)

    return check


def _selector(errors: Errors, new: Json, old: Json) -> None:
    _fixed(errors, _SPEC, new.get("spec") or {}, old.get("spec") or {}, "selector")


def _stateful_set(errors: Errors, new: Json, old: Json) -> None:
    may = (*_SET_FIELDS, *_SET_FIELDS_LEFT)
    before, after = (
        {key: part for key, part in (value.get("spec") or {}).items() if key not in may} for value in (old, new)
    )
    if before != after:
        names = ", ".join(f"'{key}'" for key in may[:-1])
        text = f"updates to statefulset spec for fields other than {names} and '{may[-1]}' are forbidden"
        errors.forbidden(_SPEC, text)


def _job(errors: Errors, new: Json, old: Json) -> None:
    after, before = new.get("spec") or {}, old.get("spec") or {}
    if after.get("completionMode") != "Indexed":
        _fixed(errors, _SPEC, after, before, "completions")
    elif after.get("completions") not in (before.get("completions"), None, after.get("parallelism")):
        text = f"can only be modified in tandem with {_SPEC.child('parallelism')}"
        errors.invalid(_SPEC.child("completions"), after["completions"], text)
    _fixed(errors, _SPEC, after, before, "selector")
    if not before.get("suspend"):
        _fixed(errors, _SPEC, after, before, "template")
    for key in ("completionMode", "podFailurePolicy", "backoffLimitPerIndex", "managedBy", "successPolicy"):
        _fixed(errors, _SPEC, after, before, key)


def _service(errors: Errors, new: Json, old: Json) -> None:
    after, before = new.get("spec") or {}, old.get("spec") or {}
    if "ExternalName" in (after.get("type"), before.get("type")):
        return
    given, had = after.get("clusterIPs") or [], before.get("clusterIPs") or []
    path = _SPEC.child("clusterIPs").index(0)
    if had and not given:
        errors.invalid(path, None, "primary clusterIP can not be unset")
    elif had and given[0] != had[0]:
        errors.invalid(path, given, "may not change once set")


def _claim(errors: Errors, new: Json, old: Json) -> None:
    after, before = dict(new.get("spec") or {}), dict(old.get("spec") or {})
    sizes = [((spec.get("resources") or {}).get("requests") or {}).get("storage") for spec in (after, before)]
    if not before.get("volumeName"):
        before["volumeName"] = after.get("volumeName")
    if ((old.get("status") or {}).get("phase")) == "Bound":
        for key in ("resources", "volumeAttributesClassName"):
            before[key] = after.get(key)
    if _present(after) != _present(before):
        text = "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims\n"
        errors.forbidden(_SPEC, text + difference("PersistentVolumeClaimSpec", before, after))
    capacity = ((old.get("status") or {}).get("capacity") or {}).get("storage") or "0"
    if (
        sizes[0]
        and sizes[1]
        and parse_quantity(sizes[0]) < parse_quantity(sizes[1])
        and parse_quantity(sizes[0]) <= parse_quantity(capacity)
    ):
        path = _SPEC.child("resources", "requests", "storage")
        errors.forbidden(path, "field can not be less than status.capacity")
    _fixed(errors, FieldPath(), after, before, "volumeMode")


def _present(value: Mapping[str, Any]) -> dict[str, Any]:
    return {key: part for key, part in value.items() if part is not None}


def _pod(errors: Errors, new: Json, old: Json) -> None:
    after, before = dict(new["spec"]), dict(old["spec"])
    for key in ("containers", "initContainers"):
        mine, theirs = after.get(key) or [], before.get(key) or []
        if len(mine) != len(theirs):
            errors.forbidden(_SPEC.child(key), "pod updates may not add or remove containers")
            return
        after[key] = [{**one, "image": other.get("image")} for one, other in zip(mine, theirs, strict=True)]
        before[key] = theirs
        for index, one in enumerate(mine):
            image = str(one.get("image") or "")
            if not image:
                errors.required(_SPEC.child(key).index(index).child("image"))
            if image.strip() != image:
                place = _SPEC.child(key).index(index).child("image")
                errors.invalid(place, image, "must not have leading or trailing whitespace")
    if not _deadline(errors, after, before):
        return
    _tolerations(errors, after, before)
    for key in ("activeDeadlineSeconds", "tolerations", "ephemeralContainers"):
        after[key] = before.get(key)
    if (before.get("terminationGracePeriodSeconds") or 0) < 0 and after.get("terminationGracePeriodSeconds") == 1:
        after["terminationGracePeriodSeconds"] = before["terminationGracePeriodSeconds"]
    if _present(after) != _present(before):
        text = f"pod updates may not change fields other than {_POD_FIELDS}\n"
        errors.forbidden(_SPEC, text + difference("PodSpec", before, after))


def _deadline(errors: Errors, after: Json, before: Json) -> bool:
    new, old = after.get("activeDeadlineSeconds"), before.get("activeDeadlineSeconds")
    path = _SPEC.child("activeDeadlineSeconds")
    if new is None:
        if old is not None:
            errors.invalid(path, None, "must not update from a positive integer to nil value")
        return True
    if not 0 <= new < 2**31:
        errors.invalid(path, new, "must be between 0 and 2147483647, inclusive")
        return False
    if old is not None and old < new:
        errors.invalid(path, new, "must be less than or equal to previous value")
        return False
    return True


def _tolerations(errors: Errors, after: Json, before: Json) -> None:
    given = [_without_seconds(one) for one in after.get("tolerations") or ()]
    if any(_without_seconds(one) not in given for one in before.get("tolerations") or ()):
        text = "existing toleration can not be modified except its tolerationSeconds"
        errors.forbidden(_SPEC.child("tolerations"), text)


def _without_seconds(toleration: Json) -> dict[str, Any]:
    return {key: part for key, part in toleration.items() if key != "tolerationSeconds"}


_CHECKS: Mapping[str, Callable[[Errors, Json, Json], None]] = {
    "ConfigMap": _frozen("data", "binaryData"),
    "Secret": _frozen("data"),
    "Service": _service,
    "Pod": _pod,
    "PersistentVolumeClaim": _claim,
    "Deployment": _selector,
    "ReplicaSet": _selector,
    "DaemonSet": _selector,
    "StatefulSet": _stateful_set,
    "Job": _job,
}
