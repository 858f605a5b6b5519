"""A pod made from a workload's template (pkg/controller/controller_utils.go GetPodFromTemplate)."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any

from runner.core.manifest.defaults import default_pod
from runner.core.workloads.model import Workload

PodObject = dict[str, Any]


def templated_pod(
    workload: Workload,
    *,
    name: str = "",
    generate: str = "",
    labels: Mapping[str, str] | None = None,
    annotations: Mapping[str, str] | None = None,
    adjust: Callable[[PodObject], None] | None = None,
) -> PodObject:
    """A v1 Pod owned by the workload, named ``name`` or to be named after ``generate``; ``adjust`` changes its spec."""
    written = workload.template.get("metadata") or {}
    metadata: PodObject = {"name": name} if name else {"generateName": generate}
    metadata["namespace"] = workload.namespace
    all_labels = {**(written.get("labels") or {}), **(labels or {})}
    all_annotations = {**(written.get("annotations") or {}), **(annotations or {})}
    if all_labels:
        metadata["labels"] = all_labels
    if all_annotations:
        metadata["annotations"] = all_annotations
    metadata["ownerReferences"] = [workload.owner_reference]
    spec: PodObject = copy.deepcopy(dict(workload.template["spec"]))
    if adjust is not None:
        adjust(spec)
    pod: PodObject = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}
    default_pod(pod)
    return pod
