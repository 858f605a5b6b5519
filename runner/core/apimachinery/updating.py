"""What an update, whole or by a patch, may change: names, versions, metadata, immutable fields; and what stays.

Mirrors k8s.io/apiserver/pkg/registry/rest/update.go (BeforeUpdate), k8s.io/apimachinery/pkg/api/validation/objectmeta.go
(ValidateObjectMetaAccessorUpdate) and, for subresources, the strategies in pkg/registry.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from runner.core.apimachinery.immutability import changed_fields, changed_once_begun
from runner.core.apimachinery.statuses import StatusError, bad_request, conflict, invalid
from runner.core.kindwords import WORKLOADS
from runner.core.manifest.kinds import CLUSTER_SCOPED, apply_defaults
from runner.core.manifest.paths import FieldPath
from runner.core.manifest.validation.errors import Errors, FieldError
from runner.core.manifest.validation.metadata import validate_annotations, validate_labels, validate_metadata
from runner.core.manifest.validation.run import validate
from runner.core.model import Json

Object = dict[str, Any]

MODIFIED = "the object has been modified; please apply your changes to the latest version and try again"
_METADATA = FieldPath().child("metadata")
_ON_CREATE = "cannot be set on create"
_KEPT = ("uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "generation", "selfLink")
_FIXED = ("name", "namespace", "uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds")
_CHECKED_AGAIN = (
    "ConfigMap",
    "Secret",
    "ServiceAccount",
    "Service",
    "Pod",
    "PersistentVolumeClaim",
    "PersistentVolume",
)
"""Kinds whose metadata is validated once more with the rest of the object."""


def check_place(value: Object, name: str, namespace: str) -> None:
    """See that an object is that of the request's path, and give it the path's namespace. Raises StatusError (400)."""
    metadata = value.setdefault("metadata", {})
    written = str(metadata.get("namespace") or "")
    if written and namespace and written != namespace:
        raise bad_request("the namespace of the provided object does not match the namespace sent on the request")
    if namespace:
        metadata["namespace"] = namespace
    else:
        metadata.pop("namespace", None)
    own = metadata.get("name") or ""
    if not own:
        raise bad_request(f"the name of the object ({name} based on URL) was undeterminable: name must be provided")
    if own != name:
        raise bad_request(f"the name of the object ({own}) does not match the name on the URL ({name})")


def check_version(value: Json, old: Json, plural: str, group: str, *, has_precondition: bool = True) -> None:
    """See that an update starts from what is stored. Raises StatusError (409).

    ``has_precondition``: a uid in the value must be the stored one's (a PUT's; a patch's is checked as a field).
    """
    new, stored = value["metadata"], old["metadata"]
    name = str(stored.get("name") or "")
    if has_precondition and new.get("uid") and new["uid"] != stored.get("uid"):
        text = f"UID in precondition: {new['uid']}, UID in object meta: {stored.get('uid') or ''}"
        raise conflict(plural, group, name, f"Precondition failed: {text}")
    if new.get("resourceVersion") and new["resourceVersion"] != stored.get("resourceVersion"):
        raise conflict(plural, group, name, MODIFIED)


def updated(value: Json, old: Json, *, raw: Json | None = None) -> Object:
    """An object as an update of its main resource leaves it: defaulted, checked, with the stored status. Raises StatusError.

    ``value`` is decoded, with kind and apiVersion; ``raw`` is what the request said, for texts of errors.
    """
    made = _defaulted(value, old)
    _check(old, _kind_errors(made, old, made if raw is None else raw))
    return made


def with_status(value: Json, old: Json) -> Object:
    """An object as an update of its status leaves it: the status is the request's, all else the stored one's."""
    errors = Errors()
    made = {**old, "metadata": _kept(value["metadata"], old["metadata"])}
    _metadata_changes(errors, made["metadata"], old["metadata"])
    _check(old, errors.items)
    made["metadata"] = {**made["metadata"], "ownerReferences": old["metadata"].get("ownerReferences")}
    made["metadata"] = {key: part for key, part in made["metadata"].items() if part is not None}
    return {**made, "status": value.get("status") or {}}


def with_ephemeral_containers(value: Json, old: Json) -> Object:
    """A pod as an update of its ephemeral containers leaves it: those that are there stay. Raises StatusError."""
    spec = dict(old["spec"])
    spec["ephemeralContainers"] = (value.get("spec") or {}).get("ephemeralContainers") or []
    made = _defaulted({**old, "spec": spec}, old)
    errors = Errors(items=_validated("Pod", made, made))
    path = FieldPath().child("spec", "ephemeralContainers")
    named = {one.get("name"): one for one in made["spec"].get("ephemeralContainers") or ()}
    for before in old["spec"].get("ephemeralContainers") or ():
        name = before.get("name")
        if name not in named:
            errors.forbidden(path, f'existing ephemeral containers "{name}" may not be removed\n')
        elif named[name] != before:
            errors.forbidden(path, f'existing ephemeral containers "{name}" may not be changed\n')
    _check(old, errors.items)
    return made


def _defaulted(value: Json, old: Json) -> Object:
    """The object with defaults, and with the metadata that only the server writes."""
    kind, version = str(old["kind"]), str(old["apiVersion"])
    metadata = _kept(value.get("metadata") or {}, old["metadata"])
    made: Object = _copied({**value, "kind": kind, "apiVersion": version, "metadata": metadata})
    before = {key: part for key, part in made["metadata"].items() if key in (*_KEPT, "resourceVersion")}
    apply_defaults(kind, made, str(old["metadata"].get("namespace") or ""))
    made["metadata"].update(before)
    if "status" in old:
        made["status"] = old["status"]
    changed_once_begun(made, old)
    if kind in (*WORKLOADS, "Pod") and "generation" in before and made.get("spec") != old.get("spec"):
        made["metadata"]["generation"] = before["generation"] + 1
    return made


def _copied(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _copied(one) for key, one in value.items()}
    return [_copied(one) for one in value] if isinstance(value, list) else value


def _kept(new: Json, old: Json) -> Object:
    """The request's metadata, and the stored where it leaves out what it may not take away."""
    metadata = {**new, "resourceVersion": old.get("resourceVersion")}
    metadata["uid"] = new.get("uid") or old.get("uid")
    metadata["creationTimestamp"] = old.get("creationTimestamp")
    metadata["generation"] = old.get("generation")
    for key in ("deletionTimestamp", "deletionGracePeriodSeconds"):
        metadata[key] = old[key] if old.get(key) is not None and new.get(key) is None else new.get(key)
    metadata["deletionTimestamp"] = old.get("deletionTimestamp") or metadata["deletionTimestamp"]
    return {key: part for key, part in metadata.items() if part is not None}


