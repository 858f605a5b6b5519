"""Workloads: the objects that make pods, which pods they make, and what they do when those end.

`expand` turns loaded objects into workloads; `reconcile` says, whenever something has changed, which pods to create and to
delete. Both are values in, values out; the names' random parts come from the caller.
"""

from __future__ import annotations

from runner.core.workloads.expand import WORKLOAD_KINDS, expand, template_spec
from runner.core.workloads.model import (
    Identities,
    Member,
    Reconciliation,
    Workload,
    WorkloadKind,
    WorkloadState,
)
from runner.core.workloads.reconcile import reconcile

__all__ = [
    "WORKLOAD_KINDS",
    "Identities",
    "Member",
    "Reconciliation",
    "Workload",
    "WorkloadKind",
    "WorkloadState",
    "expand",
    "reconcile",
    "template_spec",
]
