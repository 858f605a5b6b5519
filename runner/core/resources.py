"""The cgroup settings of a container.

Mirrors pkg/kubelet/kuberuntime/kuberuntime_container_linux.go and pkg/kubelet/cm/helpers_linux.go.
"""

from __future__ import annotations

from collections.abc import Mapping

from runner.core.containerconfig import Resources
from runner.core.model import Container, Json
from runner.core.quantity import parse_quantity

MIN_SHARES, MAX_SHARES = 2, 262144
_PERIOD = 100_000
_MIN_QUOTA = 1000


def resources_of(container: Container) -> Resources:
    """cgroup settings (kuberuntime_container_linux.go); memory and swap limits are equal: no swap."""
    resources = _mapping(container.manifest.get("resources"))
    limits, requests = _mapping(resources.get("limits")), _mapping(resources.get("requests"))
    memory = _amount(limits.get("memory"), milli=False)
    cpu_limit = _amount(limits.get("cpu"), milli=True)
    cpu_request = _amount(requests.get("cpu"), milli=True) if requests.get("cpu") is not None else cpu_limit
    shares = min(max(cpu_request * 1024 // 1000, MIN_SHARES), MAX_SHARES)
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
