"""Service variables: how a container finds Services by its environment. Mirrors pkg/kubelet/envvars/envvars.go."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from types import MappingProxyType

from runner.core.model import Json, Pod

KUBERNETES: Json = {
    "metadata": {"name": "kubernetes", "namespace": "default"},
    "spec": {"clusterIP": "10.96.0.1", "ports": [{"name": "https", "port": 443, "protocol": "TCP"}]},
}
"""The API server's Service as clusters have it; nothing answers there unless the store has one of its own."""


def service_variables(pod: Pod, services: Sequence[Json]) -> dict[str, str]:
    """The variables of the Services that the pod sees.

    ``default/kubernetes`` always; the others of the pod's namespace unless enableServiceLinks is false. Services without
    an address of their own (headless, ExternalName) have none.
    """
    if not services:
        return dict(_kubernetes_variables())
    links = pod.spec.get("enableServiceLinks") is not False
    chosen = {"kubernetes": KUBERNETES}
    for service in services:
        metadata = service.get("metadata") or {}
        name, namespace = str(metadata.get("name") or ""), metadata.get("namespace") or "default"
        is_master = (namespace, name) == ("default", "kubernetes")
        if _address(service) and (is_master or (links and namespace == pod.namespace)):
            chosen[name] = service
    result: dict[str, str] = {}
    for name, service in chosen.items():
        result.update(_variables(name.upper().replace("-", "_"), service))
    return result


@cache
def _kubernetes_variables() -> Mapping[str, str]:
    return MappingProxyType(_variables("KUBERNETES", KUBERNETES))


def _address(service: Json) -> str:
    spec = service.get("spec") or {}
    address = str(spec.get("clusterIP") or "")
    return "" if address == "None" or spec.get("type") == "ExternalName" else address


def _variables(prefix: str, service: Json) -> dict[str, str]:
    address, ports = _address(service), (service.get("spec") or {}).get("ports") or ()
    if not ports:
        return {}
    result = {f"{prefix}_SERVICE_HOST": address, f"{prefix}_SERVICE_PORT": str(ports[0].get("port"))}
    for port in ports:
        if port.get("name"):
            result[f"{prefix}_SERVICE_PORT_{str(port['name']).upper().replace('-', '_')}"] = str(port.get("port"))
    host = f"[{address}]" if ":" in address else address
    for index, port in enumerate(ports):
        protocol, number = str(port.get("protocol") or "TCP"), port.get("port")
        url = f"{protocol.lower()}://{host}:{number}"
        if index == 0:
            result[f"{prefix}_PORT"] = url
        start = f"{prefix}_PORT_{number}_{protocol.upper()}"
        result |= {start: url, f"{start}_PROTO": protocol.lower()}
        result |= {f"{start}_PORT": str(number), f"{start}_ADDR": address}
    return result
