"""Explains pods: gathers evidence from this machine's client and records, or from files, and asks the rules.

That is kubectl's output in files, folders of artifacts and records, ``kubectl cluster-info dump``. Nothing of it is checked as a
manifest is: it comes from a server, and what is not understood is passed over.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final, TextIO

import yaml

from runner.api.captures import is_capture, observed_text
from runner.api.sources import stdin_text
from runner.client.contract import Client
from runner.core.explain.evidence import Attempt, Evidence, Written
from runner.core.explain.explaining import Explanation, explain
from runner.core.explain.gathering import USED, evidence_of, flat
from runner.core.history.record import PodRecord
from runner.core.logquestion import LogQuestion
from runner.core.model import Json
from runner.errors import RunnerError, UsageError

READ_LINES = 60
"""That are read of an attempt, the last ones."""
READ_ATTEMPTS = 2
"""That are read of a container, the newest ones."""
SUFFIXES = (".yaml", ".yml", ".json", ".txt")
"""What is read in a folder; ``.log`` below ``logs/CONTAINER/`` too."""
MAX_BYTES = 256 * 1024 * 1024
"""Of one file."""
MAX_FILES = 5000
"""Of a folder and those below it."""
MAX_LINES = 200
"""That are kept of an attempt's output, the last ones."""
_NOT_READ = ("engine", "calls", "trace")
_SECTION = re.compile(
    r"^==== START logs for container (\S+) of pod ([^/\s]+)/(\S+) ====\n(.*?)^==== END logs.*?$\n?",
    re.MULTILINE | re.DOTALL,
)
_STAMP = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d) ")
_PodName = tuple[str, str]


