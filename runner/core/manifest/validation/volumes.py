"""Pod volumes: names, one source each, and what each source needs.

Mirrors ValidateVolumes and validateVolumeSource of pkg/apis/core/validation/validation.go.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from runner.core.manifest.paths import FieldPath
from runner.core.manifest.validation.claims import validate_claim_spec
from runner.core.manifest.validation.environment import (
    VOLUME_FIELDS,
    validate_field_selector,
    validate_resource_selector,
)
from runner.core.manifest.validation.errors import Errors
from runner.core.manifest.validation.metadata import validate_annotations, validate_labels
from runner.core.manifest.validation.names import dns_label, dns_subdomain
from runner.core.manifest.validation.relative import local_path, no_backsteps
from runner.core.quantity import parse_quantity

Object = dict[str, Any]

_HOST_PATH_TYPES = (
    "",
    "BlockDevice",
    "CharDevice",
    "Directory",
    "DirectoryOrCreate",
    "File",
    "FileOrCreate",
    "Socket",
)
_MODE_MESSAGE = "must be a number between 0 and 0777 (octal), both inclusive"
PULL_POLICIES = ("Always", "IfNotPresent", "Never")


def validate_volumes(errors: Errors, volumes: list[Object] | None, path: FieldPath) -> dict[str, Object]:
    """Check the volumes and return the sound ones by name: mounts of the others count as not found."""
    sound: dict[str, Object] = {}
    for index, volume in enumerate(volumes or ()):
        at = path.index(index)
        before = len(errors.items)
        _source(errors, volume, at)
        name = volume.get("name") or ""
        if not name:
            errors.required(at.child("name"))
        else:
            for message in dns_label(name):
                errors.invalid(at.child("name"), name, message)
        if name in sound:
            errors.duplicate(at.child("name"), name)
        if len(errors.items) == before:
            sound[name] = volume
    return sound


def _source(errors: Errors, volume: Object, path: FieldPath) -> None:
    given = [name for name in _ORDER if volume.get(name) is not None]
    for position, name in enumerate(given):
        at = path.child(name)
        if position:
            errors.forbidden(at, "may not specify more than 1 volume type")
            continue
        check = _CHECKS.get(name)
        if check is not None:
            check(errors, volume[name], at)
        else:
            for field in _NEEDED.get(name, ()):
                if not volume[name].get(field):
                    errors.required(at.child(field))


def _mode(errors: Errors, value: int | None, path: FieldPath) -> None:
    if value is not None and not 0 <= value <= 0o777:
        errors.invalid(path, value, _MODE_MESSAGE)


def _key_to_path(errors: Errors, item: Object, path: FieldPath) -> None:
    if not item.get("key"):
        errors.required(path.child("key"))
    if not item.get("path"):
        errors.required(path.child("path"))
    else:
        local_path(errors, item["path"], path.child("path"), reserved=True)
    _mode(errors, item.get("mode"), path.child("mode"))


def _empty_dir(errors: Errors, source: Object, path: FieldPath) -> None:
    limit = source.get("sizeLimit")
    if limit is not None and parse_quantity(limit).is_negative:
        errors.forbidden(path.child("sizeLimit"), "SizeLimit field must be a valid resource quantity")


def _host_path(errors: Errors, source: Object, path: FieldPath) -> None:
    if not source.get("path"):
        errors.required(path.child("path"))
        return
    no_backsteps(errors, source["path"], path.child("path"))
    kind = source.get("type") or ""
    if kind not in _HOST_PATH_TYPES:
        errors.not_supported(path.child("type"), kind, _HOST_PATH_TYPES)


def _secret(errors: Errors, source: Object, path: FieldPath) -> None:
    _files(errors, source, path, "secretName")


def _config_map(errors: Errors, source: Object, path: FieldPath) -> None:
    _files(errors, source, path, "name")


def _files(errors: Errors, source: Object, path: FieldPath, name_field: str) -> None:
    if not source.get(name_field):
        errors.required(path.child(name_field))
    _mode(errors, source.get("defaultMode"), path.child("defaultMode"))
    for index, item in enumerate(source.get("items") or ()):
        _key_to_path(errors, item, path.child("items").index(index))


def _nfs(errors: Errors, source: Object, path: FieldPath) -> None:
    if not source.get("server"):
        errors.required(path.child("server"))
    if not source.get("path"):
        errors.required(path.child("path"))
    elif not source["path"].startswith("/"):
        errors.invalid(path.child("path"), source["path"], "must be an absolute path")


def _git_repo(errors: Errors, source: Object, path: FieldPath) -> None:
    if not source.get("repository"):
        errors.required(path.child("repository"))
    if source.get("directory"):
        local_path(errors, source["directory"], path.child("directory"))


def _downward_api(errors: Errors, source: Object, path: FieldPath) -> None:
    _mode(errors, source.get("defaultMode"), path.child("defaultMode"))
    for index, item in enumerate(source.get("items") or ()):
        _downward_item(errors, item, path, path.child("items").index(index))


def _downward_item(errors: Errors, item: Object, path: FieldPath, at: FieldPath) -> None:
    """Check one file; the server's paths leave out the list and its index, ours still point to the place."""

    def child(*names: str) -> FieldPath:
        return path.child(*names).located_at(at.child(*names))

    if not item.get("path"):
        errors.required(child("path"))
    local_path(errors, item.get("path") or "", child("path"), reserved=True)
    here = path.located_at(at)
    field_ref, resource_ref = item.get("fieldRef"), item.get("resourceFieldRef")
    if field_ref is not None:
        validate_field_selector(errors, field_ref, child("fieldRef"), VOLUME_FIELDS)
        if resource_ref is not None:
            errors.invalid(here, "resource", "fieldRef and resourceFieldRef can not be specified simultaneously")
    elif resource_ref is not None:
        validate_resource_selector(errors, resource_ref, child("resourceFieldRef"), in_volume=True)
    else:
        errors.required(here, "one of fieldRef and resourceFieldRef is required")
    _mode(errors, item.get("mode"), child("mode"))


