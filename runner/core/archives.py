"""Tar archives that bring files into containers and volumes. Everything in one has a time: no file of a pod dates from 1970.

A kubelet writes such files itself, so they date from the moment of writing (pkg/volume/util/atomic_writer.go).
"""

from __future__ import annotations

import io
import tarfile
from datetime import datetime


class ArchiveWriter:
    """Collects the members of one archive, all as old as ``now``, to the microsecond: an update within a second is newer."""

    def __init__(self, now: datetime) -> None:
        self._time = now.timestamp()
        self._buffer = io.BytesIO()
        self._archive = tarfile.open(fileobj=self._buffer, mode="w", format=tarfile.PAX_FORMAT)  # noqa: SIM115 - closed by content

    def directory(self, path: str, mode: int, group: int = 0) -> None:
        self._add(self._member(path, tarfile.DIRTYPE, mode, group=group))

    def file(self, path: str, data: bytes, mode: int, user: int = 0, group: int = 0) -> None:
        member = self._member(path, tarfile.REGTYPE, mode, user, group)
        member.size = len(data)
        self._archive.addfile(member, io.BytesIO(data))

    def link(self, path: str, target: str, user: int = 0, group: int = 0) -> None:
        """Add a symbolic link."""
        member = self._member(path, tarfile.SYMTYPE, 0o777, user, group)
        member.linkname = target
        self._add(member)

    def content(self) -> bytes:
        """The whole archive; nothing can be added after it."""
        self._archive.close()
        return self._buffer.getvalue()

    def _add(self, member: tarfile.TarInfo) -> None:
        self._archive.addfile(member)

    def _member(self, path: str, kind: bytes, mode: int, user: int = 0, group: int = 0) -> tarfile.TarInfo:
        member = tarfile.TarInfo(path)
        member.type, member.mode, member.uid, member.gid = kind, mode, user, group
        member.mtime = self._time
        return member


def parents_of(path: str) -> tuple[str, ...]:
    """The directories that lead to a path, the outermost first."""
    parts = path.split("/")[:-1]
    return tuple("/".join(parts[:depth]) for depth in range(1, len(parts) + 1))
