"""Volumes of an Engine that are directories of this machine: what is put there takes the Engine no time."""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from pathlib import Path

from runner.engine.protocol import Engine
from runner.errors import NotFound

_MODE = 0o644


def local_volume(engine: Engine, name: str) -> Path | None:
    """The directory of a volume, if it is one of this machine that this process may use. Raises EngineError."""
    try:
        mountpoint = engine.inspect_volume(name).mountpoint
    except NotFound:  # it was removed
        return None
    # The volume's name contains the pod's UID: what is there under that name is the volume itself.
    is_ours = name in mountpoint and os.access(mountpoint, os.R_OK | os.W_OK | os.X_OK)
    return Path(mountpoint) if is_ours else None


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
