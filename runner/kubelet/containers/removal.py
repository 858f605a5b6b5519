"""Removes what is left of a pod in the Engine."""

from __future__ import annotations

from runner.core.labels import CONTAINER_NAME, DOCKER_TYPE, POD_UID, TYPE_SANDBOX, attempt_of
from runner.core.model import Pod
from runner.engine.protocol import Engine
from runner.errors import EngineConflict
from runner.kubelet.volumes.planning import remove_volumes


def remove_everything(pod: Pod, engine: Engine, owner: str) -> None:
    """Remove whatever carries the pod's UID, sandboxes last: the others live in their namespaces.

    Returns when a look has found nothing. Raises EngineError; EngineConflict, which may pass, when something is left.
    """
    labels = {POD_UID: pod.uid}
    containers = engine.list_containers(labels)
    for summary in sorted(containers, key=lambda one: one.labels.get(DOCKER_TYPE) == TYPE_SANDBOX):
        tagged = engine.of(container=summary.labels.get(CONTAINER_NAME, ""), attempt=attempt_of(summary.labels))
        tagged.remove_container(summary.id)
    remove_volumes(engine, pod, owner)
    if (containers and engine.list_containers(labels)) or engine.list_volumes(labels):
        raise EngineConflict("something of the pod is still there", recoverable=True)
