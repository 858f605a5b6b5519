"""From a Pod to the sandbox: owner of the pod's network, IPC and host name, and the place where every volume is mounted.

Mirrors pkg/kubelet/kuberuntime/kuberuntime_sandbox.go and pkg/kubelet/dockershim/docker_sandbox.go.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from runner.core.container.containerconfig import ContainerConfig, Mount, MountType, PortBinding, Resources
from runner.core.container.identity import kernel_hostname
from runner.core.container.nodeadmission import normal_sysctl
from runner.core.container.resources import MIN_SHARES
from runner.core.labels import sandbox_labels, sandbox_name
from runner.core.model import Json, Pod
from runner.core.network.clusterdns import RESOLVER_VARIABLE, asks_cluster, search_domains
from runner.core.volumes import SANDBOX_ROOT, VolumePlan


def sandbox_config(pod: Pod, *, attempt: int, image: str, volumes: Sequence[VolumePlan], owner: str) -> ContainerConfig:
    """The sandbox: owner of the pod's network, IPC and host name, and the place where every volume is mounted."""
    spec, security = pod.spec, _mapping(pod.spec.get("securityContext"))
    return ContainerConfig(
        name=sandbox_name(pod, attempt),
        image=image,
        labels=sandbox_labels(pod, attempt, owner),
        env=(f"{RESOLVER_VARIABLE}={' '.join(search_domains(pod.namespace))}",) if asks_cluster(pod) else (),
        hostname="" if pod.host_network else kernel_hostname(pod),
        network_mode="host" if pod.host_network else "bridge",
        ipc_mode="host" if spec.get("hostIPC") else "shareable",
        pid_mode="host" if spec.get("hostPID") else "",
        mounts=tuple(_sandbox_mount(plan) for plan in volumes),
        port_bindings=() if pod.host_network else host_ports(pod),
        privileged=any(_mapping(c.manifest.get("securityContext")).get("privileged") for c in pod.all_containers()),
        security_opt=("no-new-privileges",),
        sysctls={normal_sysctl(str(s.get("name"))): str(s.get("value")) for s in security.get("sysctls") or ()},
        resources=Resources(cpu_shares=MIN_SHARES),
    )


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
    # A host path without a type is not checked; the Engine makes a directory of it, as runtimes did for the kubelet.
    makes_source = plan.type is MountType.BIND and not plan.host_type
    target = f"/{SANDBOX_ROOT}/{plan.name}"
    return Mount(type=plan.type, source=plan.source, target=target, makes_source=makes_source, create=plan.create)


def _mapping(value: object) -> Json:
    return value if isinstance(value, Mapping) else {}
