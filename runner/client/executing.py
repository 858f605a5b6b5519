"""``exec`` and ``attach`` on this machine: which container, whether it runs, and a session with it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from runner.core.container.defaultcontainer import chosen_container
from runner.core.labels import CONTAINER_NAME, DOCKER_TYPE, POD_UID, TYPE_CONTAINER, attempt_of
from runner.core.model import Json, Object, Pod
from runner.core.status.podstatus import Phase
from runner.engine.protocol import PLAIN, EngineState, Wishes
from runner.errors import EngineConflict, EngineRefusal, NotFound

if TYPE_CHECKING:
    from runner.engine.protocol import Engine, Session

_OVER = (Phase.SUCCEEDED, Phase.FAILED)


class NoSession(EngineRefusal):
    """There is no container to talk to: the pod is over, or the container does not run. The texts are kubectl's."""


def open_session(
    engine: Engine,
    value: Object,
    container: str,
    command: Sequence[str] | None,
    note: Callable[[str], None],
    *,
    tty: bool,
    wishes: Wishes = PLAIN,
) -> Session:
    """Start a command in a container that runs, of any kind; None: be there for its own process.

    Without a container it is the annotated one, else the first, which ``note`` is told. Raises UsageError for a container that
    the pod does not have, NoSession, EngineError.
    """
    pod = Pod.from_json(value)
    phase = (value.get("status") or {}).get("phase")
    if phase in _OVER:
        verb = "attach" if command is None else "exec into"
        hint = f"podrunner logs {pod.name} prints what it wrote, podrunner debug {pod.name} copies a failed attempt"
        raise NoSession(f"cannot {verb} a container in a completed pod; current phase is {phase}", hint=hint)
    name = chosen_container(pod, container or None, note)
    labels = {POD_UID: pod.uid, DOCKER_TYPE: TYPE_CONTAINER, CONTAINER_NAME: name}
    rows = [one for one in engine.of(pod, name).list_containers(labels) if one.state is EngineState.RUNNING]
    if not rows:
        raise _not_running(pod, name, value)
    newest = max(rows, key=lambda row: attempt_of(row.labels) or 0)
    try:
        return engine.of(pod, name, attempt_of(newest.labels)).session(newest.id, command, tty=tty, wishes=wishes)
    except (EngineConflict, NotFound) as problem:
        raise _not_running(pod, name, value) from problem


def _not_running(pod: Pod, container: str, value: Json) -> NoSession:
    """The kubelet's words, and in what state the container is."""
    text = f'unable to upgrade connection: container not found ("{container}")'
    return NoSession(text, hint=_state(pod, container, value.get("status") or {}))


def _state(pod: Pod, container: str, status: Json) -> str:
    rows = [
        row
        for key in ("initContainerStatuses", "containerStatuses", "ephemeralContainerStatuses")
        for row in status.get(key) or ()
        if row.get("name") == container
    ]
    state = (rows[0].get("state") or {}) if rows else {}
    if ended := state.get("terminated"):
        return (
            f"it has ended with exit code {ended.get('exitCode', 0)}: podrunner debug {pod.name} -c {container} "
            f"copies a failed attempt, podrunner logs {pod.name} -c {container} prints what it wrote"
        )
    waiting = (state.get("waiting") or {}).get("reason") or "not started yet"
    return f"it does not run ({waiting}): podrunner describe po {pod.name} tells what it waits for"
