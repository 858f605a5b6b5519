"""Makes a capture out of the records of pods that ran here: manifests, what they refer to, and how each attempt went."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from runner.core.capture.cleaning import cleaned, is_made_by_cluster
from runner.core.capture.failures import Observed, observed_failures
from runner.core.capture.importing import Imported, missing_objects
from runner.core.capture.recorded import recorded_failures
from runner.core.history.attempts import attempts
from runner.core.history.record import PodRecord
from runner.core.model import EMPTY, Json
from runner.core.text.times import format_micro_time, later

_Key = tuple[str, str, str]


def capture_records(records: Sequence[PodRecord], stored: Iterable[Json], *, with_secrets: bool = False) -> Imported:
    """What is needed to run the pods of records again. ``stored`` are objects that they may refer to and were not given.

    Values of Secrets are redacted but for ``with_secrets``, which takes them from ``stored``: records have none. Raises
    ManifestError for pods that are no manifests.
    """
    notes: list[str] = []
    made = [_manifest(record) for record in records]
    given = {_key(one): one for record in records for one in record.objects if one.get("kind") != "Pod"}
    there = {_key(one): one for one in stored if not is_made_by_cluster(one)}
    kept = [_kept(key, one, there, notes, with_secrets=with_secrets) for key, one in given.items()]
    seen = [one for record in records for one in _observed(record)]
    wanted = missing_objects([*made, *kept], seen, [])
    kept += [cleaned(there[key], with_secrets=with_secrets) for one in wanted if (key := _key(one)) in there]
    missing = missing_objects([*made, *kept], seen, notes)
    if not with_secrets and any(one["kind"] == "Secret" for one in kept):
        notes.append("values of Secrets are redacted: containers that need them fail otherwise than there")
    failures = [_failures(record) for record in records]
    return Imported(
        objects=(*missing, *kept, *made),
        faults=tuple(fault for one in failures for fault in one.faults),
        notes=(*notes, *(guess for one in failures for guess in one.guesses)),
        observed=tuple(seen),
    )


def _observed(record: PodRecord) -> Iterator[Json]:
    yield {"apiVersion": "v1", "kind": "Pod", **record.pod}
    yield from ({"apiVersion": "v1", "kind": "Event", **one} for one in record.events)


def _failures(record: PodRecord) -> Observed:
    """What went wrong; a pod that was seen but once shows no more than its status tells."""
    return observed_failures(record.pod) if len(record.trace) == 1 else Observed(faults=recorded_failures(record))


def about_pod(record: PodRecord) -> dict[str, Any]:
    """Which pod it was, and how each of its attempts went: times, image with its digest, end."""
    return {
        "namespace": record.namespace,
        "name": record.name,
        "uid": record.uid,
        "run": record.run,
        "images": dict(_images(record.pod)),
        "attempts": list(_attempts(record)),
    }


def _manifest(record: PodRecord) -> dict[str, Any]:
    """The pod as it was given, else as it was let in."""
    given = next((one for one in record.objects if one.get("kind") == "Pod"), record.pod)
    found = cleaned(given)
    metadata = {"name": record.name, **found["metadata"], "namespace": record.namespace}
    return {"apiVersion": "v1", "kind": "Pod", **found, "metadata": metadata}


def _kept(key: _Key, one: Json, there: Mapping[_Key, Json], notes: list[str], *, with_secrets: bool) -> dict[str, Any]:
    if one.get("kind") != "Secret" or not with_secrets:
        return cleaned(one)
    if key not in there:
        notes.append(f"secret {key[1]}/{key[2]} is redacted: it is gone, and records keep no values of Secrets")
        return cleaned(one)
    return cleaned(there[key], with_secrets=True)


def _key(one: Json) -> _Key:
    metadata = one.get("metadata") or EMPTY
    return str(one.get("kind")), str(metadata.get("namespace") or "default"), str(metadata.get("name") or "")


def _images(pod: Json) -> Iterator[tuple[str, str]]:
    status = pod.get("status") or EMPTY
    for group in ("initContainerStatuses", "containerStatuses"):
        for one in status.get(group) or ():
            if one.get("imageID"):
                yield str(one.get("image")), str(one["imageID"])


def _attempts(record: PodRecord) -> Iterator[dict[str, Any]]:
    def instant(at: float | None) -> str | None:
        return None if at is None else format_micro_time(later(record.began_at, at))

    for one in attempts(record):
        yield {
            "container": one.container,
            "attempt": one.number,
            "image": one.image,
            "imageID": one.image_id,
            "began": instant(one.began),
            "started": instant(one.started),
            "finished": instant(one.finished),
            "exitCode": one.exit_code,
            "reason": one.reason,
        }
