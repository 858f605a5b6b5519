"""Evidence out of objects as kubectl prints them: lists of lists, pods with events and whatever else was asked for."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from runner.core.explain.evidence import Attempt, Evidence, Written
from runner.core.model import EMPTY, Json

_TOLD = re.compile(
    r"cannot get there: container (?P<name>\S+): (?P<reason>\w+): (?P<message>.*?)(?: \(\d+ attempts\))?$", re.DOTALL
)

USED = ("Pod", "ConfigMap", "Secret", "Service", "PersistentVolumeClaim")
"""Kinds that rules look at, beside events."""


def flat(value: object) -> Iterator[Json]:
    """The objects of a v1 List, of a PodList and the like, or the one object; what is no object is left out."""
    if not isinstance(value, Mapping):
        return
    items, kind = value.get("items"), str(value.get("kind") or "")
    if not isinstance(items, list | tuple):
        yield value
        return
    for one in items:
        if isinstance(one, Mapping):
            # kubectl's typed lists leave the kind of their items out.
            yield from flat(one if one.get("kind") else {**one, "kind": kind.removesuffix("List")})


def evidence_of(
    pod: Json,
    objects: Sequence[Json],
    logs: Mapping[Attempt, Sequence[str]] | None = None,
    *,
    now: datetime | None = None,
    is_here: bool = False,
    images: Sequence[str] = (),
    architecture: str = "",
    written: Sequence[Written] = (),
    folder: str = "",
    is_whole: bool = False,
) -> Evidence:
    """The evidence of one pod among objects of any kinds. ``is_whole``: there are no others than these, of any kind."""
    found: dict[str, list[Json]] = {kind: [] for kind in USED if is_whole}
    for one in objects:
        if one.get("kind") in USED:
            found.setdefault(str(one["kind"]), []).append(one)
    return Evidence(
        pod=pod,
        events=tuple(one for one in objects if one.get("kind") == "Event" and _is_about(one, pod)),
        logs=logs or {},
        objects={kind: tuple(values) for kind, values in found.items()},
        images=images,
        architecture=architecture,
        now=now,
        is_here=is_here,
        written=written,
        folder=folder,
    )


def as_told(pod: Json, sentence: str) -> Json:
    """The pod as a verdict tells of it, which may be sooner than its status does (``core/verdict.py``, ``Trouble.__str__``)."""
    told = _TOLD.search(sentence)
    status = pod.get("status") or EMPTY
    if told is None:
        return pod
    state = {"waiting": {"reason": told["reason"], "message": told["message"]}}
    changed = {
        key: [_waits(one, told["name"], state) for one in status.get(key) or ()]
        for key in ("initContainerStatuses", "containerStatuses")
    }
    return {**pod, "status": {**status, **changed}}


def _waits(status: Json, name: str, state: Json) -> Json:
    """A container's status, waiting if it is the named one and nothing is known of it yet."""
    waiting = (status.get("state") or EMPTY).get("waiting")
    is_news = status.get("name") == name and waiting is not None and not waiting.get("message")
    return {**status, "state": state} if is_news else status


def _is_about(event: Json, pod: Json) -> bool:
    involved, metadata = event.get("involvedObject") or event.get("regarding") or EMPTY, pod.get("metadata") or EMPTY
    if involved.get("uid") and metadata.get("uid"):
        return bool(involved["uid"] == metadata["uid"])
    own = (metadata.get("namespace") or "default", metadata.get("name"))
    return (involved.get("namespace") or "default", involved.get("name")) == own
