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
from runner.core.text.gotext import quote
from runner.core.text.quantity import parse_quantity

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
_LONGEST_PORTAL = 64
# Of a claim's template only labels and annotations count; the rest, in the order of ObjectMeta's fields.
_NOT_FOR_TEMPLATES = (
    "name",
    "generateName",
    "namespace",
    "selfLink",
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "ownerReferences",
    "finalizers",
    "managedFields",
)


def validate_volumes(
    errors: Errors, volumes: list[Object] | None, path: FieldPath, metadata: Object | None = None
) -> dict[str, Object]:
    """Check the volumes and return the sound ones by name: mounts of the others count as not found.

    `metadata`: a pod's own, whose name is part of the claims that its ephemeral volumes make; None for a template.
    """
    sound: dict[str, Object] = {}
    pod_name = (metadata or {}).get("name") or ""
    made = {f"{pod_name}-{v.get('name') or ''}" for v in volumes or () if pod_name and v.get("ephemeral") is not None}
    for index, volume in enumerate(volumes or ()):
        at = path.index(index)
        before = len(errors.items)
        _source(errors, volume, at, pod_name, is_pod=metadata is not None)
        name = volume.get("name") or ""
        if not name:
            errors.required(at.child("name"))
        for message in dns_label(name) if name else ():
            errors.invalid(at.child("name"), name, message)
        if name in sound:
            errors.duplicate(at.child("name"), name)
        if len(errors.items) == before:
            sound[name] = volume
        claim = (volume.get("persistentVolumeClaim") or {}).get("claimName") or ""
        if claim in made:
            detail = "must not reference a PVC that gets created for an ephemeral volume"
            errors.invalid(at.child("persistentVolumeClaim", "claimName"), claim, detail)
    return sound


def _source(errors: Errors, volume: Object, path: FieldPath, pod_name: str, *, is_pod: bool) -> None:
    name = volume.get("name") or ""
    given = [kind for kind in _ORDER if volume.get(kind) is not None]
    for position, kind in enumerate(given):
        at, source = path.child(kind), volume[kind]
        if position:
            # One path of the server's has a typing mistake, another one a capital letter.
            shown = {"downwardAPI": "downwarAPI", "cephfs": "cephFS"}.get(kind, kind)
            errors.forbidden(path.child(shown).located_at(at), "may not specify more than 1 volume type")
        elif kind == "image":
            _image(errors, source, at, is_pod=is_pod)
        elif kind in _CHECKS:
            _CHECKS[kind](errors, source, at)
        else:
            from runner.core.manifest.validation.cloudvolumes import check_cloud_source

            check_cloud_source(errors, kind, source, at)
        if kind == "iscsi" and source.get("initiatorName") is not None:
            _initiator_length(errors, name, source, path.child("name"))
        if kind == "ephemeral" and not position and pod_name and name:
            for message in dns_subdomain(f"{pod_name}-{name}"):
                claim = quote(f"{pod_name}-{name}")
                errors.invalid(path.child("name"), name, f"PVC name {claim}: {message}")


def _initiator_length(errors: Errors, name: str, source: Object, path: FieldPath) -> None:
    if len(f"{name}:{source.get('targetPortal') or ''}".encode()) > _LONGEST_PORTAL:
        detail = (
            "Total length of <volume name>:<iscsi.targetPortal> must be under 64 characters if iscsi.initiatorName is "
            "specified."
        )
        errors.invalid(path, name, detail)


def _mode(errors: Errors, value: int | None, path: FieldPath) -> None:
    if value is not None and not 0 <= value <= 0o777:
        errors.invalid(path, value, _MODE_MESSAGE)


def _key_to_path(errors: Errors, item: Object, path: FieldPath) -> None:
    if not item.get("key"):
        errors.required(path.child("key"))
    if not item.get("path"):
        errors.required(path.child("path"))
    local_path(errors, item.get("path") or "", path.child("path"), reserved=True)
    _mode(errors, item.get("mode"), path.child("mode"))


def _empty_dir(errors: Errors, source: Object, path: FieldPath) -> None:
    limit = source.get("sizeLimit")
    if limit is not None and parse_quantity(limit).is_negative:
        errors.forbidden(path.child("sizeLimit"), "SizeLimit field must be a valid resource quantity")