def _projected(errors: Errors, source: Object, path: FieldPath) -> None:
    _mode(errors, source.get("defaultMode"), path.child("defaultMode"))
    taken: set[str] = set()
    for index, projection in enumerate(source.get("sources") or ()):
        at = path.child("sources").index(index)
        given = [name for name in _PROJECTIONS if projection.get(name) is not None]
        for position, name in enumerate(given):
            if position:
                errors.forbidden(at, "may not specify more than 1 volume type per source")
            else:
                _projection(errors, name, projection[name], at.child(name), path, taken)


_PROJECTIONS = ("secret", "configMap", "downwardAPI", "serviceAccountToken")


def _projection(
    errors: Errors, kind: str, projection: Object, at: FieldPath, volume: FieldPath, taken: set[str]
) -> None:
    def take(file: str, shown_value: str) -> None:
        if not file:
            return
        if file in taken:
            errors.invalid(volume.located_at(at), shown_value, "conflicting duplicate paths")
        taken.add(file)

    if kind == "serviceAccountToken":
        _token(errors, projection, at)
        take(projection.get("path") or "", projection.get("path") or "")
        return
    if kind == "downwardAPI":
        for index, item in enumerate(projection.get("items") or ()):
            _downward_item(errors, item, at, at.child("items").index(index))
            take(item.get("path") or "", item.get("path") or "")
        return
    if not projection.get("name"):
        errors.required(at.child("name"))
    for index, item in enumerate(projection.get("items") or ()):
        _key_to_path(errors, item, at.child("items").index(index))
        take(item.get("path") or "", projection.get("name") or "")


