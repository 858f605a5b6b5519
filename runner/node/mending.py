"""When a pod's worker that has broken begins again, and what is said of it."""

from __future__ import annotations

from typing import Final

from runner.core.sync.backoff import pull_schedule
from runner.errors import RunnerError, StoreError

MOST_BREAKS: Final = 3
"""How often in a row a pod's worker that breaks is begun again before it stays down."""
CALM_SECONDS: Final = 300.0
"""A break after so long is the first one again."""
MENDING: Final = pull_schedule(1.0, 30.0)
"""Seconds to wait after the n-th break in a row."""


def may_be_mended(error: BaseException) -> bool:
    """Whether a broken worker may do better from the beginning: our own mistake, or a registry that was busy or full."""
    if isinstance(error, RunnerError):
        return isinstance(error, StoreError) or not error.is_final
    return isinstance(error, Exception)


def text_of(error: BaseException, seconds: float) -> str:
    """What is said of a worker that broke and begins again in so many seconds."""
    if isinstance(error, StoreError):
        return f"the state of this pod cannot be kept ({error}), trying again in {seconds:g} s"
    return f"the worker of this pod broke ({type(error).__name__}: {error}), it begins again in {seconds:g} s"
