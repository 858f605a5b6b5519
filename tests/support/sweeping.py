"""Sweeps take what any dead process left in the Engine: tests that make such things keep the sweeps of others away."""

from __future__ import annotations

import fcntl
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_held: list[bool] = []


@contextmanager
def no_other_sweeps() -> Iterator[None]:
    """Hold off the sweeps of other test processes on this machine; within this one it may be entered again."""
    if _held:
        yield
        return
    folder = Path(tempfile.gettempdir())
    with (folder / "podrunner-tests-sweep.lock").open("w") as lock:
        # Who comes back at once stands behind those who wait already.
        with (folder / "podrunner-tests-sweep.queue").open("w") as queue:
            fcntl.flock(queue, fcntl.LOCK_EX)
            fcntl.flock(lock, fcntl.LOCK_EX)
        _held.append(True)
        try:
            yield
        finally:
            _held.clear()
