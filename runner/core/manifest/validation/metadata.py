"""Object metadata: names, namespace, labels, annotations, owners, finalizers; and label selectors.

Mirrors k8s.io/apimachinery/pkg/api/validation/objectmeta.go and apis/meta/v1/validation.
"""

from __future__ import annotations

from typing import Any

from runner.core.manifest.paths import FieldPath
from runner.core.manifest.validation.errors import Errors
from runner.core.manifest.validation.names import Rule, dns_label, generated, label_value, qualified_name

MAX_ANNOTATIONS = 256 * 1024
# The server appends five random characters to generateName; problems show these in their place.
GENERATED_SUFFIX = "xxxxx"
OWN_FINALIZERS = ("kubernetes", "orphan", "foregroundDeletion")


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
    finalizers = path.child("finalizers")
    for index, finalizer in enumerate(metadata.get("finalizers") or ()):
        for message in qualified_name(finalizer):
            errors.invalid(finalizers.located_at(finalizers.index(index)), finalizer, message)


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
    for index, owner in enumerate(owners):
        at = path.index(index)

        def check(name: str, value: str, message: str, at: FieldPath = at) -> None:
            errors.invalid(path.child(name).located_at(at.child(name)), value, message)

        version: str = owner.get("apiVersion") or ""
        if not version.rpartition("/")[2]:
            check("apiVersion", version, "version must not be empty")
        for name in ("kind", "name", "uid"):
            if not owner.get(name):
                check(name, owner.get(name) or "", "must not be empty")
    controllers = [owner for owner in owners if owner.get("controller")]
    if len(controllers) > 1:
        names = " and ".join(f"{owner.get('kind')}/{owner.get('name')}" for owner in controllers[:2])
        errors.invalid(
            path, owners, f'Only one reference can have Controller set to true. Found "true" in references for {names}'
        )


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
            errors.invalid(at.child("operator"), operator or "", "not a valid selector operator")
        for message in qualified_name(requirement.get("key") or ""):
            errors.invalid(at.child("key"), requirement.get("key") or "", message)
        for position, value in enumerate(values):
            for message in label_value(value):
                errors.invalid(at.child("values").index(position), value, message)
