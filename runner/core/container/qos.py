"""Quality of service class of a pod.

Mirrors pkg/apis/core/v1/helper/qos/qos.go (ComputePodQOS): only cpu and memory of app and init containers count; resources
of the pod itself, if set, decide alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any

from runner.core.model import Json
from runner.core.text.quantity import ZERO, Quantity, parse_quantity

_COUNTED = ("cpu", "memory")


class QosClass(StrEnum):
    """How the pod stands when resources run short."""

    GUARANTEED = "Guaranteed"
    BURSTABLE = "Burstable"
    BEST_EFFORT = "BestEffort"


def qos_class(pod: Json) -> QosClass:
    """The class of a v1 Pod object; missing requests count as defaulted from limits. Raises QuantityError."""
    spec = _mapping(pod.get("spec"))
    own = _mapping(spec.get("resources"))
    if own.get("requests") or own.get("limits"):
        holders: list[Json] = [own]
    else:
        containers = (*(spec.get("containers") or ()), *(spec.get("initContainers") or ()))
        holders = [_mapping(container.get("resources")) for container in containers]
    limits = [_positive(_mapping(resources.get("limits"))) for resources in holders]
    requests = [
        asked | {name: amount for name, amount in allowed.items() if name not in _mapping(resources.get("requests"))}
        for resources, allowed in zip(holders, limits, strict=True)
        for asked in (_positive(_mapping(resources.get("requests"))),)
    ]
    requested, limited = _sums(requests), _sums(limits)
    if not requested and not limited:
        return QosClass.BEST_EFFORT
    if all(len(allowed) == len(_COUNTED) for allowed in limits) and requested == limited:
        return QosClass.GUARANTEED
    return QosClass.BURSTABLE


def _mapping(value: object) -> Json:
    return value if isinstance(value, Mapping) else {}


def _positive(amounts: Mapping[str, Any]) -> dict[str, Quantity]:
    read = {name: parse_quantity(amounts[name]) for name in _COUNTED if name in amounts}
    return {name: amount for name, amount in read.items() if amount > ZERO}


def _sums(parts: Iterable[dict[str, Quantity]]) -> dict[str, Quantity]:
    total: dict[str, Quantity] = {}
    for part in parts:
        for name, amount in part.items():
            total[name] = total.get(name, ZERO) + amount
    return total
