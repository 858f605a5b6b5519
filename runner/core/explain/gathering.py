"""Evidence out of objects as kubectl prints them: lists of lists, pods with events and whatever else was asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from runner.core.explain.evidence import Attempt, Evidence, Written
from runner.core.model import EMPTY, Json

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


def _is_about(event: Json, pod: Json) -> bool:
    involved, metadata = event.get("involvedObject") or event.get("regarding") or EMPTY, pod.get("metadata") or EMPTY
    if involved.get("uid") and metadata.get("uid"):
        return bool(involved["uid"] == metadata["uid"])
    own = (metadata.get("namespace") or "default", metadata.get("name"))
    return (involved.get("namespace") or "default", involved.get("name")) == own
