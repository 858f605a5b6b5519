"""Removes what is left of a pod in the Engine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from runner.core.labels import CONTAINER_NAME, DOCKER_TYPE, POD_UID, PREPARED, TYPE_SANDBOX, attempt_of, kept_name
from runner.core.model import Pod
from runner.core.narration import AttemptEnding
from runner.core.observed import ContainerRecord
from runner.core.sync.operations import Discard
from runner.engine.protocol import ContainerSummary, Engine, EngineState, tagged
from runner.errors import EngineConflict, EngineError, EngineUnavailable
from runner.kubelet.loop.podcache import PodCache
from runner.kubelet.loop.reporter import Reporter
from runner.kubelet.prober.results import Results
from runner.kubelet.volumes.planning import remove_volumes
from runner.kubelet.volumes.watching import VolumeWatch


@dataclass(frozen=True, slots=True)
class Remover:
    """Removes single instances of one pod's containers."""

    cache: PodCache
    reporter: Reporter
    results: Results
    engine: Engine
    volumes: VolumeWatch

    def remove(self, record: ContainerRecord, *, keep: bool = False) -> None:
        """Remove one instance, after its logs have been read to the end; or ``keep`` it, for debug alone. Raises EngineError."""
        container = self.cache.pod.container(record.name)
        self.volumes.settle()
        self.reporter.tell(
            AttemptEnding(
                ref=self.reporter.ref,
                container=record.name,
                is_init=container is not None and container.is_init,
                attempt=record.attempt,
                container_id=record.id,
                inspection=self.cache.observer.end_of(record.id),
            )
        )
        engine = self.engine.of(container=record.name, attempt=record.attempt)
        if not (keep and _put_aside(engine, record.id)):
            engine.remove_container(record.id)
            self.cache.observer.forget(record.id)
        else:
            self.cache.observer.keep(record.id, record.name, record.attempt)
        self.results.forget(record.id)

    def drop(self, operation: Discard) -> None:
        """Remove what was kept for debug. Raises EngineError."""
        engine = self.engine.of(container=operation.target, attempt=operation.attempt)
        engine.remove_container(operation.container_id)
        self.cache.observer.drop(operation.container_id)


def _put_aside(engine: Engine, container_id: str) -> bool:
    """Give a dead instance the name that says that it counts for nothing. Returns whether it has it."""
    try:
        engine.rename_container(container_id, kept_name(container_id))
    except EngineUnavailable:
        raise
    except EngineError:
        return False
    return True


def remove_everything(pod: Pod, engine: Engine, owner: str) -> None:
    """Remove whatever carries the pod's UID, sandboxes last: the others live in their namespaces.

    Returns when a look has found nothing. Raises EngineError; EngineConflict, which may pass, when something is left.
    """
    labels = {POD_UID: pod.uid}
    containers = engine.list_containers(labels)
    _remove(engine, containers)
    remove_volumes(engine, pod, owner)
    if (containers and engine.list_containers(labels)) or engine.list_volumes(labels):
        raise EngineConflict("something of the pod is still there", recoverable=True)


def remove_unfinished(pod: Pod, engine: Engine, noted: Mapping[str, int]) -> None:
    """Remove what a dead process left half made, and the containers that it created ahead of their turn. Raises EngineError.

    A sandbox that is not in ``noted`` may lack content of its volumes. ``noted``: the highest recorded attempts of
    containers and sandbox.
    """

    def is_unfinished(one: ContainerSummary) -> bool:
        if attempt_of(one.labels) <= noted.get(one.labels.get(CONTAINER_NAME, ""), -1):
            return False
        if one.labels.get(DOCKER_TYPE) == TYPE_SANDBOX:
            return True
        return PREPARED in one.labels and one.state is EngineState.CREATED

    _remove(engine, [one for one in engine.list_containers({POD_UID: pod.uid}) if is_unfinished(one)])


def _remove(engine: Engine, containers: list[ContainerSummary]) -> None:
    """Sandboxes last: the others live in their namespaces."""
    for summary in sorted(containers, key=lambda one: one.labels.get(DOCKER_TYPE) == TYPE_SANDBOX):
        tagged(engine, summary.labels).remove_container(summary.id)
