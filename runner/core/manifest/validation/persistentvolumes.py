"""PersistentVolumes: what they offer, and where it is.

Mirrors ValidatePersistentVolumeSpec of pkg/apis/core/validation/validation.go and pkg/volume/validation. Sources that need a
provider's storage are checked as those of pods.
"""

from __future__ import annotations

import posixpath
from typing import Any

from runner.core.manifest.paths import FieldPath
from runner.core.manifest.validation.claims import VOLUME_MODES, validate_access_modes, validate_class
from runner.core.manifest.validation.cloudvolumes import check_cloud_source
from runner.core.manifest.validation.errors import Errors
from runner.core.manifest.validation.metadata import validate_metadata
from runner.core.manifest.validation.names import dns_label, dns_subdomain
from runner.core.manifest.validation.relative import no_backsteps
from runner.core.manifest.validation.scheduling import validate_node_term
from runner.core.manifest.validation.volumes import validate_host_path, validate_nfs
from runner.core.text.quantity import NANO, ZERO, parse_quantity

Object = dict[str, Any]

_SPEC = FieldPath().child("spec")
_METADATA = FieldPath().child("metadata")
_RECLAIM = ("Delete", "Recycle", "Retain")
_CLASS_ANNOTATION = "volume.beta.kubernetes.io/storage-class"
_OPTIONS_ANNOTATION = "volume.beta.kubernetes.io/mount-options"
_SECRETS = (
    "controllerPublishSecretRef",
    "controllerExpandSecretRef",
    "nodePublishSecretRef",
    "nodeExpandSecretRef",
)
_LONGEST_DRIVER = 63
# In the server's order.
_SOURCES = (
    "hostPath",
    "gcePersistentDisk",
    "awsElasticBlockStore",
    "glusterfs",
    "flocker",
    "nfs",
    "rbd",
    "quobyte",
    "cephfs",
    "iscsi",
    "cinder",
    "fc",
    "flexVolume",
    "azureFile",
    "vsphereVolume",
    "photonPersistentDisk",
    "portworxVolume",
    "azureDisk",
    "scaleIO",
    "local",
    "storageos",
    "csi",
)
_NO_MOUNT_OPTIONS = frozenset({"hostPath", "flocker", "fc", "flexVolume", "portworxVolume", "scaleIO", "local", "csi"})
_OLD_SOURCES = {
    "cephfs": ("cephfs", "deprecated in v1.28, non-functional in v1.31+"),
    "photonPersistentDisk": ("photonPersistentDisk", "deprecated in v1.11, non-functional in v1.16+"),
    "scaleIO": ("scaleIO", "deprecated in v1.16, non-functional in v1.22+"),
    "storageos": ("storageOS", "deprecated in v1.22, non-functional in v1.25+"),
    "glusterfs": ("glusterfs", "deprecated in v1.25, non-functional in v1.26+"),
    "rbd": ("rbd", "deprecated in v1.28, non-functional in v1.31+"),
}


def validate_volume(errors: Errors, volume: Object) -> None:
    """Check a PersistentVolume."""
    validate_metadata(errors, volume["metadata"], _METADATA, dns_subdomain, namespaced=False)
    spec = volume["spec"]
    if not spec.get("accessModes"):
        errors.required(_SPEC.child("accessModes"))
    validate_access_modes(errors, spec, _SPEC.child("accessModes"))
    _capacity(errors, spec.get("capacity") or {}, _SPEC.child("capacity"))
    policy = spec["persistentVolumeReclaimPolicy"]
    if policy not in _RECLAIM:
        errors.not_supported(_SPEC.child("persistentVolumeReclaimPolicy"), policy, _RECLAIM)
    if spec.get("nodeAffinity") is not None:
        at = _SPEC.child("nodeAffinity", "required")
        required = spec["nodeAffinity"].get("required")
        if required is None:
            errors.required(at, "must specify required node constraints")
        elif not required.get("nodeSelectorTerms"):
            errors.required(at.child("nodeSelectorTerms"), "must have at least one node selector term")
        else:
            for index, term in enumerate(required["nodeSelectorTerms"]):
                validate_node_term(errors, term, at.child("nodeSelectorTerms").index(index), check_values=True)
    given = [name for name in _SOURCES if spec.get(name) is not None]
    _sources(errors, spec, given)
    _ending(errors, spec)
    if _NO_MOUNT_OPTIONS & {*given} == {*given} and _OPTIONS_ANNOTATION in (
        volume["metadata"].get("annotations") or {}
    ):
        at = _METADATA.child("annotations", _OPTIONS_ANNOTATION)
        errors.forbidden(at, "may not specify mount options for this volume type")
    _warn(errors, volume)


