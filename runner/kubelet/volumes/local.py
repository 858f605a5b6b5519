"""Gives a pod's new volumes their modes and files where they are directories of this machine.

A kubelet does no more than that (pkg/volume/emptydir and configmap, SetUpAt); through the Engine it takes a process each time.
"""

from __future__ import annotations

import os
from pathlib import Path

from runner.core.volumes import VolumePlan, directory_mode
from runner.kubelet.volumes.reconciler import exchange


def set_up_locally(plan: VolumePlan, directory: Path | None) -> bool:
    """Set a volume up without the Engine, in its directory if that is one of this machine; False where that cannot be done."""
    if plan.root_mode is None and not plan.files:
        return True
    # The Engine mounts something over the directory of a volume with options.
    if plan.create is None or plan.create.options:
        return False
    try:
        # Elsewhere the Engine's users are not this machine's.
        if directory is None or directory.stat().st_uid != 0:
            return False
        if plan.root_mode is not None:
            os.chown(directory, 0, plan.group or 0)
            directory.chmod(directory_mode(plan, plan.root_mode))
        if plan.files:
            exchange(directory, plan)
    except OSError:  # We may not, or there is no room: the Engine will tell.
        return False
    return True
