"""What stands behind a Service: the pods it selects, their addresses and ports. Mirrors pkg/controller/endpointslice.

Pods and Services are v1 objects as the store has them, pods with their status.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec import Struct

from runner.core.model import Json

_TERMINAL = ("Succeeded", "Failed")


class Endpoint(Struct, frozen=True, kw_only=True):
    """A pod behind a Service. ``ready``: it may be given out; ``serving``: it would be, were it not being deleted."""

    ip: str
    pod: Json
    hostname: str = ""
    ready: bool = True
    serving: bool = True

    @property
    def name(self) -> str:
        """The label of its own name below a headless Service's."""
        return self.hostname or self.ip.replace(".", "-")


def is_headless(service: Json) -> bool:
    """Whether the Service is only a name for its endpoints."""
    return (service.get("spec") or {}).get("clusterIP") == "None"


def is_external(service: Json) -> bool:
    """Whether the Service is only another name for something outside."""
    return (service.get("spec") or {}).get("type") == "ExternalName"


def needs_address(service: Json) -> bool:
    """Whether the Service has an address of its own."""
    return not (is_headless(service) or is_external(service))


def address_of(service: Json) -> str:
    """The Service's own address; empty when it has none, or none yet."""
    return str((service.get("spec") or {}).get("clusterIP") or "") if needs_address(service) else ""


def endpoints_of(service: Json, pods: Iterable[Json]) -> tuple[Endpoint, ...]:
    """The pods that the Service selects and that have an address, by address. A Service without a selector has none."""
    spec = service.get("spec") or {}
    selector = spec.get("selector")
    if not selector or is_external(service):
        return ()
    namespace = _metadata(service).get("namespace")
    found = (
        _endpoint(service, pod, publishes_all=bool(spec.get("publishNotReadyAddresses")))
        for pod in pods
        if _metadata(pod).get("namespace") == namespace
        and selector.items() <= (_metadata(pod).get("labels") or {}).items()
        and pod_ip(pod)
    )
    return tuple(sorted(found, key=lambda endpoint: [int(part) for part in endpoint.ip.split(".")]))


def usable(endpoints: Sequence[Endpoint]) -> tuple[Endpoint, ...]:
    """Those that connections go to: the ready ones, or if there are none, those that still serve while they end."""
    ready = tuple(endpoint for endpoint in endpoints if endpoint.ready)
    return ready or tuple(endpoint for endpoint in endpoints if endpoint.serving)


def pod_ip(pod: Json) -> str:
    """The IPv4 address of a pod that is not over; empty when there is none."""
    status = pod.get("status") or {}
    address = str(status.get("podIP") or "")
    return "" if status.get("phase") in _TERMINAL or address.count(".") != 3 else address


def target_port(port: Json, pod: Json) -> int:
    """The port of the pod that a Service's port means; 0 when the pod has none of that name."""
    target = port.get("targetPort") or port.get("port")
    if isinstance(target, int):
        return target
    protocol = port.get("protocol") or "TCP"
    spec = pod.get("spec") or {}
    sidecars = [c for c in spec.get("initContainers") or () if c.get("restartPolicy") == "Always"]
    for container in (*(spec.get("containers") or ()), *sidecars):
        for known in container.get("ports") or ():
            if known.get("name") == target and (known.get("protocol") or "TCP") == protocol:
                return int(known["containerPort"])
    return 0


def endpoint_addresses(port: Json, endpoints: Iterable[Endpoint]) -> tuple[str, ...]:
    """``address:port`` of each endpoint that has the port."""
    found = ((endpoint.ip, target_port(port, endpoint.pod)) for endpoint in endpoints)
    return tuple(f"{ip}:{number}" for ip, number in found if number)


def proxy_table(service: Json, pods: Iterable[Json]) -> str:
    """What the Service's proxy is told: a line for each port, with where to."""
    spec, endpoints = service.get("spec") or {}, usable(endpoints_of(service, pods))
    affinity = "client" if spec.get("sessionAffinity") == "ClientIP" else "none"
    lines = []
    for port in spec.get("ports") or ():
        protocol = str(port.get("protocol") or "TCP").lower()
        lines.append(" ".join((protocol, str(port["port"]), affinity, *endpoint_addresses(port, endpoints))))
    return "".join(f"{line}\n" for line in (*lines, "end"))


def _endpoint(service: Json, pod: Json, *, publishes_all: bool) -> Endpoint:
    spec, metadata = pod.get("spec") or {}, _metadata(pod)
    conditions = (pod.get("status") or {}).get("conditions") or ()
    serving = any(c.get("type") == "Ready" and c.get("status") == "True" for c in conditions)
    hostname = spec.get("hostname") if spec.get("subdomain") == _metadata(service).get("name") else None
    return Endpoint(
        ip=pod_ip(pod),
        pod=pod,
        hostname=str(hostname or ""),
        ready=publishes_all or (serving and not metadata.get("deletionTimestamp")),
        serving=serving,
    )


def _metadata(value: Json) -> Json:
    metadata: Json = value.get("metadata") or {}
    return metadata
