"""From a Pod to what the Engine is told to create: the sandbox and each container.

Mirrors pkg/kubelet/dockershim (docker_sandbox.go, docker_container.go, security_context.go), kuberuntime_sandbox.go and
kuberuntime_container_linux.go. Nothing is asked of the Engine here; what has to be known of it is an argument.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from runner.core.containerconfig import ContainerConfig, Mount, MountType, PortBinding, Resources
from runner.core.expansion import MissingValue, expand, expand_required
from runner.core.labels import RESTART_COUNT, container_labels, container_name, sandbox_labels, sandbox_name
from runner.core.messages import message_mount
from runner.core.model import Container, Json, Pod, VolumeMount
from runner.core.objects import ConfigError
from runner.core.quantity import parse_quantity
from runner.core.quick import quick
from runner.core.volumes import SANDBOX_ROOT, VolumePlan

_PROPAGATION = {"": "", "None": "rprivate", "HostToContainer": "rslave", "Bidirectional": "rshared"}
_MIN_SHARES, _MAX_SHARES = 2, 262144
_PERIOD = 100_000
_MIN_QUOTA = 1000
_HOSTNAME_LENGTH = 63


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageFacts:
    """What a container's configuration depends on in its image: the user it names."""

    user: str = ""


def sandbox_config(pod: Pod, *, attempt: int, image: str, volumes: Sequence[VolumePlan], owner: str) -> ContainerConfig:
    """The sandbox: owner of the pod's network, IPC and host name, and the place where every volume is mounted."""
    spec, security = pod.spec, _mapping(pod.spec.get("securityContext"))
    hosts = tuple(
        f"{name}:{alias.get('ip')}" for alias in spec.get("hostAliases") or () for name in alias.get("hostnames") or ()
    )
    dns = _mapping(spec.get("dnsConfig"))
    return ContainerConfig(
        name=sandbox_name(pod, attempt),
        image=image,
        labels=sandbox_labels(pod, attempt, owner),
        hostname="" if pod.host_network else hostname(pod),
        network_mode="host" if pod.host_network else "bridge",
        ipc_mode="host" if spec.get("hostIPC") else "shareable",
        pid_mode="host" if spec.get("hostPID") else "",
        mounts=tuple(_sandbox_mount(plan) for plan in volumes),
        port_bindings=() if pod.host_network else host_ports(pod),
        privileged=any(_mapping(c.manifest.get("securityContext")).get("privileged") for c in pod.all_containers()),
        security_opt=("no-new-privileges",),
        sysctls={str(s.get("name")): str(s.get("value")) for s in security.get("sysctls") or ()},
        extra_hosts=() if pod.host_network else hosts,
        dns=tuple(dns.get("nameservers") or ()),
        dns_search=tuple(dns.get("searches") or ()),
        dns_options=tuple(_dns_option(option) for option in dns.get("options") or ()),
        resources=Resources(cpu_shares=_MIN_SHARES),
    )


def _dns_option(option: Json) -> str:
    value = option.get("value")
    return f"{option.get('name')}:{value}" if value else str(option.get("name"))


def hostname(pod: Pod) -> str:
    """The pod's host name: at most 63 characters, without trailing dots and hyphens (kubelet_pods.go truncatePodHostname)."""
    name = str(pod.spec.get("hostnameOverride") or pod.spec.get("hostname") or pod.name)
    return name[:_HOSTNAME_LENGTH].rstrip("-.")


def host_ports(pod: Pod) -> tuple[PortBinding, ...]:
    """Published ports: hostPorts of app containers only (kuberuntime_sandbox.go)."""
    return tuple(
        PortBinding(
            container_port=int(port["containerPort"]),
            protocol=str(port.get("protocol") or "TCP").lower(),
            host_port=int(port["hostPort"]),
            host_ip=str(port.get("hostIP") or ""),
        )
        for container in pod.containers
        for port in container.manifest.get("ports") or ()
        if port.get("hostPort")
    )


def _sandbox_mount(plan: VolumePlan) -> Mount:
    return Mount(type=plan.type, source=plan.source, target=f"/{SANDBOX_ROOT}/{plan.name}", create=plan.create)


