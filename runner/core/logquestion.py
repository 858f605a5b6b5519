"""Which part of a container's output a reader wants."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct


class LogQuestion(Struct, frozen=True, kw_only=True):
    """What of the output is wanted: ``tail`` in lines, ``since`` in seconds ago or an instant, ``attempt`` counted from 0.

    ``whole``: lines, put together of their pieces; else as few values as possible, which hold the very bytes in their order.
    """

    container: str | None
    previous: bool = False
    follow: bool = False
    tail: int | None = None
    since: float | datetime | None = None
    attempt: int | None = None
    whole: bool = True
