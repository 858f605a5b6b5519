"""The volumes of a pod: what stands behind each (``planning``), and the files that go into them (``projection``, ``layout``)."""

from runner.core.volumes.access import access_volumes, is_access
from runner.core.volumes.layout import atomic_layout, directories_of, directory_mode, file_mode, volumes_archive
from runner.core.volumes.plan import HOST_PATH_CHECKS, SANDBOX_ROOT, FileEntry, MountError, Surroundings, VolumePlan
from runner.core.volumes.planning import plan_volume, plan_volumes, renewed

__all__ = [
    "HOST_PATH_CHECKS",
    "SANDBOX_ROOT",
    "FileEntry",
    "MountError",
    "Surroundings",
    "VolumePlan",
    "access_volumes",
    "atomic_layout",
    "directories_of",
    "directory_mode",
    "file_mode",
    "is_access",
    "plan_volume",
    "plan_volumes",
    "renewed",
    "volumes_archive",
]
