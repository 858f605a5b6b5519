"""Annotations of pods that the server gives a meaning, and old ones that must say what the fields say.

Mirrors ValidatePodSpecificAnnotations, validateSeccompAnnotationsAndFields and
validateAppArmorAnnotationsAndFieldsMatchOnCreate of pkg/apis/core/validation/validation.go. The server walks the map in
random order; here keys come sorted.
"""

from __future__ import annotations

import json
import re
from typing import Any

from runner.core.manifest.paths import FieldPath
from runner.core.manifest.preparing import APP_ARMOR_PREFIX, MIRROR, SECCOMP_POD, SECCOMP_PREFIX
from runner.core.manifest.validation.errors import Errors
from runner.core.manifest.validation.relative import local_path
from runner.core.manifest.validation.scheduling import validate_tolerations
from runner.core.manifest.validation.security import containers_of
from runner.core.text.gotext import quote

Object = dict[str, Any]

_TOLERATIONS = "scheduler.alpha.kubernetes.io/tolerations"
_DELETION_COST = "controller.kubernetes.io/pod-deletion-cost"
_LOCAL_PREFIX = "localhost/"
_DEFAULTS = ("runtime/default", "docker/default")
_COST = re.compile(r"-[0-9]+|0|[1-9][0-9]*", re.ASCII)


def validate_pod_annotations(errors: Errors, annotations: dict[str, str], spec: Object, path: FieldPath) -> None:
    """Check the annotations of a pod or a template beyond what holds for all objects."""
    if MIRROR in annotations and not spec.get("nodeName"):
        detail = "must set spec.nodeName if mirror pod annotation is set"
        errors.invalid(path.key(MIRROR), annotations[MIRROR], detail)
    if annotations.get(_TOLERATIONS):
        _tolerations(errors, annotations[_TOLERATIONS], path)
    cost = annotations.get(_DELETION_COST)
    if cost is not None and not (_COST.fullmatch(cost) and -(2**31) <= int(cost) < 2**31):
        errors.invalid(path.key(_DELETION_COST), cost, "must be a 32bit integer")
    if SECCOMP_POD in annotations:
        _seccomp(errors, annotations[SECCOMP_POD], _child(path, SECCOMP_POD))
    for key in sorted(annotations):
        if key.startswith(SECCOMP_PREFIX):
            _seccomp(errors, annotations[key], _child(path, key))
    names = {container.get("name") or "" for _, container in containers_of(spec, path)}
    for key in sorted(annotations):
        if key.startswith(APP_ARMOR_PREFIX):
            _app_armor(errors, annotations[key], key.removeprefix(APP_ARMOR_PREFIX), names, path.key(key))


def _child(path: FieldPath, key: str) -> FieldPath:
    """A key that the server writes like a field."""
    return path.child(key).located_at(path.key(key))


def _tolerations(errors: Errors, text: str, path: FieldPath) -> None:
    try:
        value = json.loads(text)
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            raise ValueError("a list of tolerations is wanted")
    except (ValueError, RecursionError) as error:
        errors.invalid(path.located_at(path.key(_TOLERATIONS)), _TOLERATIONS, str(error))
        return
    validate_tolerations(errors, value, _child(path, _TOLERATIONS))


def _seccomp(errors: Errors, profile: str, path: FieldPath) -> None:
    if profile.startswith(_LOCAL_PREFIX):
        local_path(errors, profile.removeprefix(_LOCAL_PREFIX), path)
    elif profile not in (*_DEFAULTS, "unconfined"):
        errors.invalid(path, profile, "must be a valid seccomp profile")


def _app_armor(errors: Errors, profile: str, container: str, names: set[str], path: FieldPath) -> None:
    if container not in names:
        errors.invalid(path, container, "container not found")
    if profile not in ("", "runtime/default", "unconfined") and not profile.startswith(_LOCAL_PREFIX):
        errors.invalid(path, profile, f"invalid AppArmor profile name: {quote(profile)}")


def validate_profiles_agree(errors: Errors, annotations: dict[str, str], spec: Object, path: FieldPath) -> None:
    """Check that old annotations about seccomp and AppArmor say the same as the fields beside them."""
    of_pod = spec.get("securityContext") or {}
    at = path.child("securityContext", "seccompProfile")
    _agree(errors, annotations.get(SECCOMP_POD), of_pod.get("seccompProfile"), "seccomp", at)
    for here, container in containers_of(spec, path):
        annotation = annotations.get(SECCOMP_PREFIX + (container.get("name") or ""))
        profile = (container.get("securityContext") or {}).get("seccompProfile")
        _agree(errors, annotation, profile, "seccomp", here.child("securityContext", "seccompProfile"))
    if (spec.get("os") or {}).get("name") == "windows":
        return
    for here, container in containers_of(spec, path):
        annotation = annotations.get(APP_ARMOR_PREFIX + (container.get("name") or ""))
        profile = (container.get("securityContext") or {}).get("appArmorProfile") or of_pod.get("appArmorProfile")
        _agree(errors, annotation, profile, "apparmor", here.child("securityContext", "appArmorProfile"))


def _agree(errors: Errors, annotation: str | None, profile: Object | None, what: str, path: FieldPath) -> None:
    if annotation is None or profile is None:
        return
    kind, local = profile.get("type"), profile.get("localhostProfile")
    defaults = _DEFAULTS if what == "seccomp" else _DEFAULTS[:1]
    types_differ = {
        "Unconfined": annotation != "unconfined",
        "RuntimeDefault": annotation not in defaults,
        "Localhost": not annotation.startswith(_LOCAL_PREFIX),
    }
    if types_differ.get(kind or "", False):
        errors.forbidden(path.child("type"), f"{what} type in annotation and field must match")
    elif kind == "Localhost" and annotation.removeprefix(_LOCAL_PREFIX) != local:
        errors.forbidden(path.child("localhostProfile"), f"{what} profile in annotation and field must match")
