"""Which pods ask the cluster's names first, and where. Mirrors pkg/kubelet/network/dns/dns.go."""

from __future__ import annotations

from runner.core.container.identity import CLUSTER_DOMAIN
from runner.core.labels import SANDBOX_CONTAINER
from runner.core.model import Pod
from runner.core.volumes.plan import SANDBOX_ROOT

RESOLVER_VARIABLE = "PODRUNNER_RESOLVER"
"""Tells the sandbox's program which domains are searched; without it there is no resolver."""
ZONE = "zone"
"""The zone's file, in the root directory of the sandbox."""
ZONE_PLACE = f"{SANDBOX_ROOT}/{SANDBOX_CONTAINER}/{ZONE}"
"""Where a new sandbox's file of that name leads to: into the volume that holds what is the pod's own."""
_DNS_PORT = 53


def asks_cluster(pod: Pod) -> bool:
    """Whether the sandbox resolves names for the pod.

    ClusterFirst behaves as Default in the node's network, as on a kubelet; ClusterFirstWithHostNet does so as well, because
    the node's port 53 is not ours. A pod that serves port 53 itself keeps it.
    """
    if pod.host_network or str(pod.spec.get("dnsPolicy") or "ClusterFirst") != "ClusterFirst":
        return False
    ports = (port for container in pod.all_containers() for port in container.manifest.get("ports") or ())
    return all(port.get("containerPort") != _DNS_PORT for port in ports)


def search_domains(namespace: str) -> tuple[str, ...]:
    """Where the names of a pod of this namespace are looked for, before the node's domains."""
    return (f"{namespace}.svc.{CLUSTER_DOMAIN}", f"svc.{CLUSTER_DOMAIN}", CLUSTER_DOMAIN)
