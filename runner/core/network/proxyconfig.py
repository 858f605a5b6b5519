"""From a Service to its proxy: a container whose address is the Service's own. It does what kube-proxy does on a node."""

from __future__ import annotations

import hashlib
import json

from runner.core.container.containerconfig import ContainerConfig, PortBinding, Resources
from runner.core.container.resources import MIN_SHARES
from runner.core.labels import MANAGED, OWNER, POD_UID
from runner.core.model import Json

SERVICE = "dev.podrunner/service"
"""On a Service's proxy: namespace/name."""
PROXY_HASH = "dev.podrunner/proxy-hash"
"""What the proxy was made from; another hash means another container."""
TABLE = "endpoints"
"""The proxy's file, in its root directory."""


def proxy_config(service: Json, *, image: str, owner: str) -> ContainerConfig:
    """The container. The Service's uid stands where a pod's would, so that a sweep finds it."""
    metadata, bindings = service["metadata"], node_bindings(service)
    return ContainerConfig(
        name=f"k8s_SERVICE_{metadata['name']}_{metadata['namespace']}_{metadata['uid']}",
        image=image,
        labels={
            MANAGED: "1",
            OWNER: owner,
            POD_UID: str(metadata["uid"]),
            SERVICE: f"{metadata['namespace']}/{metadata['name']}",
            PROXY_HASH: proxy_hash(service, image),
        },
        command=("proxy",),
        network_mode="bridge",
        port_bindings=bindings,
        security_opt=("no-new-privileges",),
        resources=Resources(cpu_shares=MIN_SHARES),
    )


def node_bindings(service: Json) -> tuple[PortBinding, ...]:
    """The node ports, each published for its port."""
    return tuple(
        PortBinding(
            container_port=int(port["port"]),
            protocol=str(port.get("protocol") or "TCP").lower(),
            host_port=int(port["nodePort"]),
        )
        for port in service["spec"].get("ports") or ()
        if port.get("nodePort")
    )


def proxy_hash(service: Json, image: str) -> str:
    """Tells proxies apart that have to be different containers."""
    ports = [[one.protocol, one.container_port, one.host_port] for one in node_bindings(service)]
    return hashlib.blake2b(json.dumps([image, ports]).encode(), digest_size=4).hexdigest()
