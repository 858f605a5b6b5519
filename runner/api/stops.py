"""Lets pods go on that stand at a breakpoint, and pods try again that wait to: asked of whichever process runs them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from runner.client.contract import Client
from runner.core.faults.breakpoints import Resume, stopped_at, told_to_go_on
from runner.core.kindwords import PODS
from runner.core.labels import RETRY
from runner.core.manifest.decode import nearest
from runner.core.model import Json, Object
from runner.core.text.times import format_micro_time
from runner.errors import Conflict, PodError, UsageError, WaitTimeout

TAKEN_SECONDS = 30.0
"""Seconds that the process which runs a pod has to do what is asked of it."""
_TRIES = 20
_NO_RETRY = frozenset({"", "ContainerCreating", "PodInitializing"})
"""Reasons of containers that wait for their turn, not for another try."""


def resume_of(how: Resume | str) -> Resume:
    """How a pod is to go on. Raises UsageError."""
    try:
        return Resume(how)
    except ValueError:
        near = nearest(str(how), Resume)
        tip = f', did you mean "{near}"?' if near else f"; there are {', '.join(Resume)}"
        raise UsageError(f'a pod cannot go on by "{how}"{tip}') from None


def go_on(client: Client, namespace: str, name: str, how: Resume, stop: str = "") -> str:
    """Let a pod go on from where it stands, or from ``stop`` alone. Returns where it stood.

    Raises NoSuchObject, PodError for a pod that does not stand, WaitTimeout when nobody does it.
    """

    def asked(pod: Json) -> Json:
        where = stopped_at(pod)
        if not where or stop not in ("", where):
            raise PodError(f"pod {name} does not stand at a breakpoint{_state(pod)}")
        return told_to_go_on(pod, how)

    where = stopped_at(_change(client, namespace, name, asked))
    _await(client, namespace, name, lambda pod: stopped_at(pod) != where)
    return where


def retry(client: Client, namespace: str, name: str, now: datetime) -> str:
    """Have a pod try again now what it waits for. Returns for which containers.

    Raises NoSuchObject, and PodError for a pod that waits for no further try.
    """
    waits: list[str] = []

    def asked(pod: Json) -> Json:
        waits[:] = waiting(pod)
        if stopped_at(pod):
            text = f"pod {name} stands at breakpoint {stopped_at(pod)}"
            raise PodError(text, hint=f"podrunner continue {name} --retry makes the attempt again")
        if not waits:
            raise PodError(f"pod {name} does not wait for another try{_state(pod)}")
        metadata = pod["metadata"]
        wish = {**(metadata.get("annotations") or {}), RETRY: format_micro_time(now)}
        return {**pod, "metadata": {**metadata, "annotations": wish}}

    _change(client, namespace, name, asked)
    return ", ".join(waits)


def waiting(pod: Json) -> list[str]:
    """The containers of a v1 Pod that wait for another try."""
    status = pod.get("status") or {}
    if status.get("phase") in ("Succeeded", "Failed") or pod["metadata"].get("deletionTimestamp"):
        return []
    every = [one for key in ("initContainerStatuses", "containerStatuses") for one in status.get(key) or ()]
    return [
        str(one["name"])
        for one in every
        if ((one.get("state") or {}).get("waiting") or {}).get("reason", "") not in _NO_RETRY
    ]


def _state(pod: Json) -> str:
    """What a pod is instead, for the end of a sentence."""
    if pod["metadata"].get("deletionTimestamp"):
        return ": it is being deleted"
    phase = (pod.get("status") or {}).get("phase") or ""
    return f": it is over ({phase})" if phase in ("Succeeded", "Failed") else ""


def _change(client: Client, namespace: str, name: str, function: Callable[[Json], Json]) -> Object:
    """Change a pod as it is now, whoever else changes it meanwhile."""
    for _ in range(_TRIES):
        pod = client.get(PODS.kind, namespace, name)
        try:
            return client.update(function(pod), expect=pod["metadata"].get("resourceVersion"))
        except Conflict:
            continue
    return client.update(function(client.get(PODS.kind, namespace, name)))


def _await(client: Client, namespace: str, name: str, holds: Callable[[Json], bool]) -> None:
    """Wait until whoever runs a pod has done what was asked of it."""
    try:
        client.wait(PODS.kind, namespace, name, lambda pod: pod is None or holds(pod), TAKEN_SECONDS)
    except WaitTimeout as problem:
        text = f"pod {name} does not go on: nobody runs it, or the process that does is busy"
        raise WaitTimeout(text, hint=f"podrunner describe pod {name} shows where it stands") from problem