def validate_host_path(errors: Errors, source: Object, path: FieldPath) -> None:
    """Check a path of the host."""
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


def validate_nfs(errors: Errors, source: Object, path: FieldPath) -> None:
    """Check a directory of a file server."""
    if not source.get("server"):
        errors.required(path.child("server"))
    if not source.get("path"):
        errors.required(path.child("path"))
    if not (source.get("path") or "").startswith("/"):
        errors.invalid(path.child("path"), source.get("path") or "", "must be an absolute path")


def _git_repo(errors: Errors, source: Object, path: FieldPath) -> None:
    if not source.get("repository"):
        errors.required(path.child("repository"))
    local_path(errors, source.get("directory") or "", path.child("directory"))


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
        for name in given:
            _projection(errors, name, projection[name], at.child(name), path, taken)
        if len(given) > 1:
            errors.forbidden(at, "may not specify more than 1 volume type per source")


_PROJECTIONS = ("secret", "configMap", "downwardAPI", "serviceAccountToken")


def _projection(
    errors: Errors, kind: str, projection: Object, at: FieldPath, volume: FieldPath, taken: set[str]
) -> None:
    def take(file: str, shown_value: str) -> None:
        if file and file in taken:
            errors.invalid(volume.located_at(at), shown_value, "conflicting duplicate paths")
        taken.add(file)

    if kind == "serviceAccountToken":
        # Its path is not compared with the others'.
        _token(errors, projection, at, volume)
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


def _token(errors: Errors, projection: Object, path: FieldPath, volume: FieldPath) -> None:
    """Check a token's source; the server's path to its file leaves out the source."""
    seconds, at = projection["expirationSeconds"], path.child("expirationSeconds")
    if seconds < 600:
        errors.invalid(at, seconds, "may not specify a duration less than 10 minutes")
    if seconds > 1 << 32:
        errors.invalid(at, seconds, "may not specify a duration larger than 2^32 seconds")
    file, here = projection.get("path") or "", volume.child("path").located_at(path.child("path"))
    if not file:
        errors.required(here)
    local_path(errors, file, here, reserved=True)


def _csi(errors: Errors, source: Object, path: FieldPath) -> None:
    driver, at = source.get("driver") or "", path.child("driver")
    if not driver:
        errors.required(at)
    elif len(driver.encode()) > 63:
        errors.too_long(at, 63)
    for message in dns_subdomain(driver.lower()) if driver else ():
        errors.invalid(at, driver, message)
    reference = source.get("nodePublishSecretRef")
    if reference is None:
        return
    name, here = reference.get("name") or "", path.child("nodePublishSecretRef", "name")
    if not name:
        errors.required(here)
    for message in dns_subdomain(name) if name else ():
        errors.invalid(path.child("name").located_at(here), name, message)


def _ephemeral(errors: Errors, source: Object, path: FieldPath) -> None:
    template = source.get("volumeClaimTemplate")
    at = path.child("volumeClaimTemplate")
    if template is None:
        errors.required(at)
        return
    metadata, here = template.get("metadata") or {}, at.child("metadata")
    validate_annotations(errors, metadata.get("annotations"), here.child("annotations"))
    validate_labels(errors, metadata.get("labels"), here.child("labels"))
    for field in _NOT_FOR_TEMPLATES:
        if metadata.get(field):
            shown = {"uid": "uID"}.get(field, field)
            errors.forbidden(here.child(shown).located_at(here.child(field)), "cannot be set")
    validate_claim_spec(errors, template.get("spec") or {}, at.child("spec"))


def _image(errors: Errors, source: Object, path: FieldPath, *, is_pod: bool) -> None:
    if is_pod and not source.get("reference"):
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
    "hostPath": validate_host_path,
    "gitRepo": _git_repo,
    "secret": _secret,
    "nfs": validate_nfs,
    "downwardAPI": _downward_api,
    "configMap": _config_map,
    "projected": _projected,
    "csi": _csi,
    "ephemeral": _ephemeral,
}
