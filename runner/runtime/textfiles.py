"""Writes a small text file into a container."""

from __future__ import annotations

import io
import tarfile

from runner.engine.protocol import Engine

_MODE = 0o644


def upload_text(engine: Engine, container_id: str, path: str, text: str) -> None:
    """Write a file below the container's root directory, in place of one that is there. Raises EngineError."""
    buffer, data = io.BytesIO(), text.encode()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        info = tarfile.TarInfo(path)
        info.mode, info.size = _MODE, len(data)
        archive.addfile(info, io.BytesIO(data))
    engine.upload(container_id, "/", buffer.getvalue())
