"""PersistentVolumeClaims and the templates for them (ephemeral volumes, StatefulSets).

Mirrors ValidatePersistentVolumeClaimSpec of pkg/apis/core/validation/validation.go.
"""

from __future__ import annotations

from typing import Any

from runner.core.manifest.paths import FieldPath
from runner.core.manifest.validation.errors import Errors
from runner.core.manifest.validation.metadata import validate_selector
from runner.core.manifest.validation.names import dns_label, dns_subdomain
from runner.core.text.quantity import ZERO, parse_quantity

Object = dict[str, Any]

ACCESS_MODES = ("ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod")
VOLUME_MODES = ("Block", "Filesystem")
_CLAIM = "PersistentVolumeClaim"


def validate_claim_spec(errors: Errors, spec: Object, path: FieldPath) -> None:
    """Check a claim's spec."""
    if not spec.get("accessModes"):
        errors.required(path.child("accessModes"), "at least 1 access mode is required")
    validate_selector(errors, spec.get("selector"), path.child("selector"))
    validate_access_modes(errors, spec, path.child("accessModes"))
    requests = (spec.get("resources") or {}).get("requests") or {}
    storage = path.child("resources").key("storage").located_at(path.child("resources", "requests", "storage"))
    if "storage" not in requests:
        errors.required(storage)
    elif parse_quantity(requests["storage"]) <= ZERO:
        errors.invalid(storage, requests["storage"], "must be greater than zero")
    validate_class(errors, spec.get("storageClassName"), path.child("storageClassName"))
    if spec.get("volumeMode") not in VOLUME_MODES:
        errors.not_supported(path.child("volumeMode"), spec.get("volumeMode") or "", VOLUME_MODES)
    _sources(errors, spec, path)
    validate_class(errors, spec.get("volumeAttributesClassName"), path.child("volumeAttributesClassName"))


def validate_access_modes(errors: Errors, spec: Object, path: FieldPath) -> None:
    """Check the access modes of a claim or a volume; the errors' paths leave their places out."""
    modes = spec.get("accessModes") or []
    for index, mode in enumerate(modes):
        if mode not in ACCESS_MODES:
            errors.not_supported(path.located_at(path.index(index)), mode, ACCESS_MODES)
    if "ReadWriteOncePod" in modes and {*modes} & {*ACCESS_MODES} != {"ReadWriteOncePod"}:
        errors.forbidden(path, "may not use ReadWriteOncePod with other access modes")


def validate_class(errors: Errors, name: str | None, path: FieldPath) -> None:
    """Check the name of a class; one that is not set is well."""
    for message in dns_subdomain(name) if name else ():
        errors.invalid(path, name, message)


def _sources(errors: Errors, spec: Object, path: FieldPath) -> None:
    """Check what the claim's volume is filled from, by its old name and by its new one."""
    source, reference = spec.get("dataSource"), spec.get("dataSourceRef")
    for name, value in (("dataSource", source), ("dataSourceRef", reference)):
        if value is not None:
            _source(errors, value, path.child(name))
    if source is None or reference is None:
        return
    at = path.located_at(path.child("dataSource"))
    # Where the server means to show a path, it shows nothing of it.
    if reference.get("namespace"):
        errors.invalid(at, {}, "may not be specified when dataSourceRef.namespace is specified")
    elif any(source.get(name) != reference.get(name) for name in ("apiGroup", "kind", "name")):
        errors.invalid(at, {}, "must match dataSourceRef")


def _source(errors: Errors, source: Object, path: FieldPath) -> None:
    for name in ("name", "kind"):
        if not source.get(name):
            errors.required(path.child(name))
    group, kind = source.get("apiGroup") or "", source.get("kind") or ""
    if not group and kind != _CLAIM:
        errors.invalid(path, kind, f"must be '{_CLAIM}' when referencing the default apiGroup")
    for message in dns_subdomain(group) if group else ():
        errors.invalid(path.child("apiGroup"), group, message)
    for message in dns_label(source["namespace"]) if source.get("namespace") else ():
        errors.invalid(path.child("namespace"), source["namespace"], message)
