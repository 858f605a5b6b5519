"""Services: ports, affinity, load balancers, traffic policies; their addresses have a module of their own.

Mirrors validateService of pkg/apis/core/validation/validation.go.
"""

from __future__ import annotations

from typing import Any

from runner.core.manifest.paths import FieldPath
from runner.core.manifest.validation.addresses import cidr, endpoint_ip
from runner.core.manifest.validation.clusterips import validate_cluster_ips
from runner.core.manifest.validation.errors import Errors, Named
from runner.core.manifest.validation.metadata import validate_labels, validate_metadata
from runner.core.manifest.validation.names import (
    dns_label,
    dns_subdomain,
    port_number,
    port_number_or_name,
    qualified_name,
)
from runner.core.manifest.validation.servicewarnings import warn_service

Object = dict[str, Any]

RANGES_ANNOTATION = "service.beta.kubernetes.io/load-balancer-source-ranges"
_METADATA = FieldPath().child("metadata")
_ANNOTATIONS = _METADATA.child("annotations")
_SPEC = FieldPath().child("spec")
_PORTS = _SPEC.child("ports")
_TYPES = ("ClusterIP", "ExternalName", "LoadBalancer", "NodePort")
_PROTOCOLS = ("SCTP", "TCP", "UDP")
_AFFINITIES = ("ClientIP", "None")
_LONGEST_AFFINITY = 86400
_POLICIES = ("Cluster", "Local")
_DISTRIBUTIONS = ("PreferClose", "PreferSameZone", "PreferSameNode")
_TOPOLOGY_HINTS = "service.kubernetes.io/topology-aware-hints"
_TOPOLOGY_MODE = "service.kubernetes.io/topology-mode"
_ONLY_BALANCED = "may only be used when `type` is 'LoadBalancer'"
_NOT_EXTERNAL = "may not be set for ExternalName services"


def validate_service(errors: Errors, service: Object) -> None:
    """Check a Service. The server gives it its addresses first, and says nothing else when that fails."""
    spec = service["spec"]
    if validate_cluster_ips(errors, spec, _SPEC) or not _node_ports_are_free(errors, spec):
        return
    validate_metadata(errors, service["metadata"], _METADATA, dns_label)
    annotations = service["metadata"].get("annotations") or {}
    mode, hints = annotations.get(_TOPOLOGY_MODE), annotations.get(_TOPOLOGY_HINTS)
    if mode is not None and hints is not None and mode != hints:
        text = f"must match annotations[{_TOPOLOGY_HINTS}] when both are specified"
        errors.invalid(_ANNOTATIONS.key(_TOPOLOGY_MODE), mode, text)
    if not spec.get("ports") and not is_headless(spec) and spec["type"] != "ExternalName":
        errors.required(_PORTS)
    _type(errors, spec)
    _ports(errors, spec.get("ports") or [])
    validate_labels(errors, spec.get("selector"), _SPEC.child("selector"))
    _affinity(errors, spec)
    for index, address in enumerate(spec.get("externalIPs") or ()):
        for message in endpoint_ip(address):
            errors.invalid(_SPEC.child("externalIPs").index(index), address, message)
    if spec["type"] not in _TYPES:
        errors.not_supported(_SPEC.child("type"), spec["type"], _TYPES)
    _ports_together(errors, spec)
    _balancer(errors, spec, annotations)
    _traffic(errors, spec)
    warn_service(errors, service)


def is_headless(spec: Object) -> bool:
    """Whether a Service has no address of its own."""
    return list(spec.get("clusterIPs") or ()) == ["None"]


def _type(errors: Errors, spec: Object) -> None:
    kind = spec["type"]
    if kind in ("LoadBalancer", "NodePort"):
        if is_headless(spec):
            at = _SPEC.child("clusterIPs").index(0).located_at(_SPEC.child("clusterIP"))
            errors.invalid(at, "None", f"may not be set to 'None' for {kind} services")
    elif kind == "ExternalName":
        for name in ("clusterIPs", "ipFamilies", "ipFamilyPolicy"):
            if spec.get(name) not in (None, []):
                at = _SPEC.child(name)
                errors.forbidden(at.located_at(_SPEC.child("clusterIP")) if name == "clusterIPs" else at, _NOT_EXTERNAL)
        name = (spec.get("externalName") or "").removesuffix(".")
        if not name:
            errors.required(_SPEC.child("externalName"))
        for message in dns_subdomain(name) if name else ():
            errors.invalid(_SPEC.child("externalName"), name, message)


def _ports(errors: Errors, ports: list[Object]) -> None:
    names: set[str] = set()
    for index, port in enumerate(ports):
        path, name = _PORTS.index(index), port.get("name") or ""
        if name:
            for message in dns_label(name):
                errors.invalid(path.child("name"), name, message)
            if name in names:
                errors.duplicate(path.child("name"), name)
            names.add(name)
        elif len(ports) > 1:
            errors.required(path.child("name"))
        number, target = port.get("port") or 0, port["targetPort"]
        for message in port_number(number):
            errors.invalid(path.child("port"), number, message)
        if port["protocol"] not in _PROTOCOLS:
            errors.not_supported(path.child("protocol"), port["protocol"], _PROTOCOLS)
        for message in port_number_or_name(target):
            errors.invalid(path.child("targetPort"), target, message)
        if port.get("appProtocol") is not None:
            for message in qualified_name(port["appProtocol"]):
                errors.invalid(path.child("appProtocol"), port["appProtocol"], message)


