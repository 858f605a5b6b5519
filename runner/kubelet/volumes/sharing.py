"""Fills the volume that all pods of a service account share: for the first of them, and again when its content changes.

Where the Engine's volumes are directories of this machine, the Engine is asked only for the place; elsewhere the files
go along with those of the pod's other volumes.
"""

from __future__ import annotations

import threading
from pathlib import Path

from runner.core.volumes import VolumePlan
from runner.engine.localvolumes import local_volume
from runner.engine.protocol import Engine
from runner.kubelet.volumes.reconciler import exchange

_one_at_a_time = threading.Lock()
"""Pods that start together would write the same files."""


def fill_shared(engine: Engine, plan: VolumePlan) -> bool:
    """Write the volume's files. Returns False where that has to go through the Engine. Raises EngineUnavailable."""
    directory = local_volume(engine, plan.source)
    if directory is None:
        return False
    with _one_at_a_time:
        try:
            if not _has_content(directory, plan):
                directory.chmod(plan.root_mode or 0)
                exchange(directory, plan)
        except OSError:  # Another process is writing it, or there is no room.
            return _is_filled(directory, plan)
    return True


def _is_filled(directory: Path, plan: VolumePlan) -> bool:
    try:
        return _has_content(directory, plan)
    except OSError:
        return False


def _has_content(directory: Path, plan: VolumePlan) -> bool:
    files = ((directory / "..data" / entry.path, entry.data) for entry in plan.content)
    return all(place.is_file() and place.read_bytes() == data for place, data in files)
