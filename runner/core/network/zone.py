"""The names of the cluster, as the sandbox's resolver reads them.

What they are follows the specification of DNS-based service discovery, and one thing that users of compose expect: the
name of a pod alone, as long as no Service is called so.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from runner.core.container.identity import CLUSTER_DOMAIN
from runner.core.model import Json
from runner.core.network.endpoints import address_of, endpoints_of, is_external, is_headless, pod_ip, target_port
from runner.core.network.services import KUBERNETES


def zone_text(services: Iterable[Json], pods: Sequence[Json]) -> str:
    """The zone as the sandbox's resolver reads it: a record a line, then a line that says that it is whole."""
    lines: set[str] = set()
    taken: set[str] = set()
    for service in (*services, KUBERNETES):
        name = _full_name(service)
        if name not in taken:
            taken.add(name)
            lines.update(_service_lines(name, service, pods))
    for pod in pods:
        name = _full_name(pod)
        if pod_ip(pod) and name not in taken:
            lines.add(f"a {name} {pod_ip(pod)}")
    return "".join(f"{line}\n" for line in (*sorted(lines), "end"))


def is_plain(services: Sequence[Json], pods: Sequence[Json]) -> bool:
    """Whether a zone says nothing that a single pod could want to know."""
    return not services and len(pods) <= 1


def _service_lines(name: str, service: Json, pods: Sequence[Json]) -> list[str]:
    spec = service.get("spec") or {}
    if is_external(service):
        return [f"cname {name} {str(spec.get('externalName') or '').lower().rstrip('.')}"]
    named = [port for port in spec.get("ports") or () if port.get("name")]
    if not is_headless(service):
        address = address_of(service)
        if not address:
            return []  # It is on its way.
        records = [f"srv {_port_name(port, name)} {port['port']} {name}" for port in named]
        return [f"a {name} {address}", f"ptr {_reverse(address)} {name}", *records]
    records = []
    for endpoint in endpoints_of(service, pods):
        if endpoint.ready:
            own = f"{endpoint.name}.{name}"
            records += [f"a {name} {endpoint.ip}", f"a {own} {endpoint.ip}", f"ptr {_reverse(endpoint.ip)} {own}"]
            numbers = ((port, target_port(port, endpoint.pod)) for port in named)
            records += [f"srv {_port_name(port, name)} {number} {own}" for port, number in numbers if number]
    return records


def _full_name(value: Json) -> str:
    metadata = value.get("metadata") or {}
    return f"{metadata.get('name')}.{metadata.get('namespace') or 'default'}.svc.{CLUSTER_DOMAIN}".lower()


def _port_name(port: Json, name: str) -> str:
    return f"_{str(port['name']).lower()}._{str(port.get('protocol') or 'TCP').lower()}.{name}"


def _reverse(address: str) -> str:
    return ".".join(reversed(address.split("."))) + ".in-addr.arpa"
