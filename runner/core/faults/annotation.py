"""The annotation of a pod that runs with faults."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from runner.core.labels import FAULTS
from runner.core.model import Pod

if TYPE_CHECKING:
    from runner.core.faults.model import Fault


def annotated(pod: Pod, faults: Iterable[Fault]) -> Pod:
    """The pod, with the faults that are about it in an annotation; without any, as it is."""
    texts = [str(fault) for fault in faults if fault.is_in(pod.name)]
    if not texts:
        return pod
    metadata = pod.manifest["metadata"]
    annotations = {**(metadata.get("annotations") or {}), FAULTS: "; ".join(texts)}
    return Pod.from_json({**pod.manifest, "metadata": {**metadata, "annotations": annotations}})
