"""What a node refuses before anything of a pod is made: the pod fails, and nothing of it ever runs.

Mirrors pkg/kubelet/sysctl/allowlist.go, pkg/kubelet/lifecycle/handlers.go (AppArmor), lifecycle/predicate.go (the policy of
supplemental groups) and kubelet.go (rejectPod).
"""

from __future__ import annotations

from collections.abc import Callable, Collection

from msgspec import Struct

from runner.core.container.security import effective_security
from runner.core.model import Json, Pod
from runner.core.reasons import EventReason
from runner.core.text.gotext import quote

_SAFE_SYSCTLS = {
    "kernel.shm_rmid_forced": "IPC",
    "net.ipv4.ip_local_port_range": "Net",
    "net.ipv4.tcp_syncookies": "Net",
    "net.ipv4.ping_group_range": "Net",
    "net.ipv4.ip_unprivileged_port_start": "Net",
    "net.ipv4.ip_local_reserved_ports": "Net",
    "net.ipv4.tcp_keepalive_time": "Net",
    "net.ipv4.tcp_fin_timeout": "Net",
    "net.ipv4.tcp_keepalive_intvl": "Net",
    "net.ipv4.tcp_keepalive_probes": "Net",
    "net.ipv4.tcp_rmem": "Net",
    "net.ipv4.tcp_wmem": "Net",
}
"""What a pod may set by itself, with the namespace that keeps it from the rest of the node."""

EngineFeatures = Callable[[], Collection[str]]
"""Asks the Engine for the kinds of confinement that it has: seccomp, apparmor, userns …"""


class Rejection(Struct, frozen=True, kw_only=True):
    """Why a pod is not taken: reason and message of the event; the status has the message after a prefix."""

    reason: EventReason
    message: str

    @property
    def status_message(self) -> str:
        return f"Pod was rejected: {self.message}"


def rejection_of(pod: Pod, features: EngineFeatures) -> Rejection | None:
    """The first reason not to take the pod. The Engine is only asked when the pod names something that it must have."""
    sysctl = _forbidden_sysctl(pod)
    if sysctl:
        return Rejection(reason=EventReason.SYSCTL_FORBIDDEN, message=f"forbidden sysctl: {sysctl}")
    if _names_apparmor(pod) and "apparmor" not in features():
        text = "Cannot enforce AppArmor: AppArmor is not enabled on the host"
        return Rejection(reason=EventReason.APPARMOR, message=text)
    if not _groups_can_be_had(pod):
        text = "SupplementalGroupsPolicy=Strict is not supported in this node"
        return Rejection(reason=EventReason.GROUPS_POLICY_NOT_SUPPORTED, message=text)
    return None


def normal_sysctl(name: str) -> str:
    """The name with dots between its parts, whichever of the two spellings of sysctl(8) it has."""
    first = next((character for character in name if character in "./"), ".")
    return name if first == "." else name.translate(str.maketrans("./", "/."))


def _forbidden_sysctl(pod: Pod) -> str:
    for sysctl in _pod_security(pod).get("sysctls") or ():
        name = normal_sysctl(str(sysctl.get("name")))
        namespace = _SAFE_SYSCTLS.get(name)
        if namespace is None:
            return f"{quote(name)} not allowlisted"
        if (namespace == "IPC" and pod.spec.get("hostIPC")) or (namespace == "Net" and pod.host_network):
            return f"{quote(name)} not allowed with host {namespace} enabled"
    return ""


def _names_apparmor(pod: Pod) -> bool:
    profiles = (effective_security(pod, container).get("appArmorProfile") or {} for container in pod.all_containers())
    return any(profile.get("type") not in (None, "Unconfined") for profile in profiles)


def _groups_can_be_had(pod: Pod) -> bool:
    """Docker leaves the groups of the image out exactly where a container names its group."""
    if _pod_security(pod).get("supplementalGroupsPolicy") != "Strict":
        return True
    return all(effective_security(pod, one).get("runAsGroup") is not None for one in pod.all_containers())


def _pod_security(pod: Pod) -> Json:
    return pod.spec.get("securityContext") or {}
