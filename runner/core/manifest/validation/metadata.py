"""Object metadata: names, namespace, labels, annotations, owners, finalizers; and label selectors.

Mirrors k8s.io/apimachinery/pkg/api/validation/objectmeta.go and apis/meta/v1/validation.
"""

from __future__ import annotations

from typing import Any

from runner.core.manifest.paths import FieldPath
from runner.core.manifest.validation.errors import Errors, Named
from runner.core.manifest.validation.names import Rule, dns_label, generated, label_value, qualified_name

MAX_ANNOTATIONS = 256 * 1024
# The server appends five random characters to generateName; problems show these in their place.
GENERATED_SUFFIX = "xxxxx"
OWN_FINALIZERS = ("kubernetes", "orphan", "foregroundDeletion")
_OWNER_FIELDS = ("apiVersion", "kind", "name", "uid", "controller", "blockOwnerDeletion")


def validate_metadata(
    errors: Errors,
    metadata: dict[str, Any],
    path: FieldPath,
    name_rule: Rule,
    *,
    namespaced: bool = True,
    checks_prefix: bool = True,
) -> None:
    """Check an object's metadata; some kinds check only the name that comes of a generateName."""
    name, prefix = metadata.get("name") or "", metadata.get("generateName") or ""
    if prefix:
        for message in generated(name_rule)(prefix) if checks_prefix else ():
            errors.invalid(path.child("generateName"), prefix, message)
        name = shown_name(metadata)
    if not name:
        errors.required(path.child("name"), "name or generateName is required")
    else:
        for message in name_rule(name):
            errors.invalid(path.child("name"), name, message)
    namespace = metadata.get("namespace") or ""
    if not namespaced:
        if namespace:
            errors.forbidden(path.child("namespace"), "not allowed on this type")
    elif not namespace:
        errors.required(path.child("namespace"))
    else:
        for message in dns_label(namespace):
            errors.invalid(path.child("namespace"), namespace, message)
    validate_labels(errors, metadata.get("labels"), path.child("labels"))
    validate_annotations(errors, metadata.get("annotations"), path.child("annotations"))
    _owners(errors, metadata.get("ownerReferences") or [], path.child("ownerReferences"))
    _finalizers(errors, metadata.get("finalizers") or [], path.child("finalizers"))


def _finalizers(errors: Errors, finalizers: list[str], path: FieldPath) -> None:
    """Check finalizers: first as labels' keys, then that each has a domain or is one of Kubernetes' own."""
    for index, finalizer in enumerate(finalizers):
        for message in qualified_name(finalizer):
            errors.invalid(path.located_at(path.index(index)), finalizer, message)
    if {"orphan", "foregroundDeletion"} <= set(finalizers):
        errors.invalid(path, finalizers, "finalizer orphan and foregroundDeletion cannot be both set")
    for index, finalizer in enumerate(finalizers):
        if "/" not in finalizer and finalizer not in OWN_FINALIZERS:
            detail = "name is neither a standard finalizer name nor is it fully qualified"
            errors.invalid(path.index(index), finalizer, detail)


def shown_name(metadata: dict[str, Any]) -> str:
    """An object's name; one that the server makes up shows its random part as x."""
    prefix: str = metadata.get("generateName") or ""
    made = prefix[: 63 - len(GENERATED_SUFFIX)] + GENERATED_SUFFIX if prefix else ""
    return metadata.get("name") or made


def validate_labels(errors: Errors, labels: dict[str, str] | None, path: FieldPath) -> None:
    """Check label keys and values; the server's errors name the map, not the key."""
    for key, value in (labels or {}).items():
        at = path.located_at(path.key(key))
        for message in qualified_name(key):
            errors.invalid(at, key, message)
        for message in label_value(value):
            errors.invalid(at, value, message)


def validate_annotations(errors: Errors, annotations: dict[str, str] | None, path: FieldPath) -> None:
    """Check annotation keys and the total size."""
    size = 0
    for key, value in (annotations or {}).items():
        for message in qualified_name(key.lower()):
            errors.invalid(path.located_at(path.key(key)), key, message)
        size += len(key.encode()) + len(value.encode())
    if size > MAX_ANNOTATIONS:
        errors.too_long(path, MAX_ANNOTATIONS)


def _owners(errors: Errors, owners: list[dict[str, Any]], path: FieldPath) -> None:
    first = ""
    for index, owner in enumerate(owners):
        _owner(errors, owner, path, path.index(index))
        if not owner.get("controller"):
            continue
        name = f"{owner.get('kind') or ''}/{owner.get('name') or ''}"
        if first:
            text = (
                f'Only one reference can have Controller set to true. Found "true" in references for {first} and {name}'
            )
            errors.invalid(path.located_at(path.index(index)), [_go_owner(item) for item in owners], text)
        first = first or name


def _owner(errors: Errors, owner: dict[str, Any], path: FieldPath, at: FieldPath) -> None:
    version: str = owner.get("apiVersion") or ""
    if not version.rpartition("/")[2] or version.count("/") > 1:
        here = path.child("apiVersion").located_at(at.child("apiVersion"))
        errors.invalid(here, version, "version must not be empty")
    for name in ("kind", "name", "uid"):
        if not owner.get(name):
            errors.invalid(path.child(name).located_at(at.child(name)), "", "must not be empty")
    if version == "v1" and owner.get("kind") == "Event":
        errors.invalid(path.located_at(at), _go_owner(owner), "/v1, Kind=Event is disallowed from being an owner")


def _go_owner(owner: dict[str, Any]) -> dict[str, Any]:
    return {name: owner[name] for name in _OWNER_FIELDS if name in owner}


def validate_selector(errors: Errors, selector: dict[str, Any] | None, path: FieldPath) -> None:
    """Check a label selector."""
    if not selector:
        return
    validate_labels(errors, selector.get("matchLabels"), path.child("matchLabels"))
    for index, requirement in enumerate(selector.get("matchExpressions") or ()):
        at = path.child("matchExpressions").index(index)
        operator, values = requirement.get("operator"), requirement.get("values") or []
        if operator in ("In", "NotIn"):
            if not values:
                errors.required(at.child("values"), "must be specified when `operator` is 'In' or 'NotIn'")
        elif operator in ("Exists", "DoesNotExist"):
            if values:
                errors.forbidden(
                    at.child("values"), "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"
                )
        else:
            errors.invalid(at.child("operator"), Named(operator or ""), "not a valid selector operator")
        for message in qualified_name(requirement.get("key") or ""):
            errors.invalid(at.child("key"), requirement.get("key") or "", message)
        for position, value in enumerate(values):
            for message in label_value(value):
                errors.invalid(at.child("values").index(position), value, message)
