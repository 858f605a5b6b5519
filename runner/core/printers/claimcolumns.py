"""The row of a PersistentVolumeClaim in ``get pvc``.

Mirrors pkg/printers/internalversion/printers.go (printPersistentVolumeClaim).
"""

from __future__ import annotations

from datetime import datetime

from runner.core.model import EMPTY, Json
from runner.core.printers.columns import age_since

CLAIM_COLUMNS: tuple[str, ...] = (
    "NAME",
    "STATUS",
    "VOLUME",
    "CAPACITY",
    "ACCESS MODES",
    "STORAGECLASS",
    "VOLUMEATTRIBUTESCLASS",
    "AGE",
)
WIDE_CLAIM_COLUMNS: tuple[str, ...] = (*CLAIM_COLUMNS, "VOLUMEMODE")

_OLD_CLASS = "volume.beta.kubernetes.io/storage-class"
_SHORT_MODES = {
    "ReadWriteOnce": "RWO",
    "ReadOnlyMany": "ROX",
    "ReadWriteMany": "RWX",
    "ReadWriteOncePod": "RWOP",
}


def claim_cells(claim: Json, now: datetime, *, wide: bool = False) -> tuple[str, ...]:
    """The cells; capacity and modes are those of the volume, once there is one."""
    metadata, spec, status = claim.get("metadata") or {}, claim.get("spec") or {}, claim.get("status") or {}
    phase, volume = str(status.get("phase") or "Pending"), str(spec.get("volumeName") or "")
    if metadata.get("deletionTimestamp"):
        phase = "Terminating"
    modes = [mode for mode in _SHORT_MODES if mode in (status.get("accessModes") or ())] if volume else []
    cells = (
        str(metadata.get("name") or ""),
        phase,
        volume,
        str((status.get("capacity") or {}).get("storage") or "") if volume else "",
        ",".join(_SHORT_MODES[mode] for mode in modes),
        storage_class(claim),
        str(spec.get("volumeAttributesClassName") or "<unset>"),
        age_since(metadata.get("creationTimestamp"), now),
    )
    return (*cells, str(spec.get("volumeMode") or "<unset>")) if wide else cells


def storage_class(claim: Json) -> str:
    """The class that a claim names, by the old annotation first (component-helpers, GetPersistentVolumeClaimClass)."""
    annotations = (claim.get("metadata") or EMPTY).get("annotations") or EMPTY
    if _OLD_CLASS in annotations:
        return str(annotations[_OLD_CLASS])
    return str((claim.get("spec") or EMPTY).get("storageClassName") or "")
