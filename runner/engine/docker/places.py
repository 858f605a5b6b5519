"""Where sub-paths of mounts are mounted: apart from what mounts them, which takes longer to import."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from msgspec.structs import replace

from runner.core.container.containerconfig import Mount, MountType

PLACES: Final = Path("/run/podrunner/sub-paths")
"""Mounts by the name of their container, and links to them by its id; only root can look into it."""
NAMES: Final = "names"
IDS: Final = "ids"

NATIVE_SUB_PATH: Final = (1, 45)
"""The API whose Engine resolves the sub-path of a volume itself."""


def placed(mount: Mount, base: str) -> Mount:
    """A mount with a sub-path as one without: of what is there in the directory that lies behind it."""
    return replace(mount, type=MountType.BIND, source=f"{base}/{mount.sub_path}", sub_path="")


def link_of(container_id: str) -> Path:
    """Where it is noted which mounts belong to a container."""
    return PLACES / IDS / container_id


def has_mounts(container_id: str) -> bool:
    """Whether something has to be unmounted when a container is gone."""
    return link_of(container_id).is_symlink()
