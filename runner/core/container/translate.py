"""From a Pod to what the Engine is told to create for one of its containers.

Mirrors pkg/kubelet/kuberuntime/kuberuntime_container.go and pkg/kubelet/dockershim/docker_container.go. These functions
ask the Engine nothing; what they have to know of it is an argument.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct

from runner.core.container.containerconfig import ContainerConfig, Mount
from runner.core.container.environment import manifest_path
from runner.core.container.expansion import expand_each
from runner.core.container.managedfiles import managed_mounts
from runner.core.container.messages import message_mount
from runner.core.container.mounts import volume_mounts
from runner.core.container.noderesources import NodeLook, unknown_node
from runner.core.container.resources import resources_of
from runner.core.container.security import (
    ImageFacts,
    container_user,
    effective_security,
    kernel_paths,
    security_options,
    supplemental_groups,
    verify_non_root,
)
from runner.core.labels import RESTART_COUNT, container_labels, container_name
from runner.core.model import EMPTY, Container, Json, Pod
from runner.core.volumes import VolumePlan


class Template(Struct, frozen=True, kw_only=True):
    """What all instances of a container in one sandbox have in common."""

    pod: Pod
    container: Container
    volumes: Sequence[VolumePlan]
    labels: Mapping[str, str]
    mounts: tuple[Mount, ...]
    managed: tuple[Mount, ...]
    settings: Mapping[str, Any]

    def config(self, attempt: int) -> ContainerConfig:
        """One instance."""
        return ContainerConfig(
            name=container_name(self.container.name, self.pod, attempt),
            labels={**self.labels, RESTART_COUNT: str(attempt)},
            mounts=(*self.mounts, *message_mount(self.container, attempt, self.volumes), *self.managed),
            **self.settings,
        )


def container_config(
    pod: Pod,
    container: Container,
    *,
    attempt: int,
    sandbox_id: str,
    environment: Mapping[str, str],
    volumes: Sequence[VolumePlan],
    image: ImageFacts,
    owner: str,
    recursive_read_only: bool = False,
    seccomp_profiles: Mapping[str, str] = EMPTY,
    node: NodeLook = unknown_node,
    target_id: str = "",
) -> ContainerConfig:
    """One container. Raises ConfigError with the kubelet's text when it cannot be configured.

    ``recursive_read_only``: the Engine can make mounts so. ``seccomp_profiles``: JSON of the node's profiles, by path.
    ``target_id``: the container whose processes it sees, where the pod's containers have theirs for themselves.
    """
    template = container_template(
        pod,
        container,
        sandbox_id=sandbox_id,
        environment=environment,
        volumes=volumes,
        image=image,
        owner=owner,
        recursive_read_only=recursive_read_only,
        seccomp_profiles=seccomp_profiles,
        node=node,
        target_id=target_id,
    )
    return template.config(attempt)


def container_template(
    pod: Pod,
    container: Container,
    *,
    sandbox_id: str,
    environment: Mapping[str, str],
    volumes: Sequence[VolumePlan],
    image: ImageFacts,
    owner: str,
    recursive_read_only: bool = False,
    seccomp_profiles: Mapping[str, str] = EMPTY,
    node: NodeLook = unknown_node,
    target_id: str = "",
) -> Template:
    """All instances of one container. Raises ConfigError with the kubelet's text when it cannot be configured."""
    manifest = container.manifest
    security = effective_security(pod, container)
    verify_non_root(pod, container, security, image)
    namespace = f"container:{sandbox_id}"
    path = manifest_path(pod, container)
    command = expand_each(container.command, environment, f"{path}.command")
    args = expand_each(container.args, environment, f"{path}.args")
    spec = pod.spec
    paths = kernel_paths(security)
    capabilities = _mapping(security.get("capabilities"))
    settings = {
        "image": container.image,
        "entrypoint": command or None,
        "command": args or None,
        "env": tuple(f"{name}={value}" for name, value in environment.items()),
        "working_dir": str(manifest.get("workingDir") or ""),
        "user": container_user(security, image),
        "network_mode": namespace,
        "ipc_mode": "host" if spec.get("hostIPC") else namespace,
        "pid_mode": _pid_mode(spec, namespace, target_id),
        "tty": bool(manifest.get("tty")),
        "stdin": bool(manifest.get("stdin")),
        "stdin_once": bool(manifest.get("stdinOnce")),
        "privileged": bool(security.get("privileged")),
        "read_only_rootfs": bool(security.get("readOnlyRootFilesystem")),
        "cap_add": tuple(capabilities.get("add") or ()),
        "cap_drop": tuple(capabilities.get("drop") or ()),
        "group_add": supplemental_groups(pod),
        "security_opt": security_options(security, seccomp_profiles),
        "masked_paths": paths.masked,
        "read_only_paths": paths.read_only,
        "stop_signal": container.stop_signal,
        "resources": resources_of(pod, container, node),
    }
    return Template(
        pod=pod,
        container=container,
        volumes=volumes,
        labels=container_labels(pod, container, attempt=0, sandbox_id=sandbox_id, owner=owner),
        mounts=volume_mounts(container, environment, volumes, recursive_read_only),
        managed=managed_mounts(pod, container, volumes),
        settings=settings,
    )


def _pid_mode(spec: Json, namespace: str, target_id: str) -> str:
    own = f"container:{target_id}" if target_id else ""
    return "host" if spec.get("hostPID") else namespace if spec.get("shareProcessNamespace") else own


def _mapping(value: object) -> Json:
    return value if isinstance(value, Mapping) else {}
