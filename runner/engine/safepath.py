"""Paths below a directory that others may write to, without ever leaving it: not by a link, not by ``..``, not by a race.

Mirrors pkg/volume/util/subpath/subpath_linux.go (doSafeOpen, doSafeMakeDir): links are resolved first and must lead to a
place inside, then the resolved path is opened part by part without following anything. Whoever exchanges a directory for
a link meanwhile makes the opening fail. The result is a descriptor, which stays what it was when it was opened.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from pathlib import Path, PurePosixPath


class UnsafePath(OSError):
    """The path leads out of its directory, or was exchanged while it was opened."""


def open_below(base: str, sub_path: str) -> int:
    """Open what lies at a sub-path, file or directory, and return a descriptor for its place (``O_PATH``).

    Raises UnsafePath, or FileNotFoundError and other OSErrors for what is not there or cannot be seen.
    """
    root = os.path.realpath(base, strict=True)
    target = os.path.realpath(_joined(root, sub_path), strict=True)
    return _walk(root, _parts_below(root, target))


def make_below(base: str, sub_path: str, mode: int) -> None:
    """Make the directories of a sub-path that are missing, with this mode whatever the umask is. Raises OSError."""
    root = os.path.realpath(base, strict=True)
    parts = PurePosixPath(os.path.relpath(_joined(root, sub_path), root)).parts
    known = 0
    while known < len(parts) and os.path.lexists(PurePosixPath(root, *parts[: known + 1])):
        known += 1
    existing = os.path.realpath(PurePosixPath(root, *parts[:known]), strict=True)
    place = _walk(root, _parts_below(root, existing))
    try:
        for part in parts[known:]:
            os.mkdir(part, 0o700, dir_fd=place)
            inner = os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=place)
            os.close(place)
            place = inner
            os.fchmod(place, mode)
    finally:
        os.close(place)


def read_below(base: str, sub_path: str) -> bytes:
    """The content of a regular file. Raises UnsafePath for everything else, and OSError."""
    place = open_below(base, sub_path)
    try:
        if not stat.S_ISREG(os.fstat(place).st_mode):
            raise UnsafePath(f"{sub_path} is not a regular file")
        return Path(f"/proc/self/fd/{place}").read_bytes()
    finally:
        os.close(place)


def _joined(root: str, sub_path: str) -> str:
    parts = PurePosixPath(sub_path).parts
    if sub_path.startswith("/") or ".." in parts:
        raise UnsafePath(f"{sub_path} is not a path below its directory")
    return str(PurePosixPath(root, *parts))


def _parts_below(root: str, target: str) -> Sequence[str]:
    place = PurePosixPath(target)
    if not place.is_relative_to(root):
        raise UnsafePath(f"{target} is outside of {root}")
    return place.relative_to(root).parts


def _walk(root: str, parts: Sequence[str]) -> int:
    place = os.open(root, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for part in parts:
            inner = os.open(part, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=place)
            os.close(place)
            place = inner
            if stat.S_ISLNK(os.fstat(place).st_mode):
                raise UnsafePath(f"{part} was exchanged for a link")
    except BaseException:
        os.close(place)
        raise
    return place
