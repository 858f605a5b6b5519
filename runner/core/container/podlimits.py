"""How much of a resource all containers of a pod may use together.

Mirrors k8s.io/component-helpers/resource (PodLimits) as pkg/kubelet/cm/helpers_linux.go uses it (ResourceConfigForPod): the
pod is limited only when every container is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from runner.core.model import Container, Json, Pod
from runner.core.text.quantity import ZERO, Quantity, parse_quantity


def pod_limit(pod: Pod, resource: str) -> Quantity | None:
    """The limit of the whole pod; None when it has none. Raises QuantityError.

    Limits of the pod itself decide. Else apps and sidecars count together, and each regular init container together with
    the sidecars before it; the largest of these sums is the limit.
    """
    own = _limit(_mapping(pod.spec.get("resources")), resource)
    if own is not None:
        return own
    limits = {c.name: _limit(_mapping(c.manifest.get("resources")), resource) for c in pod.all_containers()}
    known = {name: limit for name, limit in limits.items() if limit is not None}
    if not known or len(known) < len(limits):
        return None
    together: list[Container] = []
    sums = []
    for container in pod.init_containers:
        if container.is_sidecar:
            together.append(container)
        else:
            sums.append(_sum(known[c.name] for c in (*together, container)))
    sums.append(_sum(known[c.name] for c in (*together, *pod.containers)))
    return max(sums)


def _limit(resources: Json, resource: str) -> Quantity | None:
    text = _mapping(resources.get("limits")).get(resource)
    limit = ZERO if text is None else parse_quantity(str(text))
    return limit if limit > ZERO else None


def _sum(amounts: Iterable[Quantity]) -> Quantity:
    return sum(amounts, ZERO)


def _mapping(value: object) -> Json:
    return value if isinstance(value, Mapping) else {}
