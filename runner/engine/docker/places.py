"""Where sub-paths of mounts are mounted: apart from what mounts them, which takes longer to import."""

from __future__ import annotations

from pathlib import Path
from typing import Final

PLACES: Final = Path("/run/podrunner/sub-paths")
"""Mounts by the name of their container, and links to them by its id; only root can look into it."""
NAMES: Final = "names"
IDS: Final = "ids"


def link_of(container_id: str) -> Path:
    """Where it is noted which mounts belong to a container."""
    return PLACES / IDS / container_id


def has_mounts(container_id: str) -> bool:
    """Whether something has to be unmounted when a container is gone."""
    return link_of(container_id).is_symlink()
