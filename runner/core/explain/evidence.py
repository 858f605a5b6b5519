"""What is known of a pod: the pod itself, and whatever else somebody has of it. Everything but the pod may be missing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from msgspec import Struct

from runner.core.model import EMPTY, Json

Attempt = tuple[str, int]
"""A container's name and which instance of it, counted from 0."""


class Written(Struct, frozen=True, kw_only=True):
    """A file that an attempt of a container added to a volume or changed there; ``path`` is below the volume's root."""

    container: str
    volume: str
    path: str


class Evidence(Struct, frozen=True, kw_only=True):
    """``pod`` is a v1 Pod. The rest is "" or empty where it is not known.

    ``objects`` holds v1 objects by kind; a kind that is not in it is not known, one that is in it is known completely, as
    far as ``namespace`` goes. Data of Secrets is never looked at, only the keys. ``logs`` are the last lines of attempts,
    oldest first. ``images`` can be had here. ``now`` None: the newest instant that anything tells of counts.
    """

    pod: Json
    events: Sequence[Json] = ()
    logs: Mapping[Attempt, Sequence[str]] = {}
    objects: Mapping[str, Sequence[Json]] = EMPTY
    written: Sequence[Written] = ()
    images: Sequence[str] = ()
    architecture: str = ""
    now: datetime | None = None
    is_here: bool = False
    """Whether podrunner runs the pod; else it is a cluster's, and kubectl is what one types."""
    folder: str = ""
    """Where its output lies, below ``logs/CONTAINER/ATTEMPT.log``; "" where there is no such folder."""

    @property
    def name(self) -> str:
        return str((self.pod.get("metadata") or EMPTY).get("name") or "")

    @property
    def namespace(self) -> str:
        return str((self.pod.get("metadata") or EMPTY).get("namespace") or "default")
