"""StatefulSets: order, updates, claims, ordinals.

Mirrors ValidateStatefulSetSpec of pkg/apis/apps/validation/validation.go.
"""

from __future__ import annotations

from typing import Any

from runner.core.manifest.paths import FieldPath
from runner.core.manifest.types import PathKeys
from runner.core.manifest.validation.claims import validate_claim_spec
from runner.core.manifest.validation.errors import Errors, Named
from runner.core.manifest.validation.metadata import validate_metadata
from runner.core.manifest.validation.names import dns_label
from runner.core.manifest.validation.pod import validate_template, validate_template_metadata
from runner.core.manifest.validation.templates import (
    not_negative,
    selector_is_usable,
    shown_selector,
    validate_not_empty,
    validate_runs_for_ever,
    validate_selected,
)

Object = dict[str, Any]

_METADATA = FieldPath().child("metadata")
_SPEC = FieldPath().child("spec")
_TEMPLATE = _SPEC.child("template")
_CLAIMS = _SPEC.child("volumeClaimTemplates")
_VOLUMES = ("spec", "template", "spec", "volumes")
_MANAGEMENT = ("OrderedReady", "Parallel")
_UPDATES = ("RollingUpdate", "OnDelete")
_RETENTION = ("Retain", "Delete")


def validate_stateful_set(errors: Errors, stateful_set: Object) -> None:
    """Check a StatefulSet."""
    validate_metadata(errors, stateful_set["metadata"], _METADATA, dns_label)
    spec = stateful_set["spec"]
    if spec["podManagementPolicy"] not in _MANAGEMENT:
        at = _SPEC.child("podManagementPolicy")
        errors.invalid(at, Named(spec["podManagementPolicy"]), "must be 'OrderedReady' or 'Parallel'")
    _updates(errors, spec["updateStrategy"], _SPEC.child("updateStrategy"))
    retention, at = spec["persistentVolumeClaimRetentionPolicy"], _SPEC.child("persistentVolumeClaimRetentionPolicy")
    for name in ("whenDeleted", "whenScaled"):
        if retention[name] not in _RETENTION:
            errors.not_supported(at.child(name), retention[name], _RETENTION)
    for index, claim in enumerate(spec.get("volumeClaimTemplates") or ()):
        validate_claim_spec(errors, claim["spec"], _CLAIMS.index(index).child("spec"))
    not_negative(errors, spec, ("replicas", "minReadySeconds"), _SPEC)
    not_negative(errors, spec.get("ordinals") or {}, ("start",), _SPEC.child("ordinals"))
    for message in dns_label(spec["serviceName"]) if spec.get("serviceName") else ():
        errors.invalid(_SPEC.child("serviceName"), spec["serviceName"], message)
    _pods(errors, spec)


def _updates(errors: Errors, strategy: Object, path: FieldPath) -> None:
    kind, rolling = strategy["type"], strategy.get("rollingUpdate")
    # Its partition has a default only where it counts; maxUnavailable's feature gate is off.
    shown = None if rolling is None else {"Partition": rolling.get("partition") or 0, "MaxUnavailable": None}
    if kind == "RollingUpdate":
        not_negative(errors, rolling or {}, ("partition",), path.child("rollingUpdate"))
    elif kind == "OnDelete":
        if rolling is not None:
            text = "only allowed for updateStrategy 'RollingUpdate'"
            errors.invalid(path.child("rollingUpdate"), shown, text)
    else:
        text = "must be 'RollingUpdate' or 'OnDelete'"
        errors.invalid(path, {"Type": kind, "RollingUpdate": shown}, text)


def _pods(errors: Errors, spec: Object) -> None:
    selector, at, usable = spec.get("selector"), _SPEC.child("selector"), True
    if selector is None:
        errors.required(at)
    else:
        usable = selector_is_usable(errors, selector, at)
        validate_not_empty(errors, selector, at, "statefulset")
        if not usable:
            errors.invalid(at, shown_selector(selector), "")
    template = spec["template"]
    if usable:
        validate_selected(errors, selector, template, _TEMPLATE)
        _template(errors, template, spec.get("volumeClaimTemplates") or [])
        # The server looks at the metadata of a StatefulSet's template twice.
        validate_template_metadata(errors, template, _TEMPLATE)
    validate_runs_for_ever(errors, template, _TEMPLATE, "StatefulSet")


def _template(errors: Errors, template: Object, claims: list[Object]) -> None:
    """Check a template as its pods will be: with the claims' volumes before its own, and with names of their own."""
    names = [claim["metadata"].get("name") or "" for claim in claims]
    own = template["spec"].get("volumes") or []
    places: dict[str, PathKeys] = {
        name: ("spec", "volumeClaimTemplates", names.index(name), "metadata", "name") for name in names
    }
    volumes = [{"name": name, "persistentVolumeClaim": {"claimName": name}} for name in places]
    kept = [index for index, volume in enumerate(own) if (volume.get("name") or "") not in places]
    replaced = {"volumes": [*volumes, *(own[index] for index in kept)], "hostname": "", "subdomain": ""}
    starts: list[PathKeys] = [*places.values(), *((*_VOLUMES, index) for index in kept)]

    def written(keys: PathKeys) -> PathKeys:
        """Where the manifest has what stands there in the template as its pods will be."""
        place = keys[len(_VOLUMES)] if keys[: len(_VOLUMES)] == _VOLUMES and len(keys) > len(_VOLUMES) else None
        if not isinstance(place, int):
            return keys
        return (*starts[place], *(() if place < len(places) else keys[len(_VOLUMES) + 1 :]))

    whole = Errors(errors.raw)
    validate_template(whole, {**template, "spec": {**template["spec"], **replaced}}, _TEMPLATE)
    errors.take(whole, written)
