"""One pull of an image at a time on the machine, also by several processes: whoever comes later finds it there.

A kubelet has its node for itself; here test workers and terminals share one Engine.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Final

from runner.engine.protocol import Engine, ImageDetails
from runner.errors import NotFound

SUFFIX: Final = ".pull"
"""Of lock files; a sweep removes those that nobody holds."""


def pull_once(
    engine: Engine, reference: str, pull: Callable[[], None], *, locks: Path | None, is_wanted_anew: bool
) -> ImageDetails:
    """Pull an image unless somebody else has done so meanwhile; ``is_wanted_anew``: even then. Blocks.

    ``locks`` is a directory that the processes share, None: there are no others. Raises what ``pull`` raises, and NotFound
    when the image is not there afterwards.
    """
    with _held(locks, reference) as has_waited:
        if has_waited and not is_wanted_anew:
            try:
                return engine.inspect_image(reference)
            except NotFound:
                pass  # The other one had no luck.
        pull()
        return engine.inspect_image(reference)


@contextmanager
def _held(locks: Path | None, reference: str) -> Iterator[bool]:
    """Hold the image's lock; gives whether somebody else held it before."""
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


def forget_pull_lock(path: Path) -> None:
    """Remove a lock file, unless an image is being pulled under it."""
    with suppress(OSError), path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if _is_still(path, file):
            path.unlink()


def _lock(file: IO[str]) -> bool:
    """Lock the file, waiting for whoever has it. Returns whether nobody had."""
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
