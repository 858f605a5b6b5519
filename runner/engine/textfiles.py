"""Writes a small text file into a container."""

from __future__ import annotations

from datetime import datetime

from runner.core.archives import ArchiveWriter
from runner.engine.protocol import Engine

_MODE = 0o644


def upload_text(engine: Engine, container_id: str, path: str, text: str, now: datetime) -> None:
    """Write a file below the container's root directory, in place of one that is there. Raises EngineError."""
    archive = ArchiveWriter(now)
    archive.file(path, text.encode(), _MODE)
    engine.upload(container_id, "/", archive.content())
