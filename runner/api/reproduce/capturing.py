"""Captures of pods that ran here: their records, what they refer to, and the failures that they showed as faults."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Final

from msgspec import Struct

from runner.api.explaining import output
from runner.api.records import LAST, Place, Records
from runner.client.contract import Client
from runner.core.capture.capturing import about_pod, capture_records
from runner.core.capture.importing import SERVING, Imported
from runner.core.capture.model import members
from runner.core.capture.names import FAULTS, MANIFEST, RECORDS
from runner.core.capture.recorded import recorded_scope
from runner.core.container.secrecy import Redaction, telling_values
from runner.core.history.record import PodRecord, Seen, Told
from runner.core.model import Json, RetryScope
from runner.core.text.times import format_micro_time
from runner.errors import NoSuchObject, RunnerError, UsageError
from runner.registry.podrecords import EVENTS, TRACE, log_file, pod_directory

_ENGINE: Final = "engine/"
_LOGS: Final = "logs/"


class Captured(Struct, frozen=True, kw_only=True):
    """A capture: the pods in it, the failures that it can repeat as faults, what was left out or guessed, and its files."""

    pods: tuple[str, ...]
    faults: tuple[str, ...]
    notes: tuple[str, ...]
    members: Mapping[str, str | bytes]
    path: Path = Path()


class _Source(Struct, frozen=True):
    """A pod with what there is of its record; ``files`` None: they lie at ``place``."""

    record: PodRecord
    place: Place | None = None
    files: Mapping[str, bytes] | None = None


def captured(
    client: Client, records: Records, word: str, namespace: str, *, now: datetime, with_secrets: bool = False
) -> Captured:
    """Gather what is needed to run the pods that a word names again. Raises UsageError for what there is no trace of."""
    sources = _sources(client, records, word, namespace, now)
    pods = [source.record for source in sources]
    stored = [one for place in dict.fromkeys(one.namespace for one in pods) for one in _stored(client, place)]
    found = capture_records(pods, stored, with_secrets=with_secrets)
    secret = (
        () if with_secrets else [value for one in stored if one["kind"] == "Secret" for value in telling_values(one)]
    )
    redaction = Redaction.of(secret)
    about = tuple(about_pod(one) for one in pods)
    files: dict[str, str | bytes] = {**_members(found, word, _scope(sources), about, redaction)}
    for source in sources:
        directory = f"{RECORDS}/{pod_directory(source.record.namespace, source.record.name)}"
        for name, data in sorted(_files(source)):
            files[f"{directory}/{name}"] = _hidden(name, data, redaction)
    names = tuple(one.name for one in pods)
    return Captured(pods=names, faults=found.faults, notes=found.notes, members=files)


def _members(
    found: Imported, word: str, scope: RetryScope | None, pods: tuple[Json, ...], redaction: Redaction
) -> Mapping[str, str]:
    made = members(found, origin=word, retry=scope, pods=pods)
    return {name: text if name in (MANIFEST, FAULTS) else _hidden_json(text, redaction) for name, text in made.items()}


# --- what there is ------------------------------------------------------------------------------------------------------


def _sources(client: Client, records: Records, word: str, namespace: str, now: datetime) -> list[_Source]:
    """The records that the word names; of a pod that is there and has none what can be seen of it now."""
    there = None if "@" in word or word == LAST or Path(word).is_dir() else _there(client, namespace, word)
    try:
        found = [_Source(records.read(place), place) for place in records.places(word, namespace)]
    except UsageError:
        if there is None:
            raise
        found = []
    if there is not None and [one.record.uid for one in found] != [there["metadata"].get("uid")]:
        return [_seen_now(client, there, now)]
    return found


def _there(client: Client, namespace: str, name: str) -> Json | None:
    try:
        return client.get("Pod", namespace, name)
    except NoSuchObject:
        return None


def _seen_now(client: Client, pod: Json, now: datetime) -> _Source:
    metadata = pod["metadata"]
    events = client.events(pod)
    lines = {
        log_file(container, attempt): "".join(f"{line}\n" for line in found).encode("utf-8", "surrogateescape")
        for (container, attempt), found in output(client, pod).items()
    }
    at = format_micro_time(now)
    record = PodRecord(
        namespace=str(metadata.get("namespace") or "default"),
        name=str(metadata["name"]),
        uid=str(metadata.get("uid") or ""),
        trace=(Seen(at=now, pod=pod),),
        told=tuple(Told(at=now, event=event) for event in events),
        began_at=now,
        looked_at=now,
    )
    told = "".join(json.dumps({"time": at, "event": event}) + "\n" for event in events)
    seen = json.dumps({"time": at, "pod": pod}) + "\n"
    return _Source(record, None, {TRACE: seen.encode(), EVENTS: told.encode(), **lines})


def _stored(client: Client, namespace: str) -> list[Json]:
    found: list[Json] = []
    for kind in SERVING:
        with suppress(RunnerError):  # Without it there is a placeholder, and a note that says so.
            found += ({"apiVersion": "v1", "kind": kind, **one} for one in client.list(kind, namespace).items)
    return found


def _scope(sources: Sequence[_Source]) -> RetryScope | None:
    """How the pods were retried: as the run was asked to, else as the record shows it."""
    for source in sources:
        run = source.place.run if source.place else None
        if run is not None:
            given = (run.facts.get("options") or {}).get("retry")
            return RetryScope(given) if given in list(RetryScope) else RetryScope.POD
    return next((scope for source in sources if (scope := recorded_scope(source.record))), None)


# --- files --------------------------------------------------------------------------------------------------------------


def _files(source: _Source) -> Iterator[tuple[str, bytes]]:
    """The files of a record. A file that goes meanwhile is left out."""
    if source.place is None:
        yield from (source.files or {}).items()
        return
    root = source.place.path
    for path in root.rglob("*"):
        with suppress(OSError):
            if path.is_file() and not path.name.startswith("."):
                yield str(path.relative_to(root)), path.read_bytes()


def _hidden(name: str, data: bytes, redaction: Redaction) -> bytes:
    """A file of a record without values of Secrets."""
    if not redaction.values:
        return data
    if name.startswith(_LOGS):
        return redaction.output(data)
    lines = data.decode("utf-8", "replace").split("\n")
    return "\n".join(_hidden_json(line, redaction, is_inspection=name.startswith(_ENGINE)) for line in lines).encode()


def _hidden_json(text: str, redaction: Redaction, *, is_inspection: bool = False) -> str:
    """JSON without them; a line that is cut off is none, and goes."""
    if not redaction.values or not text.strip():
        return text
    try:
        value = json.loads(text)
    except ValueError:
        return ""
    hidden = redaction.inspection(value) if is_inspection else redaction.messages(value)
    return json.dumps(hidden, ensure_ascii=False)
