"""Volume mounts and devices of a container.

Mirrors ValidateVolumeMounts and ValidateVolumeDevices of pkg/apis/core/validation/validation.go, including error paths
that leave out the index.
"""

from __future__ import annotations

from typing import Any

from runner.core.manifest.paths import FieldPath
from runner.core.manifest.validation.errors import Errors
from runner.core.manifest.validation.relative import local_path

Object = dict[str, Any]

_PROPAGATION = ("Bidirectional", "HostToContainer", "None")
_RECURSIVE = ("Disabled", "Enabled", "IfPossible")


def validate_mounts(errors: Errors, container: Object, volumes: dict[str, Object], path: FieldPath) -> None:
    """Check a container's volumeMounts against the pod's sound volumes."""
    # As the server's map by name: of two devices of one name the last one's path counts.
    devices = {d.get("name") or "": d.get("devicePath") or "" for d in container.get("volumeDevices") or ()}
    device_names, device_paths = devices.keys(), set(devices.values())
    taken: set[str] = set()
    for index, mount in enumerate(container.get("volumeMounts") or ()):
        at = path.index(index)
        name, mount_path = mount.get("name") or "", mount.get("mountPath") or ""
        if not name:
            errors.required(at.child("name"))
        if name not in volumes:
            errors.not_found(at.child("name"), name)
        if not mount_path:
            errors.required(at.child("mountPath"))
        if mount_path in taken:
            errors.invalid(at.child("mountPath"), mount_path, "must be unique")
        taken.add(mount_path)
        if name in device_names:
            errors.invalid(at.child("name"), name, "must not already exist in volumeDevices")
        if mount_path in device_paths:
            errors.invalid(at.child("mountPath"), mount_path, "must not already exist as a path in volumeDevices")
        _options(errors, mount, container, path, at)


def _options(errors: Errors, mount: Object, container: Object, path: FieldPath, at: FieldPath) -> None:
    def without_index(name: str) -> FieldPath:
        return path.child(name).located_at(at.child(name))

    sub_path, expression = mount.get("subPath") or "", mount.get("subPathExpr") or ""
    if sub_path:
        local_path(errors, sub_path, without_index("subPath"))
    if expression:
        if sub_path:
            errors.invalid(at.child("subPathExpr"), expression, "subPathExpr and subPath are mutually exclusive")
        local_path(errors, expression, without_index("subPathExpr"))
    propagation = mount.get("mountPropagation")
    if propagation is not None:
        privileged = (container.get("securityContext") or {}).get("privileged")
        if propagation not in _PROPAGATION:
            errors.not_supported(without_index("mountPropagation"), propagation, _PROPAGATION)
        if propagation == "Bidirectional" and not privileged:
            detail = "Bidirectional mount propagation is available only to privileged containers"
            errors.forbidden(without_index("mountPropagation"), detail)
    recursive = mount.get("recursiveReadOnly")
    if recursive is None or recursive == "Disabled":
        return
    if recursive not in _RECURSIVE:
        errors.not_supported(without_index("recursiveReadOnly"), recursive, _RECURSIVE)
        return
    if not mount.get("readOnly"):
        errors.forbidden(without_index("recursiveReadOnly"), "may only be specified when readOnly is true")
    if propagation not in (None, "None"):
        detail = "may only be specified when mountPropagation is None or not specified"
        errors.forbidden(without_index("recursiveReadOnly"), detail)


def validate_devices(errors: Errors, container: Object, volumes: dict[str, Object], path: FieldPath) -> None:
    """Check a container's volumeDevices."""
    mounts = {m.get("name") or "": m.get("mountPath") or "" for m in container.get("volumeMounts") or ()}
    names: set[str] = set()
    paths: set[str] = set()
    for index, device in enumerate(container.get("volumeDevices") or ()):
        at = path.index(index)
        name, device_path = device.get("name") or "", device.get("devicePath") or ""
        if not name:
            errors.required(at.child("name"))
        if name in names:
            errors.invalid(at.child("name"), name, "must be unique")
        volume = volumes.get(name)
        if volume is None:
            errors.not_found(at.child("name"), name)
        elif "persistentVolumeClaim" not in volume and "ephemeral" not in volume:
            detail = "can only use volume source type of PersistentVolumeClaim or Ephemeral for block mode"
            errors.invalid(at.child("name"), name, detail)
        if not device_path:
            errors.required(at.child("devicePath"))
        if device_path in paths:
            errors.invalid(at.child("devicePath"), device_path, "must be unique")
        if ".." in device_path.split("/"):
            errors.invalid(at.child("devicePath"), device_path, "can not contain backsteps ('..')")
        else:
            paths.add(device_path)
        if name in mounts:
            errors.invalid(at.child("name"), name, "must not already exist in volumeMounts")
        if device_path in mounts.values():
            errors.invalid(at.child("devicePath"), device_path, "must not already exist as a path in volumeMounts")
        if name:
            names.add(name)
