"""Writes a pod's zone where its volumes are directories of this machine; its sandbox has a link that leads there."""

from __future__ import annotations

from pathlib import Path

from runner.core.container.messages import MESSAGES
from runner.core.labels import volume_name
from runner.core.model import Pod
from runner.core.network.clusterdns import ZONE
from runner.engine.localvolumes import local_volume, replace_text
from runner.engine.protocol import Engine


def zone_directory(engine: Engine, pod: Pod) -> Path | None:
    """The directory of a pod's zone; None where writing has to go through the Engine. Raises EngineUnavailable."""
    return local_volume(engine, volume_name(pod, MESSAGES))


def write_zone(directory: Path | None, text: str) -> bool:
    """Write the zone that a pod's sandbox answers from. Returns whether that was possible."""
    try:
        if directory is None:
            return False
        replace_text(directory, ZONE, text)
    except OSError:  # We have no permission, there is no room, or the pod is gone: the Engine will say which.
        return False
    return True
