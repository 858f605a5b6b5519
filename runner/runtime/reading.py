"""Reads one container's output for somebody else's eyes: from the Engine while it has it, else from what was saved.

Messages mirror pkg/registry/core/pod/strategy.go (LogLocation) and kubelet_pods.go (validateContainerLogStatus).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

from msgspec import Struct

from runner.clock import Clock
from runner.core.labels import CONTAINER_NAME, DOCKER_TYPE, POD_UID, TYPE_CONTAINER, attempt_of
from runner.core.model import Pod
from runner.core.podstatus import ContainerStatus, PodStatus
from runner.core.reasons import WaitingReason
from runner.engine.protocol import Engine, LogChunk
from runner.errors import EngineError, EngineUnavailable, NotFound, UsageError
from runner.runtime.home import Home
from runner.runtime.logs import read_saved, saved_attempts
from runner.runtime.narration import LogLine, PodRef
from runner.runtime.storage import Object


class LogQuestion(Struct, frozen=True, kw_only=True):
    """What of the output is wanted: ``tail`` in lines, ``since`` in seconds ago."""

    container: str | None
    previous: bool = False
    follow: bool = False
    tail: int | None = None
    since: float | None = None


def read_logs(value: Object, question: LogQuestion, *, engine: Engine, home: Home, clock: Clock) -> Iterator[LogLine]:
    """One container's output, line by line. Raises UsageError when it cannot be had."""
    pod = Pod.from_json(value)
    status = PodStatus.from_json(value.get("status") or {})
    name = _container(pod, question.container)
    container = pod.container(name)
    assert container is not None
    ref = PodRef(namespace=pod.namespace, name=pod.name, uid=pod.uid)
    attempt, chunks = _chunks(pod, ref, name, status, question, engine, home, clock)
    for chunk in chunks:
        yield LogLine(
            ref=ref,
            container=name,
            is_init=container.is_init,
            attempt=attempt,
            stream=chunk.stream,
            data=chunk.data.removesuffix(b"\n"),
            timestamp=chunk.timestamp,
        )


def read_attempt(
    ref: PodRef, container: str, number: int, container_id: str, engine: Engine, home: Home
) -> Iterator[bytes]:
    """The lines that one instance of a container has printed so far; from what was saved when the Engine has it no more."""
    try:
        chunks = list(engine.logs(container_id, follow=False))
    except EngineError:  # It has gone, or is about to.
        chunks = list(read_saved(home, ref, container, number))
    yield from (chunk.data.removesuffix(b"\n") for chunk in chunks)


def _container(pod: Pod, name: str | None) -> str:
    names = [c.name for c in pod.all_containers()]
    if name is None:
        if len(names) > 1:
            choice = " ".join(names)
            raise UsageError(f"a container name must be specified for pod {pod.name}, choose one of: [{choice}]")
        return names[0]
    if name not in names:
        raise UsageError(f"container {name} is not valid for pod {pod.name}")
    return name


def _chunks(
    pod: Pod,
    ref: PodRef,
    name: str,
    status: PodStatus,
    question: LogQuestion,
    engine: Engine,
    home: Home,
    clock: Clock,
) -> tuple[int, Iterator[LogChunk]]:
    since = None if question.since is None else clock.now() - timedelta(seconds=question.since)
    instances = _instances(engine, pod, name)
    saved = saved_attempts(home, ref, name)
    shown = status.container(name)
    if question.previous:
        attempt = _previous(shown, instances)
    else:
        attempt = max(
            (*instances, *saved), default=None if shown is None or not _has_run(shown) else shown.restart_count
        )
    if attempt is None:
        raise UsageError(_nothing(pod, name, shown, previous=question.previous))
    if attempt in instances:
        return attempt, _from_engine(engine, instances[attempt], question, since)
    return attempt, read_saved(home, ref, name, attempt, tail=question.tail, since=since)


def _previous(shown: ContainerStatus | None, instances: Mapping[int, str]) -> int | None:
    """The attempt that ended last; None when none has. While a container waits it is the one that is counted last."""
    if shown is None or shown.last_terminated is None:
        return None
    ended = shown.last_terminated.container_id.rpartition("/")[2]
    known = next((attempt for attempt, container_id in instances.items() if container_id == ended), None)
    return shown.restart_count - (shown.waiting is None) if known is None else known


def _has_run(shown: ContainerStatus) -> bool:
    return shown.running is not None or shown.terminated is not None or shown.last_terminated is not None


def _instances(engine: Engine, pod: Pod, name: str) -> dict[int, str]:
    """The instances that the Engine still has, by attempt; none when it does not answer."""
    labels = {POD_UID: pod.uid, DOCKER_TYPE: TYPE_CONTAINER, CONTAINER_NAME: name}
    try:
        found = engine.list_containers(labels)
    except EngineUnavailable:
        return {}
    return {attempt_of(summary.labels): summary.id for summary in found if summary.state != "created"}


def _from_engine(
    engine: Engine, container_id: str, question: LogQuestion, since: datetime | None
) -> Iterator[LogChunk]:
    try:
        yield from engine.logs(container_id, follow=question.follow, tail=question.tail, since=since)
    except NotFound:
        return  # Removed while it was read.


def _nothing(pod: Pod, name: str, status: ContainerStatus | None, *, previous: bool) -> str:
    if previous:
        return f'previous terminated container "{name}" in pod "{pod.name}" not found'
    waiting = status.waiting if status is not None else None
    reason = waiting.reason if waiting is not None else WaitingReason.CONTAINER_CREATING
    explained = {
        WaitingReason.ERR_IMAGE_PULL: "image can't be pulled",
        WaitingReason.IMAGE_PULL_BACK_OFF: "trying and failing to pull image",
    }
    words = next((text for known, text in explained.items() if known == reason), reason)
    return f'container "{name}" in pod "{pod.name}" is waiting to start: {words}'
