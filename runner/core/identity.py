"""What a pod is called in its network. Mirrors pkg/kubelet/kubelet_pods.go (GeneratePodHostNameAndDomain)."""

from __future__ import annotations

from runner.core.model import Pod

_HOSTNAME_LENGTH = 63


def hostname(pod: Pod) -> str:
    """The pod's host name: at most 63 characters, without trailing dots and hyphens (kubelet_pods.go truncatePodHostname)."""
    name = str(pod.spec.get("hostnameOverride") or pod.spec.get("hostname") or pod.name)
    return name[:_HOSTNAME_LENGTH].rstrip("-.")
