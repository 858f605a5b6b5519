"""The kinds beside pods: ConfigMap, Secret, PersistentVolumeClaim, ServiceAccount, Namespace; others have own modules.

Mirrors the Validate… functions of those kinds in pkg/apis/core/validation/validation.go.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

from runner.core.manifest.paths import FieldPath
from runner.core.manifest.validation.claims import validate_claim_spec
from runner.core.manifest.validation.errors import Errors
from runner.core.manifest.validation.metadata import OWN_FINALIZERS, validate_metadata
from runner.core.manifest.validation.names import config_key, dns_label, dns_subdomain, qualified_name
from runner.core.manifest.validation.persistentvolumes import validate_volume
from runner.core.manifest.validation.services import validate_service
from runner.core.manifest.validation.tlspair import pair_fault
from runner.core.text.gojson import object_fault

Object = dict[str, Any]

MAX_BYTES = 1024 * 1024
_ROOT = FieldPath()
_METADATA = _ROOT.child("metadata")
_SPEC = _ROOT.child("spec")
_MOUNTABLE = "kubernetes.io/enforce-mountable-secrets"
_ACCOUNT_ANNOTATION = "kubernetes.io/service-account.name"
_NEEDED_KEYS = {
    "kubernetes.io/dockercfg": (".dockercfg",),
    "kubernetes.io/dockerconfigjson": (".dockerconfigjson",),
    "kubernetes.io/tls": ("tls.crt", "tls.key"),
}


def validate_config_map(errors: Errors, config_map: Object) -> None:
    """Check a ConfigMap: its keys and its size."""
    validate_metadata(errors, config_map["metadata"], _METADATA, dns_subdomain)
    data, binary = config_map.get("data") or {}, config_map.get("binaryData") or {}
    size = sum(len(text.encode()) for text in data.values()) + sum(_decoded_size(text) for text in binary.values())
    for name, entries in (("data", data), ("binaryData", binary)):
        for key in entries:
            at = _ROOT.child(name).key(key)
            for message in config_key(key):
                errors.invalid(at, key, message)
            if name == "data" and key in binary:
                errors.invalid(at, key, "duplicate of key present in binaryData")
    if size > MAX_BYTES:
        errors.too_long(_ROOT, MAX_BYTES)


def validate_secret(errors: Errors, secret: Object) -> None:
    """Check a Secret: keys, size, and what its type needs. Values never appear in a message."""
    validate_metadata(errors, secret["metadata"], _METADATA, dns_subdomain)
    data = secret.get("data") or {}
    path = _ROOT.child("data")
    for key in data:
        for message in config_key(key):
            errors.invalid(path.key(key), key, message)
    if sum(_decoded_size(text) for text in data.values()) > MAX_BYTES:
        errors.too_long(path, MAX_BYTES)
    kind = secret.get("type") or ""
    if kind == "kubernetes.io/service-account-token":
        if not (secret["metadata"].get("annotations") or {}).get(_ACCOUNT_ANNOTATION):
            errors.required(_METADATA.child("annotations").key(_ACCOUNT_ANNOTATION))
    elif kind == "kubernetes.io/basic-auth" and "username" not in data and "password" not in data:
        errors.required(path.key("username"))
        errors.required(path.key("password"))
    elif kind == "kubernetes.io/ssh-auth" and not data.get("ssh-privatekey"):
        errors.required(path.key("ssh-privatekey"))
    for key in _NEEDED_KEYS.get(kind, ()):
        if key not in data:
            errors.required(path.key(key))
        elif key.startswith(".docker") and (fault := object_fault(base64.b64decode(data[key] or ""))):
            errors.invalid(path.key(key), "<secret contents redacted>", fault)
    if kind == "kubernetes.io/tls":
        pair = (base64.b64decode(data.get(key) or "") for key in _NEEDED_KEYS[kind])
        if fault := pair_fault(*pair):
            errors.warn(None, fault)


def _decoded_size(text: str | None) -> int:
    return len(base64.b64decode(text or ""))


def validate_claim(errors: Errors, claim: Object) -> None:
    """Check a PersistentVolumeClaim."""
    validate_metadata(errors, claim["metadata"], _METADATA, dns_subdomain)
    validate_claim_spec(errors, claim["spec"], _SPEC)


def validate_service_account(errors: Errors, account: Object) -> None:
    """Check a ServiceAccount."""
    validate_metadata(errors, account["metadata"], _METADATA, dns_subdomain)
    if _MOUNTABLE in (account["metadata"].get("annotations") or {}):
        text = "deprecated in v1.32+; prefer separate namespaces to isolate access to mounted secrets"
        errors.warn(_METADATA.child("annotations").key(_MOUNTABLE), text)


def validate_namespace(errors: Errors, namespace: Object) -> None:
    """Check a Namespace."""
    validate_metadata(errors, namespace["metadata"], _METADATA, dns_label, namespaced=False)
    path = _SPEC.child("finalizers")
    for index, name in enumerate((namespace.get("spec") or {}).get("finalizers") or ()):
        messages = qualified_name(name)
        if "/" not in name and name not in OWN_FINALIZERS:
            messages.append("name is neither a standard finalizer name nor is it fully qualified")
        for message in messages:
            errors.invalid(path.located_at(path.index(index)), name, message)


CHECKS: dict[str, Callable[[Errors, Object], None]] = {
    "ConfigMap": validate_config_map,
    "Secret": validate_secret,
    "PersistentVolumeClaim": validate_claim,
    "PersistentVolume": validate_volume,
    "Service": validate_service,
    "ServiceAccount": validate_service_account,
    "Namespace": validate_namespace,
}