def _capacity(errors: Errors, capacity: dict[str, str], path: FieldPath) -> None:
    if not capacity:
        errors.required(path)
    if list(capacity) != ["storage"]:
        errors.not_supported(path, errors.or_null(path, capacity), ("storage",))
    for name, text in capacity.items():
        amount = parse_quantity(text)
        if amount.is_negative:
            errors.invalid(path.key(name), -(-amount.nanos // NANO), "must be a valid resource quantity")
        if amount <= ZERO:
            errors.invalid(path.key(name), text, "must be greater than zero")


def _sources(errors: Errors, spec: Object, given: list[str]) -> None:
    for position, name in enumerate(given):
        at, source = _SPEC.child(name), spec[name]
        if position:
            errors.forbidden(at, "may not specify more than 1 volume type")
            continue
        if name == "hostPath":
            validate_host_path(errors, source, at)
        elif name == "nfs":
            validate_nfs(errors, source, at)
        elif name == "csi":
            _csi(errors, source, at)
        elif name == "local":
            _local(errors, spec, at.child("path"))
        else:
            check_cloud_source(errors, name, source, at)
    if not given:
        errors.required(_SPEC, "must specify a volume type")


def _local(errors: Errors, spec: Object, path: FieldPath) -> None:
    if not spec["local"].get("path"):
        errors.required(path)
    else:
        no_backsteps(errors, spec["local"]["path"], path)
    if spec.get("nodeAffinity") is None:
        errors.required(_SPEC.child("nodeAffinity"), "Local volume requires node affinity")


def _csi(errors: Errors, source: Object, path: FieldPath) -> None:
    driver = source.get("driver") or ""
    if not driver:
        errors.required(path.child("driver"))
    elif len(driver.encode()) > _LONGEST_DRIVER:
        errors.too_long(path.child("driver"), _LONGEST_DRIVER)
    for message in dns_subdomain(driver.lower()) if driver else ():
        errors.invalid(path.child("driver"), driver, message)
    if not source.get("volumeHandle"):
        errors.required(path.child("volumeHandle"))
    for name in _SECRETS:
        reference = source.get(name)
        if reference is None:
            continue
        for field, rule in (("name", dns_subdomain), ("namespace", dns_label)):
            value, at = reference.get(field) or "", path.child(name, field)
            if not value:
                errors.required(at)
            for message in rule(value) if value else ():
                errors.invalid(at, value, message)


def _ending(errors: Errors, spec: Object) -> None:
    host = (spec.get("hostPath") or {}).get("path")
    if host and posixpath.normpath(host) in ("/", "//") and spec["persistentVolumeReclaimPolicy"] == "Recycle":
        text = "may not be 'recycle' for a hostPath mount of '/'"
        errors.forbidden(_SPEC.child("persistentVolumeReclaimPolicy"), text)
    validate_class(errors, spec.get("storageClassName"), _SPEC.child("storageClassName"))
    if spec["volumeMode"] not in VOLUME_MODES:
        errors.not_supported(_SPEC.child("volumeMode"), spec["volumeMode"], VOLUME_MODES)
    attributes, at = spec.get("volumeAttributesClassName"), _SPEC.child("volumeAttributesClassName")
    if attributes is not None:
        if not attributes:
            errors.required(at, "an empty string is disallowed")
        validate_class(errors, attributes, at)
        if spec.get("csi") is None:
            errors.required(_SPEC.child("csi"), "has to be specified when using volumeAttributesClassName")


def _warn(errors: Errors, volume: Object) -> None:
    """Note what is deprecated (pkg/api/persistentvolume/util.go)."""
    annotations, spec = volume["metadata"].get("annotations") or {}, volume["spec"]
    for name, text in (
        (_CLASS_ANNOTATION, 'deprecated since v1.8; use "storageClassName" attribute instead'),
        (_OPTIONS_ANNOTATION, 'deprecated since v1.31; use "mountOptions" attribute instead'),
    ):
        if name in annotations:
            errors.warn(_METADATA.child("annotations").key(name), text)
    if spec["persistentVolumeReclaimPolicy"] == "Recycle":
        text = "The Recycle reclaim policy is deprecated. Instead, the recommended approach is to use dynamic provisioning."
        errors.warn(_SPEC.child("persistentVolumeReclaimPolicy"), text)
    for name, (shown, text) in _OLD_SOURCES.items():
        if spec.get(name) is not None:
            errors.warn(_SPEC.child(shown).located_at(_SPEC.child(name)), text)
