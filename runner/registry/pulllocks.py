"""A lock for each image that is pulled: one pull at a time, also of several processes.

A kubelet has its node for itself; here test workers and terminals share one Engine.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Final

SUFFIX: Final = ".pull"
"""Of lock files; a sweep removes those that are not held."""


@contextmanager
def pull_lock(locks: Path | None, reference: str) -> Iterator[bool]:
    """Hold the image's lock; gives whether another process held it before."""
    if locks is None:
        yield False
        return
    locks.mkdir(parents=True, exist_ok=True, mode=0o700)
    name = hashlib.blake2b(reference.encode(), digest_size=8).hexdigest()
    path = locks / f"{name}{SUFFIX}"
    has_waited = False
    while True:
        with path.open("w") as file:
            has_waited |= not _lock(file)
            if not _is_still(path, file):
                continue  # A sweep has removed it on the way.
            yield has_waited
            return


@contextmanager
def held_alone(path: Path) -> Iterator[bool]:
    """Hold a lock that others do without when it is taken; gives whether it is held. Raises OSError."""
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        if not _is_still(path, file):
            yield False
            return
        try:
            yield True
        finally:
            path.unlink(missing_ok=True)


def forget_lock(path: Path) -> None:
    """Remove a lock file, unless it is held."""
    with suppress(OSError), path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if _is_still(path, file):
            path.unlink()


def _lock(file: IO[str]) -> bool:
    """Lock the file, waiting for its holder. Returns whether it was free."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        fcntl.flock(file, fcntl.LOCK_EX)
        return False
    return True


def _is_still(path: Path, file: IO[str]) -> bool:
    """Whether an open file is the one that lies at the path."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False