_Base: Final[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Loader(_Base):  # type: ignore[misc]
    """YAML in which an instant is a text, as Kubernetes has it."""

    yaml_implicit_resolvers = {  # noqa: RUF012
        letter: [(tag, pattern) for tag, pattern in pairs if tag != "tag:yaml.org,2002:timestamp"]
        for letter, pairs in _Base.yaml_implicit_resolvers.items()
    }


_DECODER: Final = json.JSONDecoder()


# --- pods of this machine -----------------------------------------------------------------------------------------------


def explain_pod(client: Client, pod: Json, now: datetime) -> Explanation:
    """What is wrong with a stored pod. What cannot be read is missing."""
    return explain(evidence(client, pod, now, output(client, pod)))


def evidence(
    client: Client,
    pod: Json,
    now: datetime,
    logs: Mapping[Attempt, Sequence[str]],
    others: Sequence[Json] | None = None,
) -> Evidence:
    """A pod's evidence: its events, what it may refer to, and the output that is given.

    ``others`` are what came in the same manifests: with them all is known that the pod could find. Without them it may have
    lived among objects that are gone.
    """
    found: list[Json] = []
    with suppress(RunnerError):
        found += client.events(pod)
    for kind in USED:
        with suppress(RunnerError):
            found += client.list(kind).items
    known = {_key(one) for one in found}
    found += [one for one in others or () if _key(one) not in known]
    return evidence_of(pod, found, logs, now=now, is_here=True, is_whole=others is not None)


def explain_record(record: PodRecord) -> Explanation:
    """What was wrong with a pod whose life was written down: as it was before it was to be deleted."""
    seen = [one.pod for one in record.trace]
    pod = next((one for one in reversed(seen) if not one["metadata"].get("deletionTimestamp")), record.pod)
    numbers: dict[str, list[int]] = {}
    for container, attempt in sorted(record.outputs):
        numbers.setdefault(container, []).append(attempt)
    logs = {
        (container, attempt): plain_lines(record.log(container, attempt).decode("utf-8", "replace"))
        for container, found in numbers.items()
        for attempt in found[-READ_ATTEMPTS:]
    }
    written = [
        Written(container=container, volume=change.volume, path=change.path.strip("/"))
        for (container, _), changes in record.volumes.items()
        for change in changes
        if change.after is not None
    ]
    objects = [*record.events, *record.objects]
    is_whole = bool(record.objects)
    return explain(evidence_of(pod, objects, logs, written=written, now=record.end, is_here=True, is_whole=is_whole))


def plain_lines(text: str) -> list[str]:
    """The last lines of an output, without the timestamps that stand before them in records."""
    lines = [_STAMP.sub("", line) for line in text.split("\n")]
    return (lines[:-1] if lines and not lines[-1] else lines)[-MAX_LINES:]


def _key(value: Json) -> tuple[object, object, object]:
    metadata = value.get("metadata") or {}
    return value.get("kind"), metadata.get("namespace") or "default", metadata.get("name")


def output(client: Client, pod: Json) -> dict[Attempt, Sequence[str]]:
    """The last lines of the newest attempts of each container that has run."""
    metadata, status = pod["metadata"], pod.get("status") or {}
    found: dict[Attempt, Sequence[str]] = {}
    for key in ("initContainerStatuses", "containerStatuses"):
        for one in status.get(key) or ():
            name = str(one.get("name"))
            with suppress(RunnerError):
                for attempt in client.attempts(metadata["namespace"], metadata["name"], name)[-READ_ATTEMPTS:]:
                    question = LogQuestion(container=name, attempt=attempt, tail=READ_LINES)
                    batches = client.logs(metadata["namespace"], metadata["name"], question)
                    lines = [line.data for batch in batches for line in batch]
                    found[name, attempt] = [data.decode("utf-8", "replace").rstrip("\n") for data in lines]
    return found


# --- files --------------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Dump:
    """Objects, and the output of containers by the namespace and name of their pod."""

    objects: list[Json] = field(default_factory=list)
    logs: dict[_PodName, dict[Attempt, Sequence[str]]] = field(default_factory=dict)
    written: dict[_PodName, list[Written]] = field(default_factory=dict)
    folders: dict[_PodName, str] = field(default_factory=dict)

    @property
    def pods(self) -> list[Json]:
        return [one for one in self.objects if one.get("kind") == "Pod"]

    def evidence(self, pod: Json) -> Evidence:
        """All that is known of one of the pods."""
        name = _name(pod)
        written, folder = self.written.get(name, ()), self.folders.get(name, "")
        return evidence_of(pod, self.objects, self.logs.get(name), written=written, folder=folder)

    def read_log(self, pod: Json, container: str, path: str) -> None:
        """Take a file as the output of the last attempt of a container. Raises UsageError."""
        status = pod.get("status") or {}
        known = [*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())]
        found = next((one for one in known if one.get("name") == container), None)
        if found is None:
            names = ", ".join(str(one.get("name")) for one in known)
            raise UsageError(f"container {container} is not valid for pod {_name(pod)[1]}", hint=f"it has: {names}")
        self.add_log(_name(pod), container, int(found.get("restartCount") or 0), _text(Path(path)))

    def add(self, value: object) -> None:
        """An object, or a list of them in any form."""
        self.objects += flat({"items": value} if isinstance(value, list) else value)

    def add_written(self, pod: _PodName, new: Written) -> None:
        """A file that a container wrote to a volume."""
        self.written.setdefault(pod, []).append(new)

    def lies_in(self, pod: _PodName, folder: Path) -> None:
        """A pod's artifacts are in a folder."""
        self.folders[pod] = str(folder)

    def add_log(self, pod: _PodName, container: str, attempt: int, text: str) -> None:
        """Output of one attempt, with or without timestamps."""
        self.logs.setdefault(pod, {})[container, attempt] = plain_lines(text)


