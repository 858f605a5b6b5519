"""PersistentVolumeClaims, on their own and as templates.

Mirrors ValidatePersistentVolumeClaimSpec of pkg/apis/core/validation/validation.go.
"""

from __future__ import annotations

from typing import Any

from runner.core.manifest.paths import FieldPath
from runner.core.manifest.validation.errors import Errors
from runner.core.manifest.validation.metadata import validate_selector
from runner.core.manifest.validation.names import dns_subdomain
from runner.core.quantity import ZERO, parse_quantity

ACCESS_MODES = ("ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod")
VOLUME_MODES = ("Block", "Filesystem")


def validate_claim_spec(errors: Errors, spec: dict[str, Any], path: FieldPath) -> None:
    """Check a claim's spec."""
    modes = spec.get("accessModes") or []
    if not modes:
        errors.required(path.child("accessModes"), "at least 1 access mode is required")
    validate_selector(errors, spec.get("selector"), path.child("selector"))
    for index, mode in enumerate(modes):
        if mode not in ACCESS_MODES:
            at = path.child("accessModes")
            errors.not_supported(at.located_at(at.index(index)), mode, ACCESS_MODES)
    if "ReadWriteOncePod" in modes and len(set(modes)) > 1:
        errors.forbidden(path.child("accessModes"), "may not use ReadWriteOncePod with other access modes")
    requests = (spec.get("resources") or {}).get("requests") or {}
    storage = path.child("resources").key("storage").located_at(path.child("resources", "requests", "storage"))
    if "storage" not in requests:
        errors.required(storage)
    elif parse_quantity(requests["storage"]) <= ZERO:
        errors.invalid(storage, requests["storage"], "must be greater than zero")
    if spec.get("storageClassName"):
        for message in dns_subdomain(spec["storageClassName"]):
            errors.invalid(path.child("storageClassName"), spec["storageClassName"], message)
    if spec.get("volumeMode") not in VOLUME_MODES:
        errors.not_supported(path.child("volumeMode"), spec.get("volumeMode") or "", VOLUME_MODES)
