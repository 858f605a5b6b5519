"""Files that are written for a pod and mounted into each of its containers: /etc/hosts and /etc/resolv.conf.

Mirrors pkg/kubelet/kubelet_pods.go (makeMounts, makeHostsMount). They lie in the volume of the pod's termination messages,
and only where a pod asks for more than the Engine writes by itself.
"""

from __future__ import annotations

from collections.abc import Sequence

from runner.core.container.containerconfig import Mount
from runner.core.labels import SANDBOX_CONTAINER
from runner.core.model import Container, Pod
from runner.core.network.etchosts import needs_hosts_file
from runner.core.network.resolvconf import needs_resolver_config
from runner.core.volumes import VolumePlan

HOSTS = "etc/managed/hosts"
RESOLVER = "etc/managed/resolv.conf"
TARGETS = {HOSTS: "/etc/hosts", RESOLVER: "/etc/resolv.conf"}
"""Where the containers see each file."""


def managed_files(pod: Pod) -> tuple[str, ...]:
    """Paths in the volume of the files that this pod has."""
    hosts = (HOSTS,) if needs_hosts_file(pod) else ()
    return (*hosts, RESOLVER) if needs_resolver_config(pod) else hosts


def managed_mounts(pod: Pod, container: Container, volumes: Sequence[VolumePlan]) -> tuple[Mount, ...]:
    """The mounts of the pod's files; a volume that the container mounts at the same place wins."""
    taken = {mount.mount_path for mount in container.volume_mounts}
    plan = next((plan for plan in volumes if plan.name == SANDBOX_CONTAINER), None)
    return tuple(
        Mount(type=plan.type, source=plan.source, target=TARGETS[path], sub_path=path, is_own=True)
        for path in managed_files(pod)
        if plan is not None and TARGETS[path] not in taken
    )
