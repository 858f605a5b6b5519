"""Local files, or an archive from elsewhere, as the archive that goes into a container: made while it is sent.

Mirrors pkg/cmd/cp/cp.go (recursiveTar): links are copied as links. What is no file, directory or link is left out and told.
"""

from __future__ import annotations

import os
import stat
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from runner.client.unpacking import CopyError
from runner.core.archives import Member
from runner.core.files.confinement import Confinement, Parts
from runner.core.files.tarstream import BLOCK, PIECE, BadArchive, Entry, Kind, TarReader

END: Final = bytes(2 * BLOCK)
_SMALL: Final = 65536
"""Headers and small files are sent together until they are so large."""
_TYPES: Final = {Kind.DIRECTORY: tarfile.DIRTYPE, Kind.LINK: tarfile.SYMTYPE, Kind.HARD_LINK: tarfile.LNKTYPE}


class Owning(Struct, frozen=True):
    """Whose the files become: ``user`` and ``group``; None: whose they are here. ``is_exact``: permission bits are taken over."""

    user: int | None = None
    group: int | None = None
    is_exact: bool = True


def packed(source: Path, name: str, owning: Owning, now: int, *, note: Callable[[str], None]) -> Iterator[bytes]:
    """A file or directory as an archive, in which it is called ``name``; "" for the content of a directory alone.

    ``note`` is told what is left out. Raises CopyError.
    """
    yield from _gathered(_members(source, name, owning, now, note))


def _gathered(pieces: Iterator[bytes]) -> Iterator[bytes]:
    waiting: list[bytes] = []
    size = 0
    for piece in pieces:
        waiting.append(piece)
        size += len(piece)
        if size >= _SMALL:
            yield b"".join(waiting)
            waiting, size = [], 0
    waiting.append(END)
    yield b"".join(waiting)


def _members(source: Path, name: str, owning: Owning, now: int, note: Callable[[str], None]) -> Iterator[bytes]:
    waiting = [(source, name, True)]
    while waiting:
        path, inner, is_first = waiting.pop()
        try:
            found = path.stat() if is_first else path.lstat()
            if stat.S_ISDIR(found.st_mode):
                if inner:
                    yield _header(inner, Kind.DIRECTORY, found, owning, now)
                rows = sorted((row.name for row in path.iterdir()), reverse=True)
                waiting += [(path / row, f"{inner}/{row}" if inner else row, False) for row in rows]
            elif stat.S_ISLNK(found.st_mode):
                yield _header(inner, Kind.LINK, found, owning, now, target=str(path.readlink()))
            elif stat.S_ISREG(found.st_mode):
                yield from _file(path, inner, owning, now)
            elif is_first:
                raise CopyError(f"{path} is no file and no directory")
            else:
                note(f"warning: skipping {path}: it is no file, directory or link")
        except (OSError, ValueError) as problem:
            text = problem.strerror if isinstance(problem, OSError) else str(problem)
            raise CopyError(f"cannot read {path}: {text}") from problem


def _file(path: Path, name: str, owning: Owning, now: int) -> Iterator[bytes]:
    with path.open("rb", buffering=0) as file:
        found = os.fstat(file.fileno())
        yield _header(name, Kind.FILE, found, owning, now)
        left = found.st_size
        while left:
            piece = file.read(min(left, PIECE))
            if not piece:
                raise CopyError(f"{path} became shorter while it was read")
            left -= len(piece)
            yield piece
        yield bytes(-found.st_size % BLOCK)


def _header(name: str, kind: Kind, found: os.stat_result, owning: Owning, now: int, target: str = "") -> bytes:
    mode = stat.S_IMODE(found.st_mode)
    entry = Entry(
        name=name,
        kind=kind,
        mode=mode,
        user=found.st_uid,
        group=found.st_gid,
        size=found.st_size if kind is Kind.FILE else 0,
        target=target,
    )
    return header(entry, owning, now)


def header(entry: Entry, owning: Owning, now: int) -> bytes:
    """The header of a member as it is sent. Like ``tar -m`` gives it, its time is that of the copy."""
    mode = entry.mode if owning.is_exact else entry.mode & 0o777 & ~0o022
    member = Member(
        entry.name,
        _TYPES.get(entry.kind, tarfile.REGTYPE),
        mode,
        size=entry.size,
        target=entry.target,
        user=entry.user if owning.user is None else owning.user,
        group=entry.group if owning.group is None else owning.group,
        time=now,
    )
    return member.tobuf(tarfile.PAX_FORMAT, "utf-8", "surrogateescape")


def _plain(entry: Entry, parts: Parts, confinement: Confinement) -> Entry:
    """The member with names that mean the same to every reader."""
    target = "/".join(confinement.linked(entry)) if entry.kind is Kind.HARD_LINK else entry.target
    return replace(entry, name="/".join(parts), target=target)


def checked(read: Callable[[int], bytes], owning: Owning, now: int) -> Iterator[bytes]:
    """An archive from elsewhere, member by member as it comes, if it stays inside of what it is unpacked in. Raises CopyError."""
    yield from _gathered(_passed(read, owning, now))


def _passed(read: Callable[[int], bytes], owning: Owning, now: int) -> Iterator[bytes]:
    reader, confinement = TarReader(read), Confinement()
    try:
        for entry in reader:
            parts = confinement.place(entry)
            if entry.kind not in (Kind.FILE, *_TYPES):
                raise BadArchive(f"{entry.kind} {entry.name!r} is refused")
            if not parts:
                continue  # The directory itself, which stays as it is.
            yield header(_plain(entry, parts, confinement), owning, now)
            yield from reader.content()
            yield bytes(-entry.size % BLOCK)
    except BadArchive as problem:
        raise CopyError(f"the archive is refused: {problem}") from problem
    except OSError as problem:
        raise CopyError(f"cannot read the archive: {problem.strerror}") from problem
