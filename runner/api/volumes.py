"""The files of a pod's volume, read and written through the pod's sandbox, which mounts them all."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Callable
from datetime import datetime
from pathlib import PurePosixPath

from runner.core.archives import ArchiveWriter, parents_of
from runner.core.volumes import SANDBOX_ROOT
from runner.engine.protocol import Engine
from runner.errors import NotFound, UsageError


class VolumeHandle:
    """One volume, as long as its pod's sandbox runs. Paths are relative to the volume."""

    def __init__(self, engine: Engine, sandbox: Callable[[], str], name: str, now: Callable[[], datetime]) -> None:
        self._engine = engine
        self._sandbox = sandbox
        self.name = name
        self._now = now

    def files(self) -> list[str]:
        """Paths of all files and links, sorted."""
        return sorted(path for path, is_folder in self._entries() if not is_folder)

    def read(self, path: str) -> bytes:
        """A file's content; links are followed. Raises UsageError when there is no such file."""
        place = self._place(path)
        for _ in range(8):
            try:
                archive = self._engine.download(self._sandbox(), place)
            except NotFound:
                break
            with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
                member = tar.next()
                if member is not None and member.issym():
                    place = str(PurePosixPath(place).parent / member.linkname)
                    continue
                reader = tar.extractfile(member) if member is not None and member.isfile() else None
                if reader is None:
                    break
                return reader.read()
        raise UsageError(f"volume {self.name} has no file {path}")

    def read_text(self, path: str) -> str:
        """A file's content as UTF-8."""
        return self.read(path).decode()

    def write(self, path: str, content: bytes | str, *, mode: int = 0o644) -> None:
        """Write a file; folders that are missing are made, for everybody to write to."""
        place = PurePosixPath(self._place(path)).relative_to(self._root)
        data = content.encode() if isinstance(content, str) else content
        archive = ArchiveWriter(self._now())
        known = {folder for folder, is_folder in self._entries() if is_folder}
        for folder in parents_of(str(place)):
            if folder not in known:
                archive.directory(folder, 0o777)
        archive.file(str(place), data, mode)
        self._engine.upload(self._sandbox(), self._root, archive.content())

    def _entries(self) -> list[tuple[str, bool]]:
        """Paths of everything in the volume, and whether each is a folder."""
        try:
            archive = self._engine.download(self._sandbox(), self._root)
        except NotFound as problem:
            raise UsageError(f"no container of the pod mounts volume {self.name}, so there is none") from problem
        with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
            found = [(PurePosixPath(member.name).parts[1:], member.isdir()) for member in tar]
        return [("/".join(parts), is_folder) for parts, is_folder in found if parts]

    @property
    def _root(self) -> str:
        return f"/{SANDBOX_ROOT}/{self.name}"

    def _place(self, path: str) -> str:
        pure = PurePosixPath(path)
        if pure.is_absolute() or ".." in pure.parts or not pure.parts:
            raise UsageError(f"{path!r} is no path within volume {self.name}")
        return f"{self._root}/{pure}"

    def __repr__(self) -> str:
        return f"<Volume {self.name}>"
