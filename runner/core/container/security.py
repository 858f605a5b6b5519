"""What a container may do: user, groups, capabilities and the profiles it runs under.

Mirrors pkg/securitycontext/util.go and pkg/kubelet/kuberuntime/security_context.go, security_context_others.go.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from runner.core.model import Container, Json, Pod
from runner.core.objects import ConfigError

_MASKED = (
    "/proc/asound",
    "/proc/acpi",
    "/proc/interrupts",
    "/proc/kcore",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/timer_list",
    "/proc/timer_stats",
    "/proc/sched_debug",
    "/proc/scsi",
    "/sys/firmware",
    "/sys/devices/virtual/powercap",
)
_READ_ONLY = ("/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger")


class ImageFacts(Struct, frozen=True, kw_only=True):
    """What a container's configuration depends on in its image: the user it names."""

    user: str = ""


def effective_security(pod: Pod, container: Container) -> Json:
    """The container's security context over the pod's, field by field (securitycontext/util.go)."""
    shared = ("seLinuxOptions", "runAsUser", "runAsGroup", "runAsNonRoot", "seccompProfile", "appArmorProfile")
    pod_level = _mapping(pod.spec.get("securityContext"))
    merged = {key: pod_level[key] for key in shared if pod_level.get(key) is not None}
    own = _mapping(container.manifest.get("securityContext"))
    merged.update({key: value for key, value in own.items() if value is not None})
    return merged


def verify_non_root(pod: Pod, container: Container, security: Json, image: ImageFacts) -> None:
    """Refuse a container that must not run as root but would (kuberuntime/security_context_others.go)."""
    if not security.get("runAsNonRoot"):
        return
    where = f'(pod: "{pod.full_name}", container: {container.name})'
    user = security.get("runAsUser")
    if user is not None:
        if int(user) == 0:
            raise ConfigError(f"container's runAsUser breaks non-root policy {where}")
        return
    name = image.user.split(":", 1)[0]
    if not name or name == "0":
        raise ConfigError(f"container has runAsNonRoot and image will run as root {where}")
    if not name.isdigit():
        text = f"container has runAsNonRoot and image has non-numeric user ({name}), cannot verify user is non-root"
        raise ConfigError(f"{text} {where}")


def container_user(security: Json, image: ImageFacts) -> str:
    """Docker's ``user[:group]``; a group without a user stands beside the image's user.

    With a group given, Docker adds none of the groups that the image's /etc/group puts the user into.
    """
    user, group = security.get("runAsUser"), security.get("runAsGroup")
    if group is None:
        return "" if user is None else str(user)
    if user is None:
        user = image.user.split(":", 1)[0] or "0"
    return f"{user}:{group}"


def supplemental_groups(pod: Pod) -> tuple[str, ...]:
    """The groups that every process of the pod is in besides its own: fsGroup and supplementalGroups."""
    security = _mapping(pod.spec.get("securityContext"))
    groups = list(security.get("supplementalGroups") or ())
    if security.get("fsGroup") is not None:
        groups.insert(0, security["fsGroup"])
    return tuple(str(group) for group in groups)


def localhost_profiles(pod: Pod, container: Container) -> tuple[str, ...]:
    """Which seccomp profiles of the node the container runs under: their paths below the node's profile directory."""
    profile = _mapping(effective_security(pod, container).get("seccompProfile"))
    return (str(profile.get("localhostProfile")),) if profile.get("type") == "Localhost" else ()


def security_options(security: Json, seccomp_profiles: Mapping[str, str]) -> tuple[str, ...]:
    """Docker's security options. ``seccomp_profiles`` has the JSON of the node's profiles that are asked for, by path.

    Without a profile of its own a container runs under none of seccomp's and under the Engine's own of AppArmor's.
    """
    seccomp, apparmor = _mapping(security.get("seccompProfile")), _mapping(security.get("appArmorProfile"))
    options = []
    if seccomp.get("type") in (None, "", "Unconfined"):
        options.append("seccomp=unconfined")
    elif seccomp.get("type") == "Localhost":
        options.append(f"seccomp={seccomp_profiles[str(seccomp.get('localhostProfile'))]}")
    if apparmor.get("type") == "Unconfined":
        options.append("apparmor=unconfined")
    elif apparmor.get("type") == "Localhost":
        options.append(f"apparmor={apparmor.get('localhostProfile')}")
    if security.get("allowPrivilegeEscalation") is False:
        options.append("no-new-privileges")
    return tuple(options)


class KernelPaths(Struct, frozen=True, kw_only=True):
    """Paths of the kernel that a container cannot see and cannot write; None leaves it to the Engine."""

    masked: tuple[str, ...] | None = None
    read_only: tuple[str, ...] | None = None


def kernel_paths(security: Json) -> KernelPaths:
    """What procMount asks for; a privileged container sees everything in any case."""
    if security.get("privileged"):
        return KernelPaths()
    if security.get("procMount") == "Unmasked":
        return KernelPaths(masked=(), read_only=())
    return KernelPaths(masked=_MASKED, read_only=_READ_ONLY)


def _mapping(value: object) -> Json:
    return value if isinstance(value, Mapping) else {}
