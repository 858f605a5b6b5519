"""Image layers as values: a set of files, written as one gzipped tar that is the same bytes every time."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import stat
import tarfile
from dataclasses import dataclass, field
from pathlib import Path

_MERGED = {"lib", "lib64", "bin", "sbin"}


@dataclass(slots=True)
class Layer:
    """The files of one layer by their path without a leading slash."""

    members: dict[str, tuple[tarfile.TarInfo, bytes]] = field(default_factory=dict)

    def _put(self, path: str, kind: bytes, mode: int, content: bytes = b"", link: str = "") -> None:
        info = tarfile.TarInfo(path)
        info.type, info.mode, info.size, info.linkname = kind, mode, len(content), link
        self.members[path] = (info, content)

    def directory(self, path: str, mode: int = 0o755) -> None:
        """Add a directory."""
        self._put(path, tarfile.DIRTYPE, mode)

    def file(self, path: str, content: bytes | str, mode: int = 0o644) -> None:
        """Add a regular file."""
        self._put(path, tarfile.REGTYPE, mode, content.encode() if isinstance(content, str) else content)

    def symlink(self, path: str, target: str) -> None:
        """Add a symbolic link."""
        self._put(path, tarfile.SYMTYPE, 0o777, link=target)

    def tree(self, root: Path, *below: str) -> None:
        """Add what a package unpacked below these directories of `root`, with /lib, /bin … as parts of /usr."""
        for start in below:
            for path in sorted((root / start).rglob("*")):
                name = str(path.relative_to(root))
                if name.split("/")[0] in _MERGED:
                    name = f"usr/{name}"
                if path.is_symlink():
                    self.symlink(name, str(path.readlink()))
                elif path.is_file():
                    self.file(name, path.read_bytes(), stat.S_IMODE(path.stat().st_mode))
                elif path.is_dir():
                    self.directory(name)

    def archive(self) -> bytes:
        """Return the uncompressed tar: sorted, all times 0, owned by root, parent directories first."""
        complete = dict(self.members)
        for path in self.members:
            for parent in Path(path).parents:
                if str(parent) != "." and str(parent) not in complete:
                    info = tarfile.TarInfo(str(parent))
                    info.type, info.mode = tarfile.DIRTYPE, 0o755
                    complete[str(parent)] = (info, b"")
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w", format=tarfile.GNU_FORMAT) as archive:
            for path in sorted(complete):
                info, content = complete[path]
                archive.addfile(info, io.BytesIO(content))
        return buffer.getvalue()


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """An image: its layers, bottom first, and the settings that containers start from."""

    layers: tuple[Layer, ...]
    settings: dict[str, object]
    architecture: str

    def build(self) -> tuple[bytes, list[bytes]]:
        """Return the image configuration (JSON) and the gzipped layers."""
        archives = [layer.archive() for layer in self.layers]
        configuration = {
            "architecture": self.architecture,
            "os": "linux",
            "created": "1970-01-01T00:00:00Z",
            "config": self.settings,
            "rootfs": {
                "type": "layers",
                "diff_ids": [f"sha256:{hashlib.sha256(archive).hexdigest()}" for archive in archives],
            },
            "history": [{"created": "1970-01-01T00:00:00Z", "created_by": "podrunner set-up"} for _ in archives],
        }
        packed = [gzip.compress(archive, compresslevel=6, mtime=0) for archive in archives]
        return json.dumps(configuration, sort_keys=True).encode(), packed
