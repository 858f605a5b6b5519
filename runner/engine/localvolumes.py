"""Volumes of an Engine that are directories of this machine: what is put there takes the Engine no time."""

from __future__ import annotations

import os
import re
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Final

from runner.engine.protocol import Engine
from runner.errors import NotFound

_MODE = 0o644
_UID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_ROOTS: Final[dict[tuple[str, str], None]] = {}
"""What stands before and behind a volume's name in its directory, for Engines of this machine that were asked before."""


def local_volume(engine: Engine, name: str) -> Path | None:
    """The directory of a volume, if it is one of this machine that this process may use. Raises EngineError.

    The Engine is asked until it is known where its volumes lie. A name with a pod's UID is no other Engine's.
    """
    has_uid = _UID.search(name) is not None
    if has_uid:
        for before, behind in tuple(_ROOTS):
            if _is_usable(f"{before}{name}{behind}"):
                return Path(f"{before}{name}{behind}")
    try:
        mountpoint = engine.inspect_volume(name).mountpoint
    except NotFound:  # it was removed
        return None
    # What is there under that name is the volume itself.
    if name not in mountpoint or not _is_usable(mountpoint):
        return None
    if has_uid:
        before, _, behind = mountpoint.partition(name)
        _ROOTS[before, behind] = None
    return Path(mountpoint)


def _is_usable(place: str) -> bool:
    return os.access(place, os.R_OK | os.W_OK | os.X_OK)


def sibling(directory: Path | None, name: str, other: str) -> Path | None:
    """The directory of another volume of the same Engine and driver, from that of the volume called ``name``."""
    place = None if directory is None else Path(str(directory).replace(name, other))
    return place if place is not None and place != directory and os.access(place, os.R_OK | os.W_OK | os.X_OK) else None


def replace_text(directory: Path, name: str, text: str) -> None:
    """Write a file that everybody may read, at once, in place of one that is there. Raises OSError."""
    descriptor, made = tempfile.mkstemp(prefix=f".{name}-", dir=directory)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            os.fchmod(file.fileno(), _MODE)
        Path(made).replace(directory / name)
    except BaseException:
        with suppress(OSError):
            Path(made).unlink()
        raise
