"""What a status tells of the resources of a whole pod.

Mirrors k8s.io/component-helpers/resource (PodRequests) and pkg/kubelet/kubelet_pods.go (convertToAPIPodLevelResourcesStatus):
requests of the pod itself stand before those that its containers come to; nothing is written back into the containers.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from runner.core.container.podlimits import pod_limit
from runner.core.model import Container, Json, Pod
from runner.core.text.quantity import ZERO, Quantity, parse_quantity

_OF_PODS = ("cpu", "memory", "hugepages-")
"""What a pod can ask for itself."""


def resources_status(pod: Pod) -> dict[str, Any]:
    """``resources`` and ``allocatedResources`` of the v1 PodStatus; empty for a pod that asks for nothing."""
    requests = {name: str(amount) for name, amount in pod_requests(pod).items()}
    limits = {name: str(limit) for name in ("cpu", "memory") if (limit := pod_limit(pod, name)) is not None}
    told = {key: value for key, value in (("limits", limits), ("requests", requests)) if value}
    found: dict[str, Any] = {"allocatedResources": requests} if requests else {}
    return {**found, "resources": told} if told else found


def pod_requests(pod: Pod) -> dict[str, Quantity]:
    """What a pod needs at most at one time, by resource. Raises QuantityError.

    Apps and sidecars count together, and each regular init container together with the sidecars before it.
    """
    beside: dict[str, Quantity] = {}
    most: dict[str, Quantity] = {}
    for container in pod.init_containers:
        if container.is_sidecar:
            beside = _sum(beside, _requests(container))
        else:
            most = _larger(most, _sum(beside, _requests(container)))
    everything = beside
    for container in pod.containers:
        everything = _sum(everything, _requests(container))
    own = _read(_mapping(_mapping(pod.spec.get("resources")).get("requests")))
    overhead = _read(_mapping(pod.spec.get("overhead")))
    asked = {name: amount for name, amount in own.items() if name.startswith(_OF_PODS)}
    return _sum({**_larger(most, everything), **asked}, overhead)


def _requests(container: Container) -> dict[str, Quantity]:
    return _read(_mapping(_mapping(container.manifest.get("resources")).get("requests")))


def _read(amounts: Json) -> dict[str, Quantity]:
    return {name: parse_quantity(str(amount)) for name, amount in amounts.items()}


def _sum(left: Mapping[str, Quantity], right: Mapping[str, Quantity]) -> dict[str, Quantity]:
    return {name: left.get(name, ZERO) + right.get(name, ZERO) for name in _names(left, right)}


def _larger(left: Mapping[str, Quantity], right: Mapping[str, Quantity]) -> dict[str, Quantity]:
    return {name: max(left.get(name, ZERO), right.get(name, ZERO)) for name in _names(left, right)}


def _names(left: Iterable[str], right: Iterable[str]) -> list[str]:
    return list(dict.fromkeys((*left, *right)))


def _mapping(value: object) -> Json:
    return value if isinstance(value, Mapping) else {}
