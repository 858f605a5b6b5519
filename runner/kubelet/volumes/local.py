"""Gives a pod's new volumes their modes and files where they are directories of this machine.

A kubelet does no more than that (pkg/volume/emptydir and configmap, SetUpAt); through the Engine it takes a process each time.
"""

from __future__ import annotations

import os
from pathlib import Path

from runner.core.volumes import VolumePlan, directory_mode
from runner.kubelet.volumes.reconciler import exchange


def set_up_locally(plan: VolumePlan, directory: Path | None) -> bool:
    """Set up a volume in its directory, without the Engine. Returns False where the directory is not on this machine."""
    if plan.root_mode is None and not plan.files:
        return True
    # The Engine mounts over the directory of a volume that has options.
    if plan.create is None or plan.create.options:
        return False
    try:
        # Otherwise the Engine's users are not the users of this machine.
        if directory is None or directory.stat().st_uid != 0:
            return False
        if plan.root_mode is not None:
            os.chown(directory, 0, plan.group or 0)
            directory.chmod(directory_mode(plan, plan.root_mode))
        if plan.files:
            exchange(directory, plan)
    except OSError:  # We have no permission, or there is no room: the Engine will say which.
        return False
    return True
