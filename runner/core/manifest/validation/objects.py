"""The kinds beside pods: ConfigMap, Secret, PersistentVolumeClaim, Service, ServiceAccount, Namespace.

Mirrors the Validate… functions of those kinds in pkg/apis/core/validation/validation.go.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

from runner.core.manifest.paths import FieldPath
from runner.core.manifest.validation.claims import validate_claim_spec
from runner.core.manifest.validation.errors import Errors
from runner.core.manifest.validation.metadata import validate_labels, validate_metadata
from runner.core.manifest.validation.names import (
    config_key,
    dns_label,
    dns_subdomain,
    ip_address,
    port_number,
    port_number_or_name,
)

Object = dict[str, Any]

MAX_BYTES = 1024 * 1024
_ROOT = FieldPath()
_METADATA = _ROOT.child("metadata")
_SPEC = _ROOT.child("spec")
_SERVICE_TYPES = ("ClusterIP", "ExternalName", "LoadBalancer", "NodePort")
_PROTOCOLS = ("SCTP", "TCP", "UDP")
_ACCOUNT_ANNOTATION = "kubernetes.io/service-account.name"
_NEEDED_KEYS = {
    "kubernetes.io/dockercfg": (".dockercfg",),
    "kubernetes.io/dockerconfigjson": (".dockerconfigjson",),
    "kubernetes.io/ssh-auth": ("ssh-privatekey",),
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
    for key in _NEEDED_KEYS.get(kind, ()):
        if key not in data:
            errors.required(path.key(key))
        elif key.startswith(".docker"):
            _json_content(errors, data[key], path.key(key))
    if kind == "kubernetes.io/tls" and {"tls.crt", "tls.key"} <= data.keys():
        certificate = base64.b64decode(data["tls.crt"] or "")
        if b"-----BEGIN " not in certificate:
            errors.warn(None, "tls: failed to find any PEM data in certificate input")


def _decoded_size(text: str | None) -> int:
    return len(base64.b64decode(text or ""))


def _json_content(errors: Errors, text: str | None, path: FieldPath) -> None:
    try:
        json.loads(base64.b64decode(text or ""))
    except (ValueError, RecursionError):
        errors.invalid(path, "<secret contents redacted>", "must be valid JSON")


def validate_claim(errors: Errors, claim: Object) -> None:
    """Check a PersistentVolumeClaim."""
    validate_metadata(errors, claim["metadata"], _METADATA, dns_subdomain)
    validate_claim_spec(errors, claim["spec"], _SPEC)


def validate_service_account(errors: Errors, account: Object) -> None:
    """Check a ServiceAccount."""
    validate_metadata(errors, account["metadata"], _METADATA, dns_subdomain)


def validate_namespace(errors: Errors, namespace: Object) -> None:
    """Check a Namespace."""
    validate_metadata(errors, namespace["metadata"], _METADATA, dns_label, namespaced=False)


def validate_volume(errors: Errors, volume: Object) -> None:
    """Check a PersistentVolume: its metadata and that it says what it offers."""
    validate_metadata(errors, volume["metadata"], _METADATA, dns_subdomain, namespaced=False)
    spec = volume["spec"]
    if not spec.get("accessModes"):
        errors.required(_SPEC.child("accessModes"))
    if not spec.get("capacity"):
        errors.required(_SPEC.child("capacity"))


def validate_service(errors: Errors, service: Object) -> None:
    """Check a Service."""
    validate_metadata(errors, service["metadata"], _METADATA, dns_label)
    spec = service["spec"]
    kind, ports = spec.get("type") or "", spec.get("ports") or []
    headless = spec.get("clusterIP") == "None"
    if not ports and not headless and kind != "ExternalName":
        errors.required(_SPEC.child("ports"))
    if kind == "ExternalName":
        if not spec.get("externalName"):
            errors.required(_SPEC.child("externalName"))
        else:
            name = spec["externalName"]
            for message in dns_subdomain(name.removesuffix(".").lower()):
                errors.invalid(_SPEC.child("externalName"), name, message)
    names: set[str] = set()
    for index, port in enumerate(ports):
        _service_port(errors, port, names, single=len(ports) == 1, path=_SPEC.child("ports").index(index))
    validate_labels(errors, spec.get("selector"), _SPEC.child("selector"))
    if spec.get("sessionAffinity") not in ("ClientIP", "None"):
        errors.not_supported(_SPEC.child("sessionAffinity"), spec.get("sessionAffinity") or "", ("ClientIP", "None"))
    _service_ports_together(errors, ports, kind)
    if kind not in _SERVICE_TYPES:
        errors.not_supported(_SPEC.child("type"), kind, _SERVICE_TYPES)
    at = _SPEC.child("clusterIPs").index(0).located_at(_SPEC.child("clusterIP"))
    if spec.get("clusterIP") and not headless:
        for message in ip_address(spec["clusterIP"]):
            errors.invalid(at, spec["clusterIP"], message)


def _service_port(errors: Errors, port: Object, names: set[str], *, single: bool, path: FieldPath) -> None:
    name = port.get("name") or ""
    if not name:
        if not single:
            errors.required(path.child("name"))
    else:
        for message in dns_label(name):
            errors.invalid(path.child("name"), name, message)
        if name in names:
            errors.duplicate(path.child("name"), name)
        names.add(name)
    for message in port_number(port.get("port") or 0):
        errors.invalid(path.child("port"), port.get("port") or 0, message)
    if port.get("protocol") not in _PROTOCOLS:
        errors.not_supported(path.child("protocol"), port.get("protocol") or "", _PROTOCOLS)
    # A target that was left out follows the port, whose own error says enough.
    if port.get("targetPort") != (port.get("port") or 0):
        for message in port_number_or_name(port.get("targetPort")):
            errors.invalid(path.child("targetPort"), port.get("targetPort"), message)


def _service_ports_together(errors: Errors, ports: list[Object], kind: str) -> None:
    path = _SPEC.child("ports")
    if kind == "ClusterIP":
        for index, port in enumerate(ports):
            if port.get("nodePort"):
                errors.forbidden(path.index(index).child("nodePort"), "may not be used when `type` is 'ClusterIP'")
    seen: set[tuple[str, int]] = set()
    for index, port in enumerate(ports):
        key = (port.get("protocol") or "", port.get("port") or 0)
        if key in seen:
            shown = {
                "Name": "",
                "Protocol": key[0],
                "AppProtocol": None,
                "Port": key[1],
                "TargetPort": 0,
                "NodePort": 0,
            }
            errors.duplicate(path.index(index), shown)
        seen.add(key)


CHECKS: dict[str, Callable[[Errors, Object], None]] = {
    "ConfigMap": validate_config_map,
    "Secret": validate_secret,
    "PersistentVolumeClaim": validate_claim,
    "PersistentVolume": validate_volume,
    "Service": validate_service,
    "ServiceAccount": validate_service_account,
    "Namespace": validate_namespace,
}