def _token(errors: Errors, projection: Object, path: FieldPath) -> None:
    seconds = projection.get("expirationSeconds")
    if seconds is not None and seconds < 600:
        detail = "may not specify a duration less than 10 minutes"
        errors.invalid(path.child("expirationSeconds"), seconds, detail)
    elif seconds is not None and seconds > 1 << 32:
        detail = "may not specify a duration larger than 2^32 seconds"
        errors.invalid(path.child("expirationSeconds"), seconds, detail)
    if not projection.get("path"):
        errors.required(path.child("path"))
    else:
        local_path(errors, projection["path"], path.child("path"), reserved=True)


def _csi(errors: Errors, source: Object, path: FieldPath) -> None:
    driver = source.get("driver") or ""
    if not driver:
        errors.required(path.child("driver"))
    elif len(driver.encode()) > 63:
        errors.too_long(path.child("driver"), 63)
    for message in dns_subdomain(driver.lower()) if driver else ():
        errors.invalid(path.child("driver"), driver, message)
    reference = source.get("nodePublishSecretRef")
    if reference is not None and not reference.get("name"):
        errors.required(path.child("nodePublishSecretRef", "name"))


def _ephemeral(errors: Errors, source: Object, path: FieldPath) -> None:
    template = source.get("volumeClaimTemplate")
    at = path.child("volumeClaimTemplate")
    if template is None:
        errors.required(at)
        return
    metadata = template.get("metadata") or {}
    validate_annotations(errors, metadata.get("annotations"), at.child("metadata", "annotations"))
    validate_labels(errors, metadata.get("labels"), at.child("metadata", "labels"))
    validate_claim_spec(errors, template.get("spec") or {}, at.child("spec"))


def _image(errors: Errors, source: Object, path: FieldPath) -> None:
    if not source.get("reference"):
        errors.required(path.child("reference"))
    if source.get("pullPolicy") not in PULL_POLICIES:
        errors.not_supported(path.child("pullPolicy"), source.get("pullPolicy") or "", PULL_POLICIES)


_ORDER = (
    "emptyDir",
    "hostPath",
    "gitRepo",
    "gcePersistentDisk",
    "awsElasticBlockStore",
    "secret",
    "nfs",
    "iscsi",
    "glusterfs",
    "flocker",
    "persistentVolumeClaim",
    "rbd",
    "cinder",
    "cephfs",
    "quobyte",
    "downwardAPI",
    "fc",
    "flexVolume",
    "configMap",
    "azureFile",
    "vsphereVolume",
    "photonPersistentDisk",
    "portworxVolume",
    "azureDisk",
    "storageos",
    "projected",
    "scaleIO",
    "csi",
    "ephemeral",
    "image",
)
_CHECKS: dict[str, Callable[[Errors, Object, FieldPath], None]] = {
    "emptyDir": _empty_dir,
    "hostPath": _host_path,
    "gitRepo": _git_repo,
    "secret": _secret,
    "nfs": _nfs,
    "downwardAPI": _downward_api,
    "configMap": _config_map,
    "projected": _projected,
    "csi": _csi,
    "ephemeral": _ephemeral,
    "image": _image,
}
# Sources that need a cluster's storage: only what must be there is checked.
_NEEDED = {
    "gcePersistentDisk": ("pdName",),
    "awsElasticBlockStore": ("volumeID",),
    "iscsi": ("targetPortal", "iqn"),
    "glusterfs": ("endpoints", "path"),
    "persistentVolumeClaim": ("claimName",),
    "rbd": ("monitors", "image"),
    "cinder": ("volumeID",),
    "cephfs": ("monitors",),
    "quobyte": ("registry", "volume"),
    "flexVolume": ("driver",),
    "azureFile": ("secretName", "shareName"),
    "vsphereVolume": ("volumePath",),
    "photonPersistentDisk": ("pdID",),
    "portworxVolume": ("volumeID",),
    "azureDisk": ("diskName", "diskURI"),
    "storageos": ("volumeName",),
    "scaleIO": ("gateway", "system", "volumeName"),
}
