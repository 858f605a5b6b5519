"""Tar archives that bring files into containers and volumes. Everything in one has a time: no file of a pod dates from 1970.

A kubelet writes such files itself, so they date from the moment of writing (pkg/volume/util/atomic_writer.go).
"""

from __future__ import annotations

import io
import tarfile
from datetime import datetime


class Member(tarfile.TarInfo):
    """One member of an archive; by default a file, as old as 1970. An archive opened with ``tarinfo=Member`` is read as such."""

    __slots__ = ()

    def __init__(
        self,
        name: str = "",
        kind: bytes = tarfile.REGTYPE,
        mode: int = 0o644,
        *,
        size: int = 0,
        target: str = "",
        user: int = 0,
        group: int = 0,
        time: float = 0.0,
    ) -> None:
        super().__init__(name)
        self.type, self.mode, self.uid, self.gid = kind, mode, user, group
        self.size, self.linkname, self.mtime = size, target, time

    def move(self, name: str, target: str | None = None) -> None:
        """Have it stand elsewhere in the archive, and lead elsewhere if it is a link."""
        self.name = name
        self.linkname = self.linkname if target is None else target


class ArchiveWriter:
    """Collects the members of one archive, all as old as ``now``, to the microsecond: an update within a second is newer."""

    def __init__(self, now: datetime) -> None:
        self._time = now.timestamp()
        self._buffer = io.BytesIO()
        self._archive = tarfile.open(fileobj=self._buffer, mode="w", format=tarfile.PAX_FORMAT)  # noqa: SIM115 - closed by content

    def directory(self, path: str, mode: int, group: int = 0, user: int = 0) -> None:
        self._add(Member(path, tarfile.DIRTYPE, mode, user=user, group=group, time=self._time))

    def file(self, path: str, data: bytes, mode: int, user: int = 0, group: int = 0) -> None:
        member = Member(path, mode=mode, size=len(data), user=user, group=group, time=self._time)
        self._archive.addfile(member, io.BytesIO(data))

    def link(self, path: str, target: str, user: int = 0, group: int = 0) -> None:
        """Add a symbolic link."""
        self._add(Member(path, tarfile.SYMTYPE, 0o777, target=target, user=user, group=group, time=self._time))

    def content(self) -> bytes:
        """The whole archive; nothing can be added after it."""
        self._archive.close()
        return self._buffer.getvalue()

    def _add(self, member: tarfile.TarInfo) -> None:
        self._archive.addfile(member)


def parents_of(path: str) -> tuple[str, ...]:
    """The directories that lead to a path, the outermost first."""
    parts = path.split("/")[:-1]
    return tuple("/".join(parts[:depth]) for depth in range(1, len(parts) + 1))
