"""What a container may do: user, groups, capabilities and the profiles it runs under.

Mirrors pkg/securitycontext/util.go and pkg/kubelet/kuberuntime/security_context.go, security_context_others.go.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from runner.core.model import Container, Json, Pod
from runner.core.objects import ConfigError


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageFacts:
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
    """Docker's ``user[:group]``; a group without a user stands beside the image's user."""
    user, group = security.get("runAsUser"), security.get("runAsGroup")
    if group is None:
        return "" if user is None else str(user)
    if user is None:
        user = image.user.split(":", 1)[0] or "0"
    return f"{user}:{group}"


def supplemental_groups(pod: Pod) -> tuple[str, ...]:
    security = _mapping(pod.spec.get("securityContext"))
    groups = list(security.get("supplementalGroups") or ())
    if security.get("fsGroup") is not None:
        groups.insert(0, security["fsGroup"])
    return tuple(str(group) for group in groups)


def security_options(security: Json) -> tuple[str, ...]:
    options = []
    profile = _mapping(security.get("seccompProfile"))
    if profile.get("type") in (None, "", "Unconfined"):
        options.append("seccomp=unconfined")
    if security.get("allowPrivilegeEscalation") is False:
        options.append("no-new-privileges")
    return tuple(options)


def _mapping(value: object) -> Json:
    return value if isinstance(value, Mapping) else {}
