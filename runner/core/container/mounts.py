"""The mounts of a container: its volume mounts, each found in the pod's volumes.

Mirrors pkg/kubelet/kubelet_pods.go (makeMounts).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from runner.core.container.containerconfig import Mount, MountType
from runner.core.container.expansion import MissingValue, TooLong, expand_required
from runner.core.model import Container, VolumeMount
from runner.core.objects import ConfigError
from runner.core.volumes import VolumePlan

_PROPAGATION = {"": "", "None": "rprivate", "HostToContainer": "rslave", "Bidirectional": "rshared"}


def volume_mounts(
    container: Container,
    environment: Mapping[str, str],
    volumes: Sequence[VolumePlan],
    recursive_read_only: bool = False,
) -> tuple[Mount, ...]:
    """The mounts in the container's order; ``recursive_read_only``: the Engine can make them so.

    Raises ConfigError with the kubelet's text.
    """
    plans = {plan.name: plan for plan in volumes}
    result = []
    for mount in container.volume_mounts:
        plan = plans.get(mount.name)
        if plan is None:
            raise ConfigError(f'cannot find volume "{mount.name}" to mount into container "{container.name}"')
        _check_recursion(mount, recursive_read_only)
        target = mount.mount_path if mount.mount_path.startswith("/") else f"/{mount.mount_path}"
        result.append(
            Mount(
                type=plan.type,
                source=plan.source,
                target=target,
                read_only=mount.read_only or plan.read_only,
                propagation=_PROPAGATION.get(mount.propagation, "") if plan.type is MountType.BIND else "",
                sub_path=_sub_path(mount, environment),
                volume=mount.name,
                is_sealed=plan.refreshes or plan.is_shared,
            )
        )
    return tuple(result)


def _check_recursion(mount: VolumeMount, is_supported: bool) -> None:
    """Refuse a mount that cannot be read-only with all that is mounted below it (kubelet_pods.go resolveRecursiveReadOnly).

    Where the Engine can, it makes every read-only bind so by itself.
    """
    if mount.recursive_read_only in ("", "Disabled"):
        return
    text = f'failed to resolve recursive read-only mode: volume "{mount.name}" requested recursive read-only mode, but it is'
    if not mount.read_only:
        raise ConfigError(f"{text} not read-only")
    if mount.propagation not in ("", "None"):
        raise ConfigError(f'{text} not compatible with propagation "{mount.propagation}"')
    if mount.recursive_read_only == "Enabled" and not is_supported:
        raise ConfigError(f"{text} not supported by the runtime")


def _sub_path(mount: VolumeMount, environment: Mapping[str, str]) -> str:
    """The mount's subPath, or its subPathExpr expanded; it may not lead out of the volume (kubelet_pods.go makeMounts)."""
    try:
        path = mount.sub_path or expand_required(mount.sub_path_expr, environment)
    except (MissingValue, TooLong) as error:
        raise ConfigError(str(error)) from error
    if path.startswith("/"):
        raise ConfigError(f"error SubPath `{path}` must not be an absolute path")
    if ".." in path.split("/"):
        raise ConfigError(f"unable to provision SubPath `{path}`: must not contain '..'")
    return path
