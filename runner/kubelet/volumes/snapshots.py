"""Takes down what lies in a volume: from its directory where that is one of this machine, else through the sandbox.

Nothing is followed: links are read as links, and each directory is opened within the one above it, so that a container that
exchanges a directory for a link meanwhile shows nothing of this machine. Pipes and devices are not opened, what vanishes is
left out.
"""

from __future__ import annotations

import hashlib
import io
import os
import stat
import tarfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from runner.core.history.record import FileKind, FileState
from runner.core.history.snapshots import SMALL, Entry, Snapshot

HASHED = 1024 * 1024
"""Bytes up to which content is read to be compared; of what is larger size and time tell."""
MOST = 50_000
"""Paths of one volume that are taken down."""
_KEPT_BYTES = 8 * 1024 * 1024
"""Content that one snapshot keeps."""


class TooMuch(Exception):
    """A volume has more in it than is taken down."""


class _Budget:
    def __init__(self, most: int) -> None:
        self._paths = most
        self._bytes = _KEPT_BYTES

    def path(self) -> None:
        self._paths -= 1
        if self._paths < 0:
            raise TooMuch

    def keep(self, data: bytes) -> bytes | None:
        """The content if it is little, and all that is kept still is."""
        if len(data) > SMALL or len(data) > self._bytes:
            return None
        self._bytes -= len(data)
        return data


def read_directory(directory: Path, most: int = MOST) -> Snapshot:
    """A volume that is a directory of this machine. Raises OSError, TooMuch."""
    root = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        return dict(_walk(root, "", _Budget(most)))
    finally:
        os.close(root)


def _walk(descriptor: int, above: str, budget: _Budget) -> Iterator[tuple[str, Entry]]:
    for name in sorted(os.listdir(descriptor)):
        budget.path()
        try:
            found = os.stat(name, dir_fd=descriptor, follow_symlinks=False)
        except FileNotFoundError:
            continue
        path = f"{above}{name}"
        yield path, _entry(descriptor, name, found, budget)
        if stat.S_ISDIR(found.st_mode):
            yield from _within(descriptor, name, f"{path}/", budget)


def _within(descriptor: int, name: str, path: str, budget: _Budget) -> Iterator[tuple[str, Entry]]:
    with suppress(OSError):
        inner = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=descriptor)
        try:
            yield from _walk(inner, path, budget)
        finally:
            os.close(inner)


def _entry(descriptor: int, name: str, found: os.stat_result, budget: _Budget) -> Entry:
    kind = _kind(found.st_mode)
    data, target = None, ""
    if kind is FileKind.FILE and found.st_size <= HASHED:
        data = _content(descriptor, name)
    elif kind is FileKind.LINK:
        with suppress(OSError):
            target = os.readlink(name, dir_fd=descriptor)
    return Entry(
        state=FileState(
            kind=kind,
            size=0 if kind is FileKind.DIRECTORY else found.st_size,
            mode=stat.S_IMODE(found.st_mode),
            uid=found.st_uid,
            gid=found.st_gid,
            target=target,
            digest="" if data is None else hashlib.sha256(data).hexdigest(),
        ),
        changed=found.st_mtime,
        data=None if data is None else budget.keep(data),
    )


def _content(descriptor: int, name: str) -> bytes | None:
    try:
        opened = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=descriptor)
    except OSError:
        return None
    try:
        data = os.read(opened, HASHED + 1)
    except OSError:
        return None
    finally:
        os.close(opened)
    return data if len(data) <= HASHED else None


def _kind(mode: int) -> FileKind:
    if stat.S_ISREG(mode):
        return FileKind.FILE
    if stat.S_ISDIR(mode):
        return FileKind.DIRECTORY
    if stat.S_ISLNK(mode):
        return FileKind.LINK
    if stat.S_ISFIFO(mode):
        return FileKind.FIFO
    return FileKind.SOCKET if stat.S_ISSOCK(mode) else FileKind.DEVICE


def read_archive(archive: bytes, most: int = MOST) -> Snapshot:
    """A volume as the Engine packs it: the directory itself, and what is in it. One that is cut off is read as far as it goes.

    Raises TooMuch.
    """
    found: dict[str, Entry] = {}
    budget = _Budget(most)
    with suppress(tarfile.TarError), tarfile.open(fileobj=io.BytesIO(archive), mode="r:") as members:
        for member in members:
            path = member.name.strip("/").partition("/")[2]
            if path:
                budget.path()
                found[path] = _member(members, member, budget)
    return found


def _member(members: tarfile.TarFile, member: tarfile.TarInfo, budget: _Budget) -> Entry:
    data = None
    if member.isreg() and member.size <= HASHED:
        file = members.extractfile(member)
        data = None if file is None else file.read()
    kind = _member_kind(member)
    return Entry(
        state=FileState(
            kind=kind,
            size=0 if kind is FileKind.DIRECTORY else member.size,
            mode=member.mode & 0o7777,
            uid=member.uid,
            gid=member.gid,
            target=member.linkname,
            digest="" if data is None else hashlib.sha256(data).hexdigest(),
        ),
        changed=float(member.mtime),
        data=None if data is None else budget.keep(data),
    )


def _member_kind(member: tarfile.TarInfo) -> FileKind:
    if member.isdir():
        return FileKind.DIRECTORY
    if member.issym():
        return FileKind.LINK
    if member.isfifo():
        return FileKind.FIFO
    return FileKind.DEVICE if member.isdev() else FileKind.FILE
