"""Volume sources that need a cluster's or a cloud's storage. They are only checked: none is mounted here.

Mirrors the validate…VolumeSource functions of pkg/apis/core/validation/validation.go.
"""

from __future__ import annotations

import re
from typing import Any

from runner.core.manifest.paths import FieldPath
from runner.core.manifest.validation.errors import Errors
from runner.core.manifest.validation.names import dns_label

Object = dict[str, Any]

_LUN = "must be between 0 and 255, inclusive"
_INITIATORS = {
    "iqn": r"iqn\.[0-9]{4}-[0-9]{2}\.[0-9A-Za-z.-]+:[^,;*&$|\s]+\Z",
    "eui": r"eui.[0-9A-Za-z]{16}\Z",
    "naa": r"naa.[0-9A-Za-z]{32}\Z",
}
_PAIRS = "must be a host:port pair or multiple pairs separated by commas"


def check_cloud_source(errors: Errors, kind: str, source: Object, path: FieldPath) -> None:
    """Check one source of a kind that is not handled elsewhere."""
    # A disk of Google's is told of under another name.
    shown = path if kind != "gcePersistentDisk" else _sibling(path, "persistentDisk")
    if kind == "quobyte":
        _quobyte(errors, source, path)
        return
    for field in _NEEDED[kind]:
        at = shown.child(field).located_at(path.child(field))
        if not source.get(field):
            errors.required(at)
        elif kind == "iscsi" and field == "iqn":
            _initiator(errors, source[field], at)
        elif kind == "storageos":
            for message in dns_label(source[field]):
                errors.invalid(at, source[field], message)
    partition = source.get("partition") or 0
    if kind in ("gcePersistentDisk", "awsElasticBlockStore") and not 0 <= partition <= 255:
        at = shown.child("partition").located_at(path.child("partition"))
        errors.invalid(at, partition, "must be between 1 and 255, inclusive")
    check = _MORE.get(kind)
    if check is not None:
        check(errors, source, path)


def _sibling(path: FieldPath, name: str) -> FieldPath:
    return FieldPath(f"{path.text.rpartition('.')[0]}.{name}", path.keys)


def _initiator(errors: Errors, name: str, path: FieldPath) -> None:
    form = next((form for kind, form in _INITIATORS.items() if name.startswith(kind)), None)
    if form is None:
        errors.invalid(path, name, "must be valid format starting with iqn, eui, or naa")
    elif not re.search(form if name.startswith("iqn") else r"\A" + form, name):
        errors.invalid(path, name, "must be valid format")


def _iscsi(errors: Errors, source: Object, path: FieldPath) -> None:
    lun = source.get("lun") or 0
    if not 0 <= lun <= 255:
        errors.invalid(path.child("lun"), lun, _LUN)
    is_secret = source.get("chapAuthDiscovery") or source.get("chapAuthSession")
    if is_secret and source.get("secretRef") is None:
        errors.required(path.child("secretRef"))
    if source.get("initiatorName") is not None:
        at = path.child("initiatorname").located_at(path.child("initiatorName"))
        _initiator(errors, source["initiatorName"], at)


def _fibre(errors: Errors, source: Object, path: FieldPath) -> None:
    names, identifiers, lun = source.get("targetWWNs") or [], source.get("wwids") or [], source.get("lun")
    at = path.child("targetWWNs")
    if not names and not identifiers:
        errors.required(at, "must specify either targetWWNs or wwids, but not both")
    if names and identifiers:
        errors.invalid(at, names, "targetWWNs and wwids can not be specified simultaneously")
    if names and lun is None:
        errors.required(path.child("lun"), "lun is required if targetWWNs is specified")
    elif names and lun is not None and not 0 <= lun <= 255:
        errors.invalid(path.child("lun"), lun, _LUN)


