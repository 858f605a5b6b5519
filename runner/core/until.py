"""What ``run`` waits for."""

from __future__ import annotations

from enum import StrEnum


class Until(StrEnum):
    """What ``run`` waits for."""

    INITIALIZED = "initialized"
    READY = "ready"
    COMPLETED = "completed"
