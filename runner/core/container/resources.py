"""The cgroup settings of a container.

Mirrors pkg/kubelet/kuberuntime/kuberuntime_container_linux.go and pkg/kubelet/cm/helpers_linux.go.
"""

from __future__ import annotations

from collections.abc import Mapping

from runner.core.container.containerconfig import Resources
from runner.core.container.noderesources import NodeLook, unknown_node
from runner.core.container.qos import QosClass, qos_class
from runner.core.model import Container, Json, Pod
from runner.core.text.quantity import MAX_BINARY, parse_quantity

MIN_SHARES, MAX_SHARES = 2, 262144
_PERIOD = 100_000
_MIN_QUOTA = 1000
_GUARANTEED_SCORE = -997
_BEST_EFFORT_SCORE = 1000


def resources_of(pod: Pod, container: Container, node: NodeLook = unknown_node) -> Resources:
    """The settings of one container; memory and swap limits are equal: no swap.

    A limit of the whole pod bounds each container that has none of its own (getCPULimit, getMemoryLimit). The node is only
    asked when the pod is Burstable.
    """
    limits, requests = _section(container.manifest, "limits"), _section(container.manifest, "requests")
    shared = _section(pod.spec, "limits")
    memory = _amount(limits.get("memory"), milli=False) or _amount(shared.get("memory"), milli=False)
    cpu_limit = _amount(limits.get("cpu"), milli=True) or _amount(shared.get("cpu"), milli=True)
    cpu_request = _amount(requests.get("cpu"), milli=True) if requests.get("cpu") is not None else cpu_limit
    shares = min(max(cpu_request * 1024 // 1000, MIN_SHARES), MAX_SHARES)
    quota = min(max(cpu_limit * _PERIOD // 1000, _MIN_QUOTA), MAX_BINARY) if cpu_limit else 0
    return Resources(
        memory=memory,
        memory_swap=memory,
        cpu_shares=shares,
        cpu_quota=quota,
        cpu_period=_PERIOD if quota else 0,
        oom_score_adj=max(oom_score_adj(pod, container, node), 0),
    )


def oom_score_adj(pod: Pod, container: Container, node: NodeLook) -> int:
    """How readily the kernel ends the container when memory runs out (pkg/kubelet/qos/policy.go).

    The scores of Guaranteed pods are below 0, which Engines inside of containers or without root may not set: whoever uses
    them cuts them at 0, which still is the best of all that are not below.
    """
    quality = qos_class(pod.manifest)
    if quality is QosClass.GUARANTEED or pod.spec.get("priorityClassName") == "system-node-critical":
        return _GUARANTEED_SCORE
    if quality is QosClass.BEST_EFFORT:
        return _BEST_EFFORT_SCORE
    score = _burstable_score(pod, container, node)
    if container.is_sidecar:
        score = min(score, *(_burstable_score(pod, app, node) for app in pod.containers))
    return min(max(score, _BEST_EFFORT_SCORE + _GUARANTEED_SCORE), _BEST_EFFORT_SCORE - 1)


def _burstable_score(pod: Pod, container: Container, node: NodeLook) -> int:
    request = _memory_request(container) + _share_of_rest(pod)
    size = node().memory if request else 0
    return _BEST_EFFORT_SCORE - 1000 * request // size if size else _BEST_EFFORT_SCORE


def _share_of_rest(pod: Pod) -> int:
    """What one container gets of the memory that is requested for the pod and not by any of its containers."""
    whole = _amount(_section(pod.spec, "requests").get("memory"), milli=False)
    everyone = (*pod.sidecars, *pod.containers)
    return max(whole - sum(_memory_request(container) for container in everyone), 0) // len(everyone) if whole else 0


def _memory_request(container: Container) -> int:
    return _amount(_section(container.manifest, "requests").get("memory"), milli=False)


def unenforced_storage(pod: Pod) -> tuple[str, ...]:
    """Names of the containers whose limit of ephemeral storage is not watched here."""
    return tuple(
        container.name
        for container in pod.all_containers()
        if _section(container.manifest, "limits").get("ephemeral-storage") is not None
    )


def _section(holder: Json, section: str) -> Json:
    return _mapping(_mapping(holder.get("resources")).get(section))


def _amount(text: object, *, milli: bool) -> int:
    if text is None:
        return 0
    quantity = parse_quantity(str(text))
    return quantity.milli() if milli else quantity.ceil()


def _mapping(value: object) -> Json:
    return value if isinstance(value, Mapping) else {}