def _kind_errors(made: Object, old: Json, raw: Json) -> list[FieldError]:
    kind = str(made["kind"])
    changes = Errors()
    _metadata_changes(changes, made["metadata"], old["metadata"])
    common = Errors(raw=raw)
    validate_metadata(common, made["metadata"], _METADATA, lambda _: [], namespaced=kind not in CLUSTER_SCOPED)
    found = _validated(kind, made, raw) if kind != "Namespace" else []
    first: list[FieldError] = []
    if kind not in _CHECKED_AGAIN:
        first = list(found) if kind == "Job" else []
        found = [one for one in found if not str(one.path).startswith("metadata")]
    immutable = Errors(raw=raw)
    is_before = changed_fields(immutable, made, old)
    rest = [*immutable.items, *found] if is_before else [*found, *immutable.items]
    return [*common.items, *changes.items, *first, *changes.items, *rest]


def _validated(kind: str, made: Object, raw: Json) -> list[FieldError]:
    """What the checks of a new object find, without those that are for new ones only."""
    found = validate(kind, made, raw, is_admitted=True).items
    return [one for one in found if one.detail != _ON_CREATE]


def _metadata_changes(errors: Errors, new: Json, old: Json) -> None:
    if old.get("deletionTimestamp"):
        added = [one for one in new.get("finalizers") or () if one not in (old.get("finalizers") or ())]
        if added:
            text = "no new finalizers can be added if the object is being deleted, found new finalizers "
            errors.forbidden(_METADATA.child("finalizers"), f"{text}[]string{{{', '.join(map(_quoted, added))}}}")
    for key in _FIXED:
        if new.get(key) != old.get(key):
            errors.invalid(_METADATA.child(key), new.get(key), "field is immutable")
    validate_labels(errors, new.get("labels"), _METADATA.child("labels"))
    validate_annotations(errors, new.get("annotations"), _METADATA.child("annotations"))


def _quoted(text: str) -> str:
    return f'"{text}"'


def _check(old: Json, errors: list[FieldError]) -> None:
    if errors:
        raise refused(str(old["kind"]), str(old["apiVersion"]), str(old["metadata"].get("name") or ""), errors)


def refused(kind: str, api_version: str, name: str, errors: list[FieldError]) -> StatusError:
    """Why an object is not let in, with its group."""
    return invalid(kind, api_version.rpartition("/")[0], name, errors)
