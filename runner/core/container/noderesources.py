"""What a resourceFieldRef yields, and the size of the node that stands in for a limit that is not set.

Mirrors pkg/api/v1/resource/helpers.go (ExtractContainerResourceValue, MergeContainerResourceLimits).
"""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct

from runner.core.model import Container, Json, Pod
from runner.core.objects import ConfigError
from runner.core.text.quantity import NANO, ZERO, Quantity, parse_quantity


class NodeSize(Struct, frozen=True, kw_only=True):
    """What the node can give to pods: whole cores, bytes of memory, bytes of disk (0: not known)."""

    cpus: int = 0
    memory: int = 0
    ephemeral_storage: int = 0

    def allocatable(self, resource: str) -> Quantity:
        """The amount of one resource; none of what a node here does not have, huge pages for instance."""
        amounts = {"cpu": self.cpus, "memory": self.memory, "ephemeral-storage": self.ephemeral_storage}
        return Quantity(nanos=amounts.get(resource, 0) * NANO)


NodeLook = Callable[[], NodeSize]
"""Asks for the node's size; called only when something needs it."""


def unknown_node() -> NodeSize:
    """A node whose size is unknown."""
    return NodeSize()


def resource_value(pod: Pod, container: Container | None, reference: Json, node: NodeLook = unknown_node) -> str:
    """The value of a resourceFieldRef, rounded up to whole divisors; a limit that is not set is the node's size.

    Raises ConfigError for a container that the pod does not have.
    """
    name = reference.get("containerName")
    target = pod.container(str(name)) if name else container
    if target is None:
        raise ConfigError(f"container {name or ''} not found")
    section, _, resource = str(reference.get("resource", "")).partition(".")
    resources = (target.manifest.get("resources") or {}).get(section) or {}
    text = resources.get(resource)
    unset = node().allocatable(resource) if text is None and section == "limits" else ZERO
    amount = unset if text is None else parse_quantity(str(text))
    return str(amount.divided_by(parse_quantity(str(reference.get("divisor") or "1"))))
