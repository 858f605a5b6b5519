"""The files of simulated containers and volumes: what uploads left, given back as downloads."""

from __future__ import annotations

import io
import posixpath
import tarfile
from collections.abc import Iterable, Mapping
from copy import copy
from typing import Final, Literal

from runner.core.archives import Member
from runner.engine.protocol import PathStat
from runner.errors import EngineRefusal, NotFound

_MAGIC: Final = b"ustar"
_MAGIC_AT: Final = 257
"""Where the header of an archive's first member says that it is one (POSIX ustar)."""


def _directory(name: str) -> tuple[Member, bytes]:
    return Member(name, tarfile.DIRTYPE, 0o755), b""


class FileTree:
    """Files and directories below one root, by path relative to it; "" is the root itself."""

    def __init__(self, directories: Iterable[str] = (), files: Iterable[str] = ()) -> None:
        self._entries = {name: _directory(name) for name in ("", *directories)}
        for name in files:
            self._entries[name] = (Member(name), b"")

    def copy(self) -> FileTree:
        """The same files, to go on with apart."""
        made = FileTree()
        made.take(self._entries)
        return made

    def take(self, entries: Mapping[str, tuple[Member, bytes]]) -> None:
        """Have these entries and no others."""
        self._entries = dict(entries)

    def upload(self, path: str, archive: bytes) -> None:
        """Unpack a tar below a directory. Raises NotFound without the directory, EngineError for what is no tar."""
        found = self._entries.get(path)
        if found is None or not found[0].isdir():
            raise NotFound(f"could not find the directory /{path} in the container")
        try:
            # Trying every compression takes longer than reading what is not compressed.
            how: Literal["r:", "r:*"] = "r:" if archive.startswith(_MAGIC, _MAGIC_AT) else "r:*"
            with tarfile.open(fileobj=io.BytesIO(archive), mode=how, tarinfo=Member) as tar:
                for member in tar:
                    assert isinstance(member, Member)
                    name = posixpath.normpath(posixpath.join(path, member.name)).lstrip("./")
                    reader = tar.extractfile(member) if member.isfile() else None
                    self._add(name, member, reader.read() if reader else b"")
        except tarfile.TarError as problem:
            raise EngineRefusal(f"cannot unpack: {problem}") from problem

    def _add(self, name: str, member: Member, content: bytes) -> None:
        parent = posixpath.dirname(name)
        if parent not in self._entries:
            self._add(parent, *_directory(parent))
        self._entries[name] = (member, content)

    def make_directory(self, path: str) -> None:
        """Have a directory, with those that lead to it."""
        if path not in self._entries:
            self._add(path, *_directory(path))

    def stat(self, path: str) -> PathStat:
        """What lies at a path. Raises NotFound."""
        found = self._entries.get(path)
        if found is None:
            raise NotFound(f"could not find the file /{path} in the container")
        member, content = found
        return PathStat(
            name=posixpath.basename(path) or "/",
            is_directory=member.isdir(),
            link_target=member.linkname if member.issym() else "",
            size=len(content),
            mode=member.mode & 0o777,
        )

    def write(self, path: str, content: bytes) -> None:
        """Put one file, with the directories that lead to it."""
        self._add(path, Member(path, size=len(content)), content)

    def files(self) -> list[str]:
        """The paths of everything but directories, sorted."""
        return sorted(name for name, (member, _) in self._entries.items() if not member.isdir())

    def download(self, path: str) -> bytes:
        """A tar of a file or directory whose names start with the last part of the path. Raises NotFound."""
        if path not in self._entries:
            raise NotFound(f"could not find the file /{path} in the container")
        base = posixpath.dirname(path)
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w") as tar:
            for name, (member, content) in sorted(self._entries.items()):
                if name == path or name.startswith(f"{path}/" if path else ""):
                    packed = copy(member)
                    packed.move(posixpath.relpath(name or ".", base or "."))
                    tar.addfile(packed, io.BytesIO(content) if packed.isreg() else None)
        return buffer.getvalue()


class SimulatedArchive:
    """An archive that is there as a whole."""

    def __init__(self, data: bytes) -> None:
        self._rest = io.BytesIO(data)

    def read(self, size: int) -> bytes:
        return self._rest.read(size)

    def close(self) -> None:
        self._rest = io.BytesIO()


def image_files() -> FileTree:
    """What every image has."""
    directories = ("bin", "dev", "etc", "home", "root", "tmp", "usr", "usr/bin", "var", "var/log")
    return FileTree(directories, ("bin/sh", "etc/passwd", "etc/group"))