@quick
@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """What all instances of a container in one sandbox have in common."""

    pod: Pod
    container: Container
    volumes: Sequence[VolumePlan]
    labels: Mapping[str, str]
    mounts: tuple[Mount, ...]
    settings: Mapping[str, Any]

    def config(self, attempt: int) -> ContainerConfig:
        """One instance."""
        return ContainerConfig(
            name=container_name(self.container.name, self.pod, attempt),
            labels={**self.labels, RESTART_COUNT: str(attempt)},
            mounts=self.mounts + message_mount(self.container, attempt, self.volumes),
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
) -> ContainerConfig:
    """One container. Raises ConfigError with the kubelet's text when it cannot be configured."""
    template = container_template(
        pod, container, sandbox_id=sandbox_id, environment=environment, volumes=volumes, image=image, owner=owner
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
) -> Template:
    """All instances of one container. Raises ConfigError with the kubelet's text when it cannot be configured."""
    manifest = container.manifest
    security = effective_security(pod, container)
    verify_non_root(pod, container, security, image)
    namespace = f"container:{sandbox_id}"
    command = tuple(expand(part, environment) for part in container.command)
    args = tuple(expand(part, environment) for part in container.args)
    spec = pod.spec
    pid = "host" if spec.get("hostPID") else namespace if spec.get("shareProcessNamespace") else ""
    capabilities = _mapping(security.get("capabilities"))
    settings = {
        "image": container.image,
        "entrypoint": command or None,
        "command": args or None,
        "env": tuple(f"{name}={value}" for name, value in environment.items()),
        "working_dir": str(manifest.get("workingDir") or ""),
        "user": _user(security, image),
        "network_mode": namespace,
        "ipc_mode": "host" if spec.get("hostIPC") else namespace,
        "pid_mode": pid,
        "tty": bool(manifest.get("tty")),
        "stdin": bool(manifest.get("stdin")),
        "stdin_once": bool(manifest.get("stdinOnce")),
        "privileged": bool(security.get("privileged")),
        "read_only_rootfs": bool(security.get("readOnlyRootFilesystem")),
        "cap_add": tuple(capabilities.get("add") or ()),
        "cap_drop": tuple(capabilities.get("drop") or ()),
        "group_add": _groups(pod),
        "security_opt": _security_options(security),
        "stop_signal": container.stop_signal,
        "resources": resources_of(container),
    }
    return Template(
        pod=pod,
        container=container,
        volumes=volumes,
        labels=container_labels(pod, container, attempt=0, sandbox_id=sandbox_id, owner=owner),
        mounts=_mounts(container, environment, volumes),
        settings=settings,
    )


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


def _user(security: Json, image: ImageFacts) -> str:
    """Docker's ``user[:group]``; a group without a user stands beside the image's user."""
    user, group = security.get("runAsUser"), security.get("runAsGroup")
    if group is None:
        return "" if user is None else str(user)
    if user is None:
        user = image.user.split(":", 1)[0] or "0"
    return f"{user}:{group}"


def _groups(pod: Pod) -> tuple[str, ...]:
    security = _mapping(pod.spec.get("securityContext"))
    groups = list(security.get("supplementalGroups") or ())
    if security.get("fsGroup") is not None:
        groups.insert(0, security["fsGroup"])
    return tuple(str(group) for group in groups)


def _security_options(security: Json) -> tuple[str, ...]:
    options = []
    profile = _mapping(security.get("seccompProfile"))
    if profile.get("type") in (None, "", "Unconfined"):
        options.append("seccomp=unconfined")
    if security.get("allowPrivilegeEscalation") is False:
        options.append("no-new-privileges")
    return tuple(options)


def _mounts(container: Container, environment: Mapping[str, str], volumes: Sequence[VolumePlan]) -> tuple[Mount, ...]:
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


def resources_of(container: Container) -> Resources:
    """cgroup settings (kuberuntime_container_linux.go); memory and swap limits are equal: no swap."""
    resources = _mapping(container.manifest.get("resources"))
    limits, requests = _mapping(resources.get("limits")), _mapping(resources.get("requests"))
    memory = _amount(limits.get("memory"), milli=False)
    cpu_limit = _amount(limits.get("cpu"), milli=True)
    cpu_request = _amount(requests.get("cpu"), milli=True) if requests.get("cpu") is not None else cpu_limit
    shares = min(max(cpu_request * 1024 // 1000, _MIN_SHARES), _MAX_SHARES)
    quota = max(cpu_limit * _PERIOD // 1000, _MIN_QUOTA) if cpu_limit else 0
    return Resources(
        memory=memory,
        memory_swap=memory,
        cpu_shares=shares,
        cpu_quota=quota,
        cpu_period=_PERIOD if quota else 0,
    )


def _amount(text: object, *, milli: bool) -> int:
    if text is None:
        return 0
    quantity = parse_quantity(str(text))
    return quantity.milli() if milli else quantity.ceil()


def _mapping(value: object) -> Json:
    return value if isinstance(value, Mapping) else {}