def _flocker(errors: Errors, source: Object, path: FieldPath) -> None:
    name, identifier = source.get("datasetName") or "", source.get("datasetUUID") or ""
    if not name and not identifier:
        errors.required(path, "one of datasetName and datasetUUID is required")
    if name and identifier:
        errors.invalid(path, "resource", "datasetName and datasetUUID can not be specified simultaneously")
    if "/" in name:
        errors.invalid(path.child("datasetName"), name, "must not contain '/'")


def _quobyte(errors: Errors, source: Object, path: FieldPath) -> None:
    registry = source.get("registry") or ""
    if not registry:
        errors.required(path.child("registry"), _PAIRS)
    elif len((source.get("tenant") or "").encode()) >= 65:
        errors.required(path.child("tenant"), "must be a UUID and may not exceed a length of 64 characters")
    else:
        for pair in registry.split(","):
            if not re.fullmatch(r"(\[[^\[\]]*\]|[^:\[\]]*):[^:\[\]]*", pair):
                errors.invalid(path.child("registry"), registry, _PAIRS)
    if not source.get("volume"):
        errors.required(path.child("volume"))


def _flex(errors: Errors, source: Object, path: FieldPath) -> None:
    for key in sorted(source.get("options") or ()):
        domain = "." + key.partition("/")[0].lower()
        if domain.endswith((".kubernetes.io", ".k8s.io")):
            detail = "kubernetes.io and k8s.io namespaces are reserved"
            errors.invalid(path.child("options").key(key), key, detail)


def _azure_disk(errors: Errors, source: Object, path: FieldPath) -> None:
    modes, kinds = ("None", "ReadOnly", "ReadWrite"), ("Dedicated", "Managed", "Shared")
    kind, address = source.get("kind"), source.get("diskURI") or ""
    if source.get("cachingMode") not in modes:
        errors.not_supported(path.child("cachingMode"), source.get("cachingMode"), modes)
    if kind not in kinds:
        errors.not_supported(path.child("kind"), kind, kinds)
    is_managed = kind == "Managed"
    if not address.startswith("/subscriptions/" if is_managed else "https://"):
        managed = "/subscriptions/{sub-id}/resourcegroups/{group-name}/providers/microsoft.compute/disks/{disk-id}"
        blob = "https://{account-name}.blob.core.windows.net/{container-name}/{disk-name}.vhd"
        errors.not_supported(path.child("diskURI"), address, (managed if is_managed else blob,))


def _storage_os(errors: Errors, source: Object, path: FieldPath) -> None:
    namespace = source.get("volumeNamespace") or ""
    for message in dns_label(namespace) if namespace else ():
        errors.invalid(path.child("volumeNamespace"), namespace, message)
    _secret_name(errors, source, path)


def _secret_name(errors: Errors, source: Object, path: FieldPath) -> None:
    if source.get("secretRef") is not None and not source["secretRef"].get("name"):
        errors.required(path.child("secretRef", "name"))


_NEEDED: dict[str, tuple[str, ...]] = {
    "gcePersistentDisk": ("pdName",),
    "awsElasticBlockStore": ("volumeID",),
    "iscsi": ("targetPortal", "iqn"),
    "glusterfs": ("endpoints", "path"),
    "flocker": (),
    "persistentVolumeClaim": ("claimName",),
    "rbd": ("monitors", "image"),
    "cinder": ("volumeID",),
    "cephfs": ("monitors",),
    "fc": (),
    "flexVolume": ("driver",),
    "azureFile": ("secretName", "shareName"),
    "vsphereVolume": ("volumePath",),
    "photonPersistentDisk": ("pdID",),
    "portworxVolume": ("volumeID",),
    "azureDisk": ("diskName", "diskURI"),
    "storageos": ("volumeName",),
    "scaleIO": ("gateway", "system", "volumeName"),
}
_MORE = {
    "iscsi": _iscsi,
    "fc": _fibre,
    "flocker": _flocker,
    "flexVolume": _flex,
    "azureDisk": _azure_disk,
    "cinder": _secret_name,
    "storageos": _storage_os,
}
