"""Makes something that runs here out of what kubectl shows of a cluster: manifests, and the failures that were seen as faults."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from msgspec import Struct

from runner.core.capture.cleaning import cleaned, is_made_by_cluster, with_images
from runner.core.capture.failures import observed_failures
from runner.core.capture.placeholders import lacking, placeholders
from runner.core.manifest.decode import nearest
from runner.core.manifest.loading import load
from runner.core.manifest.needs import Need, needs
from runner.core.manifest.types import Problem, Source
from runner.core.model import EMPTY, Json
from runner.errors import ManifestError, UsageError

SERVING: Final = ("ConfigMap", "Secret", "PersistentVolumeClaim", "Service", "ServiceAccount")
"""What pods may need of their namespace."""
_SYSTEM: Final = ("kube-system", "kube-public", "kube-node-lease")
_HERE: Final = frozenset(
    {
        "configMap",
        "secret",
        "emptyDir",
        "hostPath",
        "projected",
        "downwardAPI",
        "persistentVolumeClaim",
        "ephemeral",
        "image",
    }
)
"""Sources of volumes that one node has."""


class Imported(Struct, frozen=True, kw_only=True):
    """Manifests that run here; faults that make them fail as they were seen to fail; what was changed or guessed, in words."""

    objects: tuple[Json, ...]
    faults: tuple[str, ...]
    notes: tuple[str, ...]
    observed: tuple[Json, ...]
    """The pods as the cluster showed them, and its events about them."""


def import_objects(
    values: Sequence[Json],
    *,
    pods: Sequence[str] = (),
    images: Mapping[str, str] | None = None,
    with_secrets: bool = False,
) -> Imported:
    """Make manifests of objects of a cluster. ``pods`` names those that are wanted, all of them but the system's without.

    Raises UsageError when there is no pod, or none of a name; ManifestError for objects that are no manifests even now.
    """
    chosen = _chosen([one for one in values if one.get("kind") == "Pod"], pods)
    namespaces = {_place(one)[0] for one in chosen}
    serving = [
        one
        for one in values
        if one.get("kind") in SERVING and _place(one)[0] in namespaces and not is_made_by_cluster(one)
    ]
    notes: list[str] = []
    made = [with_images(_runnable(one, notes), images or {}) for one in chosen]
    kept = [cleaned(one, with_secrets=with_secrets) for one in serving]
    if not with_secrets and any(one["kind"] == "Secret" for one in kept):
        notes.append("values of Secrets are redacted: containers that need them fail otherwise than there")
    missing = missing_objects([*made, *kept], values, notes)
    seen = [observed_failures(one) for one in chosen]
    notes += [guess for one in seen for guess in one.guesses]
    return Imported(
        objects=(*missing, *kept, *made),
        faults=tuple(fault for one in seen for fault in one.faults),
        notes=tuple(notes),
        observed=(*chosen, *_events(values, chosen)),
    )


def _place(value: Json) -> tuple[str, str]:
    metadata = value.get("metadata") or EMPTY
    return str(metadata.get("namespace") or "default"), str(metadata.get("name") or "")


def _chosen(found: Sequence[Json], wanted: Sequence[str]) -> list[Json]:
    if not found:
        raise UsageError(
            "there is no Pod in the input", hint="kubectl get pod,cm,secret,pvc,svc -o yaml prints what is needed"
        )
    if not wanted:
        return [one for one in found if _place(one)[0] not in _SYSTEM] or list(found)
    names = [_place(one)[1] for one in found]
    for name in wanted:
        if name not in names:
            near = nearest(name, names, cutoff=0.6)
            tip = f', did you mean "{near}"?' if near else ""
            raise UsageError(f'there is no pod "{name}" in the input{tip}')
    return [one for one in found if _place(one)[1] in wanted]


def _runnable(pod: Json, notes: list[str]) -> dict[str, Any]:
    """The manifest of a pod; storage of a cluster becomes an empty volume."""
    found = cleaned(pod)
    spec = found.get("spec") or {}
    name = _place(pod)[1]
    volumes = []
    for volume in spec.get("volumes") or ():
        source = next((key for key in volume if key != "name"), "emptyDir")
        if source in _HERE:
            volumes.append(volume)
        else:
            volumes.append({"name": volume.get("name"), "emptyDir": {}})
            notes.append(f"pod/{name}: volume {volume.get('name')} is an empty directory instead of {source}")
    return {**found, "spec": {**spec, "volumes": volumes}} if volumes else found


def missing_objects(made: Sequence[Json], values: Sequence[Json], notes: list[str]) -> list[dict[str, Any]]:
    """Placeholders for what the manifests name and the input lacks; ``notes`` gets a sentence on each. Raises ManifestError."""
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": made}, ensure_ascii=False)
    result = load([Source(name="the imported objects", text=text)])
    if result.problems:
        raise ManifestError(tuple(_told(problem) for problem in result.problems))
    secrets = {
        str(one.get("name"))
        for pod in made
        if pod.get("kind") == "Pod"
        for one in (pod.get("spec") or EMPTY).get("imagePullSecrets") or ()
    }
    found, lacked = needs(result.objects), lacking(values)
    notes += [_note(need, lacked.objects) for need in found]
    return placeholders(found, lacked, frozenset(secrets))


def _told(problem: Problem) -> str:
    """A problem of an object that has no place in a file."""
    subject = f"{problem.subject.kind}/{problem.subject.name}: " if problem.subject else ""
    return f"{subject}{problem.field}: {problem.message}" if problem.field else f"{subject}{problem.message}"


def _note(need: Need, gone: Iterable[tuple[str, str]]) -> str:
    if (need.kind, need.name) in gone:
        return f"{need} was missing there, and is missing here"
    return f"{need} is a placeholder: the input does not have it"


def _events(values: Sequence[Json], chosen: Sequence[Json]) -> Iterator[Json]:
    places = {_place(one) for one in chosen}
    for one in values:
        about = one.get("involvedObject") or one.get("regarding") or EMPTY
        if one.get("kind") == "Event" and (str(about.get("namespace") or "default"), str(about.get("name"))) in places:
            yield one
