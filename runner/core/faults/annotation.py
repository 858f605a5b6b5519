"""The annotation of a pod that runs with faults."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from runner.core.labels import FAULTS
from runner.core.model import Json, Pod

if TYPE_CHECKING:
    from runner.core.faults.model import Fault


def annotated(pod: Pod, faults: Iterable[Fault]) -> Pod:
    """The pod, with the faults that are about it in an annotation; without any, as it is."""
    value = annotated_value(pod.manifest, faults)
    return pod if value is pod.manifest else Pod.from_json(value)


def annotated_value(value: Json, faults: Iterable[Fault]) -> Json:
    """The same for a v1 Pod."""
    metadata = value["metadata"]
    texts = [str(fault) for fault in faults if fault.is_in(str(metadata["name"]))]
    if not texts:
        return value
    annotations = {**(metadata.get("annotations") or {}), FAULTS: "; ".join(texts)}
    return {**value, "metadata": {**metadata, "annotations": annotations}}
