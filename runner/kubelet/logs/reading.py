"""Reads one container's output for somebody else's eyes: from the Engine while it has it, else from what was saved.

Messages mirror pkg/registry/core/pod/strategy.go (LogLocation) and kubelet_pods.go (validateContainerLogStatus).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime

from runner.clock import Clock
from runner.core.admission import why_unscheduled
from runner.core.labels import CONTAINER_NAME, DOCKER_TYPE, POD_UID, TYPE_CONTAINER, attempt_of
from runner.core.logquestion import LogQuestion
from runner.core.model import Object, Pod
from runner.core.narration import LogLine, PodRef
from runner.core.reasons import WaitingReason
from runner.core.status.podstatus import ContainerStatus, PodStatus
from runner.core.text.times import later
from runner.engine.protocol import Engine, LogChunk
from runner.errors import EngineError, EngineUnavailable, NotFound, UsageError
from runner.kubelet.logs.files import KEPT_ATTEMPTS, MAX_FILE_SIZE, is_cut, read_saved, saved_attempts
from runner.kubelet.logs.output import Assembler, OutputReader
from runner.registry.home import Home

KEPT_MEGABYTES = 2 * MAX_FILE_SIZE // 2**20
"""How much of one attempt is kept at most."""
_log = logging.getLogger("runner.logs")


def read_logs(
    value: Object,
    question: LogQuestion,
    *,
    engine: Engine,
    home: Home,
    clock: Clock,
    on_stop: Callable[[Callable[[], None]], None] | None = None,
) -> Iterator[Sequence[LogLine]]:
    """One container's output, as many lines at once as are there. Raises UsageError when it cannot be had.

    ``on_stop`` is given what ends the reading wherever it stands, to be called from any thread.
    """
    pod = Pod.from_json(value)
    status = PodStatus.from_json(value.get("status") or {})
    name = _container(pod, question.container)
    container = pod.any_container(name)
    assert container is not None
    ref = PodRef(namespace=pod.namespace, name=pod.name, uid=pod.uid)
    if why := why_unscheduled(value):
        raise UsageError(f"pod {pod.name} does not have a host assigned", hint=why)
    engine = engine.of(ref, name)
    instances = _instances(engine, pod, name)
    attempt = _attempt(pod, ref, name, status.container(name), question, instances, home)
    since = question.since
    if since is not None and not isinstance(since, datetime):
        since = later(clock.now(), -since)
    if attempt in instances:
        reader = OutputReader(engine.of(ref, name, attempt), instances[attempt])
        if on_stop is not None:
            on_stop(reader.close)
        batches = _from_engine(reader, question, since)
    else:
        if is_cut(home, ref, name, attempt):
            _log.warning("the beginning of this output was not kept: an attempt has %d MB at most", KEPT_MEGABYTES)
        batches = iter([list(read_saved(home, ref, name, attempt, tail=question.tail, since=since))])
    assembler = Assembler(ref, name, is_init=container.is_init, attempt=attempt)
    for batch in batches:
        if lines := assembler.whole(batch) if question.whole else assembler.joined(batch):
            yield lines
    if rest := assembler.rest():
        yield rest


def read_attempt(ref: PodRef, container: str, number: int, container_id: str, engine: Engine, home: Home) -> bytes:
    """What one instance of a container has printed so far; from what was saved when the Engine has it no more."""
    try:
        pieces = [
            piece for batch in OutputReader(engine.of(ref, container, number), container_id).now() for piece in batch
        ]
    except EngineError:  # It has gone, or is about to.
        pieces = list(read_saved(home, ref, container, number))
    return b"".join(piece.data for piece in pieces)


def known_attempts(value: Object, container: str | None, *, engine: Engine, home: Home) -> tuple[int, ...]:
    """The attempts whose output can be read, oldest first. Raises UsageError for a container that is none."""
    pod = Pod.from_json(value)
    name = _container(pod, container)
    ref = PodRef(namespace=pod.namespace, name=pod.name, uid=pod.uid)
    return tuple(sorted({*_instances(engine, pod, name), *saved_attempts(home, ref, name)}))


def _container(pod: Pod, name: str | None) -> str:
    names = [c.name for c in pod.all_containers()]
    if name is None:
        if len(names) > 1:
            choice = " ".join(names)
            raise UsageError(f"a container name must be specified for pod {pod.name}, choose one of: [{choice}]")
        return names[0]
    if pod.any_container(name) is None:
        raise UsageError(f"container {name} is not valid for pod {pod.name} out of: {pod.choices}")
    return name


def _attempt(
    pod: Pod,
    ref: PodRef,
    name: str,
    shown: ContainerStatus | None,
    question: LogQuestion,
    instances: Mapping[int, str],
    home: Home,
) -> int:
    """The attempt that is asked for. Raises UsageError when there is none."""
    saved = saved_attempts(home, ref, name)
    wanted = question.attempt
    if wanted is not None:
        if wanted not in instances and wanted not in saved:
            known = ", ".join(map(str, sorted({*instances, *saved}))) or "none"
            hint = f"there are: {known}; of each container the newest {KEPT_ATTEMPTS} are kept"
            raise UsageError(f'attempt {wanted} of container "{name}" in pod "{pod.name}" not found', hint=hint)
        return wanted
    if question.previous:
        attempt = _previous(shown, instances)
    else:
        attempt = max(
            (*instances, *saved), default=None if shown is None or not _has_run(shown) else shown.restart_count
        )
    if attempt is None:
        raise UsageError(_nothing(pod, name, shown, previous=question.previous))
    return attempt


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


def _from_engine(reader: OutputReader, question: LogQuestion, since: datetime | None) -> Iterator[Sequence[LogChunk]]:
    try:
        if question.tail is not None or not question.follow:
            yield from reader.now(tail=question.tail, since=since)
        if question.follow:
            yield from reader.follow(patient=False, since=since)
    except NotFound:
        return  # Removed while it was read.
    finally:
        reader.close()


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
