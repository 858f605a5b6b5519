"""``debug`` on this machine: a copy of a failed attempt, or an ephemeral container in a pod that runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from runner.core.images.progress import PullProgress
from runner.core.labels import CONTAINER_NAME, DOCKER_TYPE, POD_UID, TYPE_CONTAINER
from runner.core.manifest.ephemeral import Debugger, debugger_name, ephemeral_container, with_ephemeral
from runner.core.model import Json, Pod
from runner.core.status.podstatus import Phase
from runner.engine.protocol import EngineState
from runner.errors import Conflict, EngineConflict, UsageError
from runner.registry.contract import name_of, uid_of
from runner.registry.identities import new_suffix

if TYPE_CHECKING:
    from runner.client.copies import Attempt, Copier, Copy
    from runner.client.place import Place
    from runner.engine.protocol import Session

_OVER = (Phase.SUCCEEDED, Phase.FAILED)
_TRIES = 20
"""So often an update is made anew because somebody else has written the pod meanwhile."""


def copier_of(place: Place, pod: Pod) -> Copier:
    """What makes copies of a pod's attempts."""
    from runner.client.copies import Copier
    from runner.registry.ownership import owner_label
    from runner.sandbox.image import sandbox_program

    return Copier(
        pod=pod,
        engine=place.engine,
        owner=owner_label(home=place.home),
        program=lambda: sandbox_program(place.engine.architecture()),
        now=place.clock.now,
    )


def attempt_of(place: Place, pod: Pod, container: str, number: int | None) -> Attempt:
    """An attempt that can be copied. Raises UsageError when there is none.

    ``container`` "": the one that has failed last. ``number`` None: its last failed attempt.
    """
    from runner.client.copies import find_attempt, last_failed

    if container:
        return find_attempt(pod, container, number, place.engine)
    return last_failed(pod, number, place.engine)


@contextmanager
def copied(
    place: Place,
    value: Json,
    container: str,
    number: int | None,
    image: str,
    on_progress: Callable[[PullProgress], None],
) -> Iterator[Copy]:
    """A copy of an attempt in which nothing runs yet; it is gone afterwards. Raises UsageError, EngineError."""
    pod = Pod.from_json(value)
    attempt = attempt_of(place, pod, container, number)
    with copier_of(place, pod).idle(attempt, image, on_progress) as copy:
        yield copy


@contextmanager
def to_be_rerun(place: Place, value: Json, container: str, number: int | None) -> Iterator[Copy]:
    """A copy of an attempt that was created with its own command and is not started; it is gone afterwards."""
    pod = Pod.from_json(value)
    attempt = attempt_of(place, pod, container, number)
    with copier_of(place, pod).again(attempt) as copy:
        yield copy


def attached(place: Place, value: Json, container: str, *, tty: bool) -> Session:
    """Be there for a running container's own process. Raises UsageError, EngineError."""
    pod = Pod.from_json(value)
    if pod.any_container(container) is None:
        raise UsageError(f"container {container} is not valid for pod {pod.name} out of: {pod.choices}")
    engine = place.engine.of(pod, container)
    labels = {POD_UID: pod.uid, DOCKER_TYPE: TYPE_CONTAINER, CONTAINER_NAME: container}
    running = [one for one in engine.list_containers(labels) if one.state is EngineState.RUNNING]
    if not running:
        raise EngineConflict(f'container "{container}" of pod "{pod.name}" does not run')
    return engine.session(running[0].id, None, tty=tty)


def add_debugger(place: Place, value: Json, asked: Debugger) -> str:
    """Add an ephemeral container to a pod. Returns the container's name.

    Raises UsageError when the API server would not take it, or nobody would start it.
    """
    name = asked.name or debugger_name(value, new_suffix)
    _refuse_idle(place, value)
    for _ in range(_TRIES):
        changed = with_ephemeral(value, ephemeral_container(asked, name))
        try:
            expected = str(value["metadata"]["resourceVersion"])
            place.registry.update(changed, expect=expected)
            return name
        except Conflict:
            found = place.registry.get("Pod", *name_of(value))
            if found is None or uid_of(found) != uid_of(value):
                raise
            value = found
    raise UsageError(f'pod "{name_of(value)[1]}" changes all the time', hint="try again")


def _refuse_idle(place: Place, value: Json) -> None:
    """Raises UsageError for a pod of which no node starts anything any more."""
    from runner.registry.holders import holder_is_alive

    name, status = name_of(value)[1], value.get("status") or {}
    hint = f"podrunner debug {name} -c CONTAINER copies an attempt that has failed"
    if status.get("phase") in _OVER:
        raise UsageError(f'pod "{name}" is over ({status["phase"]}): nothing is started in it any more', hint=hint)
    if value["metadata"].get("deletionTimestamp"):
        raise UsageError(f'pod "{name}" is being deleted: nothing is started in it any more', hint=hint)
    if not holder_is_alive(place.home, place.registry.ledger.holder(uid_of(value))):
        raise UsageError(f'no node runs pod "{name}": nothing is started in it any more', hint=hint)
