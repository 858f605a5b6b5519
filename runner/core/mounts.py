"""The mounts of a container: its volume mounts, each found in the pod's volumes.

Mirrors pkg/kubelet/kubelet_pods.go (makeMounts).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from runner.core.containerconfig import Mount, MountType
from runner.core.expansion import MissingValue, expand_required
from runner.core.model import Container, VolumeMount
from runner.core.objects import ConfigError
from runner.core.volumes import VolumePlan

_PROPAGATION = {"": "", "None": "rprivate", "HostToContainer": "rslave", "Bidirectional": "rshared"}


def volume_mounts(
    container: Container, environment: Mapping[str, str], volumes: Sequence[VolumePlan]
) -> tuple[Mount, ...]:
    """The mounts in the container's order. Raises ConfigError with the kubelet's text."""
    plans = {plan.name: plan for plan in volumes}
    result = []
    for mount in container.volume_mounts:
        plan = plans.get(mount.name)
        if plan is None:
            raise ConfigError(f'cannot find volume "{mount.name}" to mount into container "{container.name}"')
        sub_path = _sub_path(mount, environment)
        source = plan.source
        if plan.type is MountType.BIND and sub_path:
            source, sub_path = f"{source.rstrip('/')}/{sub_path}", ""
        target = mount.mount_path if mount.mount_path.startswith("/") else f"/{mount.mount_path}"
        result.append(
            Mount(
                type=plan.type,
                source=source,
                target=target,
                read_only=mount.read_only or plan.read_only,
                propagation=_PROPAGATION.get(mount.propagation, "") if plan.type is MountType.BIND else "",
                sub_path=sub_path,
            )
        )
    return tuple(result)


def _sub_path(mount: VolumeMount, environment: Mapping[str, str]) -> str:
    """The mount's subPath, or its subPathExpr expanded; it may not lead out of the volume (kubelet_pods.go makeMounts)."""
    try:
        path = mount.sub_path or expand_required(mount.sub_path_expr, environment)
    except MissingValue as error:
        raise ConfigError(str(error)) from error
    if path.startswith("/"):
        raise ConfigError(f"error SubPath `{path}` must not be an absolute path")
    if ".." in path.split("/"):
        raise ConfigError(f"unable to provision SubPath `{path}`: must not contain '..'")
    return path
