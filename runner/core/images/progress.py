"""How far a pull has come."""

from __future__ import annotations

from msgspec import Struct


class PullProgress(Struct, frozen=True, kw_only=True):
    """One line of a pull's stream: layer id ("" for the whole), what happens to it, bytes done and in all (0: unknown)."""

    layer: str
    status: str
    current: int = 0
    total: int = 0
