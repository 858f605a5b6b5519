"""The verbs of the simulated Engine that are about files."""

from __future__ import annotations

import posixpath
from abc import ABC, abstractmethod
from collections.abc import Iterator

from runner.core.container.containerconfig import MountType
from runner.engine.protocol import PathStat
from runner.engine.simulated.container import SimulatedContainer
from runner.engine.simulated.files import FileTree, SimulatedArchive
from runner.engine.simulated.volumes import VolumeStore


class FileVerbs(ABC):
    """See ``runner.engine.protocol.Engine``."""

    _volumes: VolumeStore

    @abstractmethod
    def _called(self, verb: str, target: str = "") -> None: ...

    @abstractmethod
    def _find(self, container_id: str) -> SimulatedContainer: ...

    def upload(self, container_id: str, path: str, archive: bytes) -> None:
        self._called("upload", container_id)
        tree, inner = self._tree(self._find(container_id), path)
        tree.upload(inner, archive)

    def download(self, container_id: str, path: str) -> bytes:
        self._called("download", container_id)
        tree, inner = self._tree(self._find(container_id), path)
        return tree.download(inner)

    def stat_path(self, container_id: str, path: str) -> PathStat:
        self._called("stat_path", container_id)
        tree, inner = self._tree(self._find(container_id), path)
        return tree.stat(inner)

    def upload_stream(self, container_id: str, path: str, pieces: Iterator[bytes]) -> None:
        self._called("upload_stream", container_id)
        tree, inner = self._tree(self._find(container_id), path)
        tree.upload(inner, b"".join(pieces))

    def download_stream(self, container_id: str, path: str) -> SimulatedArchive:
        self._called("download_stream", container_id)
        tree, inner = self._tree(self._find(container_id), path)
        return SimulatedArchive(tree.download(inner))

    def _tree(self, container: SimulatedContainer, path: str) -> tuple[FileTree, str]:
        """The tree that holds a path of a container, the deepest mount first, and the path inside the tree."""
        clean = posixpath.normpath(f"/{path}").lstrip("/")
        for mount in sorted(container.config.mounts, key=lambda m: len(m.target), reverse=True):
            target = mount.target.strip("/")
            if mount.type is MountType.VOLUME and mount.source and (clean == target or clean.startswith(f"{target}/")):
                inner = posixpath.join(mount.sub_path.strip("/"), clean[len(target) :].lstrip("/"))
                return self._volumes.files(mount.source), inner.rstrip("/")
        return container.files, clean