def read_dump(paths: Sequence[str], stdin: TextIO | None) -> Dump:
    """Read files, folders and standard input (``-``). Raises UsageError for what cannot be read."""
    dump = Dump()
    for path in paths:
        if path == "-":
            if stdin is None:
                raise UsageError("there is no standard input to read from")
            _take_text(dump, stdin_text(stdin), "standard input")
        elif Path(path).is_dir():
            _take_folder(dump, Path(path))
        elif is_capture(path):
            _take_text(dump, observed_text(path), path)
        else:
            _take_text(dump, _text(Path(path)), path)
    return dump


def _name(pod: Json) -> _PodName:
    metadata = pod.get("metadata") or {}
    return str(metadata.get("namespace") or "default"), str(metadata.get("name") or "")


def _text(place: Path) -> str:
    try:
        if place.stat().st_size > MAX_BYTES:
            raise UsageError(f'"{place}" is larger than {MAX_BYTES // 2**20} MiB')
        return place.read_bytes().decode("utf-8-sig", "replace")
    except FileNotFoundError:
        raise UsageError(f'the path "{place}" does not exist') from None
    except OSError as error:
        raise UsageError(f'cannot read "{place}": {error.strerror or error}') from error


def _take_text(dump: Dump, text: str, name: str) -> None:
    """Objects, and the sections of output between them that ``kubectl cluster-info dump`` prints."""

    def take(match: re.Match[str]) -> str:
        dump.add_log((match[2], match[3]), match[1], 0, match[4])
        return ""

    rest = _SECTION.sub(take, text)
    try:
        values = list(_json(rest)) if rest.lstrip()[:1] in ("{", "[") else list(yaml.load_all(rest, _Loader))
    except (ValueError, yaml.YAMLError) as error:
        reason = " ".join(str(error).split())
        hint = "give the output of `kubectl get pod NAME -o yaml`"
        raise UsageError(f"{name} is neither YAML nor JSON: {reason}", hint=hint) from error
    for value in values:
        dump.add(value)


def _json(text: str) -> Iterator[Any]:
    """One JSON value after the other."""
    at = 0
    while (start := len(text) - len(text[at:].lstrip())) < len(text):
        value, at = _DECODER.raw_decode(text, start)
        yield value


def _take_folder(dump: Dump, folder: Path) -> None:
    """A folder and those below it: manifests, artifacts of a run, a dump of a cluster."""
    found = sorted(path for path in folder.rglob("*") if path.is_file())
    if len(found) > MAX_FILES:
        raise UsageError(f'"{folder}" holds more than {MAX_FILES} files')
    before = len(dump.objects)
    for path in found:
        parts = path.relative_to(folder).parts
        if path.suffix not in SUFFIXES or "logs" in parts[:-1] or "volumes" in parts[:-1]:
            continue
        if any(part.startswith(_NOT_READ) for part in parts):
            continue
        known = len(dump.objects)
        _take_text(dump, _text(path), str(path))
        for pod in dump.objects[known:]:
            if pod.get("kind") == "Pod":
                _take_beside(dump, pod, path.parent)
    if len(dump.objects) == before:
        raise UsageError(f'no objects in folder "{folder}"', hint=f"looked for {', '.join(SUFFIXES)} files")


def _take_beside(dump: Dump, pod: Json, folder: Path) -> None:
    """The output and the changes of volumes that lie beside a pod's file (``runner.kubelet.logs.artifacts``)."""
    name = _name(pod)
    for path in sorted(folder.glob("logs/*/*.log")):
        if path.stem.isdigit():
            dump.add_log(name, path.parent.name, int(path.stem), _text(path))
            dump.lies_in(name, folder)
    for path in sorted(folder.glob("volumes/*/*.json")):
        for one in flat({"items": _changes(path)}):
            if one.get("path") and one.get("after") is not None:
                new = Written(
                    container=path.parent.name, volume=str(one.get("volume")), path=str(one["path"]).strip("/")
                )
                dump.add_written(name, new)


def _changes(path: Path) -> list[Any]:
    value = json.loads(_text(path) or "[]")
    return value if isinstance(value, list) else list(value.get("changes") or ())
