"""Warnings about Services: the server's own, and what only a cluster knows.

Mirrors GetWarningsForService of pkg/api/service/warnings.go.
"""

from __future__ import annotations

from typing import Any

from runner.core.manifest.paths import FieldPath
from runner.core.manifest.validation.addresses import unusual_cidr, unusual_ip
from runner.core.manifest.validation.errors import Errors

Object = dict[str, Any]

_ANNOTATION = "service.kubernetes.io/topology-aware-hints"
_SPEC = FieldPath().child("spec")
_NODE_PORTS = range(30000, 32768)


def warn_service(errors: Errors, service: Object) -> None:
    """Note what the author of a valid Service should know."""
    if errors.items:
        return
    spec = service["spec"]
    if _ANNOTATION in (service["metadata"].get("annotations") or {}):
        text = f"annotation {_ANNOTATION} is deprecated, please use service.kubernetes.io/topology-mode instead"
        errors.warn(FieldPath("", ("metadata", "annotations", _ANNOTATION)), text)
    headless = spec["type"] == "ClusterIP" and spec.get("clusterIP") == "None"
    if spec.get("clusterIP") and not headless:
        _addresses(errors, spec, "clusterIPs")
    if headless:
        for name in ("loadBalancerIP", "externalIPs"):
            if spec.get(name):
                _note(errors, name, f"spec.{name} is ignored for headless services")
        if spec["sessionAffinity"] != "None":
            _note(errors, "sessionAffinity", "spec.SessionAffinity is ignored for headless services")
    _outside(errors, spec, headless=headless)
    _unknown(errors, spec)


def _outside(errors: Errors, spec: Object, *, headless: bool) -> None:
    is_external = spec["type"] == "ExternalName"
    _addresses(errors, spec, "externalIPs")
    if spec.get("externalIPs") and not headless and not is_external:
        _note(errors, "externalIPs", "spec.externalIPs is deprecated and may no longer be implemented in some clusters")
    if text := unusual_ip(spec.get("loadBalancerIP") or ""):
        errors.warn(_SPEC.child("loadBalancerIP"), text)
    for index, value in enumerate(spec.get("loadBalancerSourceRanges") or ()):
        if text := unusual_cidr(value):
            errors.warn(_SPEC.child("loadBalancerSourceRanges").index(index), text)
    if is_external and spec.get("externalIPs"):
        _note(errors, "externalIPs", 'spec.externalIPs is ignored when spec.type is "ExternalName"')
    if not is_external and spec.get("externalName"):
        _note(errors, "externalName", 'spec.externalName is ignored when spec.type is not "ExternalName"')
    if spec.get("trafficDistribution") == "PreferClose":
        errors.warn(_SPEC.child("trafficDistribution"), '"PreferClose" is deprecated; use "PreferSameZone"')


def _addresses(errors: Errors, spec: Object, name: str) -> None:
    for index, address in enumerate(spec.get(name) or ()):
        if text := unusual_ip(address):
            errors.warn(_SPEC.child(name).index(index), text)


def _note(errors: Errors, name: str, text: str) -> None:
    """A text that names its field itself."""
    errors.warn(FieldPath("", ("spec", name)), text)


def _unknown(errors: Errors, spec: Object) -> None:
    """Note what some clusters take and others refuse, and what becomes of it here."""
    if spec["type"] == "ExternalName":
        return
    if spec.get("clusterIP") not in (None, "", "None"):
        text = "only a cluster knows which addresses its Services have: this one gets another one here"
        errors.warn(_SPEC.child("clusterIP"), text)
    loose = spec.get("clusterIP") == "None" and not spec.get("selector")
    wanted = "ipFamilyPolicy" if spec["ipFamilyPolicy"] == "RequireDualStack" else "ipFamilies"
    if not loose and (wanted == "ipFamilyPolicy" or "IPv6" in spec["ipFamilies"]):
        text = "only a cluster knows which IP families its Services have: this one has IPv4 addresses here"
        errors.warn(_SPEC.child(wanted), text)
    if spec["type"] in ("NodePort", "LoadBalancer"):
        _host_ports(errors, spec)


def _host_ports(errors: Errors, spec: Object) -> None:
    found = {
        _SPEC.child("ports").index(index).child("nodePort"): port.get("nodePort")
        for index, port in enumerate(spec.get("ports") or ())
    }
    found[_SPEC.child("healthCheckNodePort")] = spec.get("healthCheckNodePort")
    for path, number in found.items():
        if number and number not in _NODE_PORTS:
            usual = f"{_NODE_PORTS[0]}-{_NODE_PORTS[-1]} unless it says otherwise"
            what = "is not answered" if path.keys[-1] == "healthCheckNodePort" else "is taken of this host"
            text = f"only a cluster knows its range of node ports ({usual}): here {number} {what}"
            errors.warn(path, text)
