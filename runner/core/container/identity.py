"""What a pod is called in its network.

Mirrors pkg/kubelet/kubelet_pods.go (GeneratePodHostNameAndDomain) and pkg/kubelet/util/util.go (GetNodenameForKernel).
"""

from __future__ import annotations

from runner.core.model import Pod
from runner.core.objects import ConfigError

CLUSTER_DOMAIN = "cluster.local"
_HOSTNAME_LENGTH = 63
_KERNEL_NAME_LENGTH = 64


def hostname(pod: Pod) -> str:
    """The pod's host name: at most 63 characters, without trailing dots and hyphens."""
    name = str(pod.spec.get("hostnameOverride") or pod.spec.get("hostname") or pod.name)
    return name[:_HOSTNAME_LENGTH].rstrip("-.")


def domain(pod: Pod) -> str:
    """The domain that a subdomain puts the pod into; empty without one, and when the host name is overridden."""
    subdomain = pod.spec.get("subdomain")
    if not subdomain or pod.spec.get("hostnameOverride"):
        return ""
    return f"{subdomain}.{pod.namespace}.svc.{CLUSTER_DOMAIN}"


def kernel_hostname(pod: Pod) -> str:
    """What ``hostname`` prints in the pod. Raises ConfigError when the full name that it shall be is too long."""
    name, inside = hostname(pod), domain(pod)
    if not inside or not pod.spec.get("setHostnameAsFQDN"):
        return name
    full = f"{name}.{inside}"
    if len(full) > _KERNEL_NAME_LENGTH:
        raise ConfigError(
            f"failed to construct FQDN from pod hostname and cluster domain, FQDN {full} is too long "
            f"({_KERNEL_NAME_LENGTH} characters is the max, {len(full)} characters requested)"
        )
    return full
