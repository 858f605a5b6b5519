"""What a run has chosen for a pod, as data: it lies in the ledger beside the pod, and any node that runs the pod follows it."""

from __future__ import annotations

import msgspec

from runner.core.model import RetryScope


class RunSpec(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """What runs again when a container fails, and how fast.

    Restarts wait from ``initial`` to ``cap`` seconds, doubled each time; the pod is given up after ``max_restarts`` of a
    container, None: never. ``speed``: the waits that are imposed pass so many times faster.
    """

    scope: RetryScope = RetryScope.POD
    initial: float = 10.0
    cap: float = 300.0
    speed: float = 1.0
    max_restarts: int | None = None

    def to_text(self) -> str:
        """As JSON, without what has its default."""
        return msgspec.json.encode(self).decode()

    @classmethod
    def from_text(cls, text: str) -> RunSpec:
        """Read what ``to_text`` wrote; ignore fields of later versions. Raises ValueError for any other text."""
        return msgspec.json.decode(text, type=cls)
