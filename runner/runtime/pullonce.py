"""One pull of an image at a time on the machine, also by several processes: whoever comes later finds it there.

A kubelet has its node for itself; here test workers and terminals share one Engine.
"""

from __future__ import annotations

import fcntl
import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from runner.engine.protocol import Engine, ImageDetails
from runner.errors import NotFound


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
    with (locks / f"{name}.pull").open("w") as file:
        has_waited = False
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            has_waited = True
            fcntl.flock(file, fcntl.LOCK_EX)
        yield has_waited