def _node_ports_are_free(errors: Errors, spec: Object) -> bool:
    """Check that the node ports can be had, as the server takes them (initNodePorts of storage/alloc.go): one at a time.

    Which range they are to be in is the cluster's own affair.
    """
    ports = spec.get("ports") or []
    requested: dict[int, int] = {}
    for port in ports:
        if port.get("nodePort"):
            requested.setdefault(port.get("port") or 0, port["nodePort"])
    chosen: dict[int, int] = {}
    taken: set[int] = set()
    for index, port in enumerate(ports if spec["type"] in ("NodePort", "LoadBalancer") else ()):
        number = port.get("port") or 0
        wanted = port.get("nodePort") if number in chosen else requested.get(number)
        if not wanted or wanted == chosen.get(number):
            continue
        fault = "" if wanted not in taken else "provided port is already allocated"
        if port_number(wanted):
            fault = "provided port is not in the valid range. The range of valid ports is 30000-32767"
        if fault:
            errors.invalid(_PORTS.index(index).child("nodePort"), wanted, fault)
            return False
        chosen.setdefault(number, wanted)
        taken.add(wanted)
    return True


def _affinity(errors: Errors, spec: Object) -> None:
    affinity, at = spec["sessionAffinity"], _SPEC.child("sessionAffinity")
    if affinity not in _AFFINITIES:
        errors.not_supported(at, affinity, _AFFINITIES)
    elif affinity == "ClientIP":
        seconds = spec["sessionAffinityConfig"]["clientIP"]["timeoutSeconds"]
        if not 0 < seconds <= _LONGEST_AFFINITY:
            at = _SPEC.child("sessionAffinityConfig", "clientIP", "timeoutSeconds")
            errors.invalid(at, seconds, f"must be greater than 0 and less than {_LONGEST_AFFINITY}")


def _ports_together(errors: Errors, spec: Object) -> None:
    ports = spec.get("ports") or []
    if spec["type"] == "ClusterIP":
        for index, port in enumerate(ports):
            if port.get("nodePort"):
                errors.forbidden(_PORTS.index(index).child("nodePort"), "may not be used when `type` is 'ClusterIP'")
    nodes: set[tuple[str, int]] = set()
    for index, port in enumerate(ports):
        node = port["protocol"], port.get("nodePort") or 0
        if node in nodes and node[1]:
            errors.duplicate(_PORTS.index(index).child("nodePort"), node[1])
        nodes.add(node)
    seen: set[tuple[str, int]] = set()
    for index, port in enumerate(ports):
        key = port["protocol"], port.get("port") or 0
        if key in seen:
            shown = {
                "Name": "",
                "Protocol": key[0],
                "AppProtocol": None,
                "Port": key[1],
                "TargetPort": 0,
                "NodePort": 0,
            }
            errors.duplicate(_PORTS.index(index), shown)
        seen.add(key)


def _balancer(errors: Errors, spec: Object, annotations: dict[str, str]) -> None:
    """Check what only load balancers have. The path of the ranges has a capital letter on the server, too."""
    is_balancer = spec["type"] == "LoadBalancer"
    ranges, written = spec.get("loadBalancerSourceRanges") or (), annotations.get(RANGES_ANNOTATION)
    if ranges:
        at = _SPEC.child("LoadBalancerSourceRanges").located_at(_SPEC.child("loadBalancerSourceRanges"))
        if not is_balancer:
            errors.forbidden(at, _ONLY_BALANCED)
        for index, value in enumerate(ranges):
            _range(errors, value.strip(), at.index(index))
    elif written is not None:
        at = _ANNOTATIONS.key(RANGES_ANNOTATION)
        if not is_balancer:
            errors.forbidden(at, _ONLY_BALANCED)
        for value in written.strip().split(",") if written.strip() else ():
            _range(errors, value.strip(), at)
    if not is_balancer and spec.get("allocateLoadBalancerNodePorts") is not None:
        errors.forbidden(_SPEC.child("allocateLoadBalancerNodePorts"), _ONLY_BALANCED)
    balancer, at = spec.get("loadBalancerClass"), _SPEC.child("loadBalancerClass")
    if balancer is not None and not is_balancer:
        errors.forbidden(at, _ONLY_BALANCED)
    elif balancer is not None:
        for message in qualified_name(balancer):
            errors.invalid(at, balancer, message)


def _range(errors: Errors, value: str, path: FieldPath) -> None:
    for message in cidr(value):
        errors.invalid(path, value, message)


def _traffic(errors: Errors, spec: Object) -> None:
    kind, external, at = spec["type"], spec.get("externalTrafficPolicy") or "", _SPEC.child("externalTrafficPolicy")
    if kind in ("LoadBalancer", "NodePort") or (kind == "ClusterIP" and spec.get("externalIPs")):
        if external not in _POLICIES:
            errors.not_supported(at, external, _POLICIES)
    elif external:
        errors.invalid(at, Named(external), "may only be set for externally-accessible services")
    health, at = spec.get("healthCheckNodePort") or 0, _SPEC.child("healthCheckNodePort")
    if kind == "LoadBalancer" and external == "Local":
        # The server chooses one where there is none.
        for message in port_number(health) if health else ():
            errors.invalid(at, health, message)
    elif health:
        text = "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'"
        errors.invalid(at, health, text)
    for name, known in (("internalTrafficPolicy", _POLICIES), ("trafficDistribution", _DISTRIBUTIONS)):
        if spec.get(name) is not None and spec[name] not in known:
            errors.not_supported(_SPEC.child(name), spec[name], known)
