"""Write down what a pod did, for somebody who looks at it afterwards: one directory a pod, plain files.

::

    <namespace>_<pod>/
        pod.json                             the v1 Pod as published last
        events.json                          v1 EventList
        trace.jsonl                          {"time": …, "pod": v1 Pod} for every published status
        logs/<container>/<attempt>.log       each line after its RFC 3339 timestamp
        engine/<container>/<attempt>.json    what the Engine says of the container, taken last before it goes

The events about a workload are in ``<namespace>_<kind>_<name>/events.json``.
Whole files are replaced at once, the others are flushed line by line, so what is there can be read whenever we die.
"""

from __future__ import annotations

import json
import logging
import shutil
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from io import BufferedWriter
from pathlib import Path
from typing import Any, Protocol

from runner.core.model import Json
from runner.core.narration import (
    AttemptEnding,
    AttemptStarted,
    EventRecorded,
    LogLine,
    LogLines,
    Narration,
    PodRef,
    StatusChanged,
)
from runner.core.text.times import format_micro_time
from runner.engine.protocol import ContainerDetails, Named
from runner.errors import EngineError, StoreError
from runner.kubelet.loop.secrecy import Secrets

_log = logging.getLogger("runner.artifacts")


class InspectedEngine(Protocol):
    """What artifacts need of an Engine; see ``runner.engine.protocol``."""

    def of(self, pod: Named | None = None, container: str = "", attempt: int | None = None) -> InspectedEngine: ...

    def inspect_container(self, container_id: str) -> ContainerDetails: ...


class ArtifactWriter:
    """A listener that writes below ``directory``; may be called from several threads.

    The directory of a pod begins anew when it holds another pod's files (an earlier run's). The constructor raises StoreError
    when the directory cannot be made; later trouble is logged and never disturbs the pod.
    """

    def __init__(self, directory: Path, engine: InspectedEngine, secrets: Secrets | None = None) -> None:
        self._directory = directory
        self._engine = engine
        self._secrets = secrets or Secrets()
        self._lock = threading.RLock()
        self._pods: dict[str, _PodFiles] = {}
        try:
            directory.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(f"cannot make the artifacts directory {directory}: {error.strerror}") from error

    def __call__(self, message: Narration) -> None:
        # Asking the Engine takes its time, and others may go on meanwhile.
        inspected = None
        if isinstance(message, AttemptEnding):
            inspected = self._inspect(message.ref, message.container, message.attempt, message.container_id)
        with self._lock:
            try:
                self._take(self._files(message.ref), message, inspected)
            except (OSError, TypeError, ValueError) as error:
                _log.warning("cannot write artifacts of pod %s: %s", message.ref.name, error)

    def _take(self, files: _PodFiles, message: Narration, inspected: Json | None) -> None:
        match message:
            case StatusChanged():
                files.trace(format_micro_time(message.at), message.pod)
                files.replace("pod.json", message.pod)
            case EventRecorded(is_stored=True):
                files.event(message.event)
            case LogLine():
                files.log((message,))
            case LogLines():
                files.log(message.lines)
            case AttemptStarted():
                files.begin_attempt(message.container_id, message.container, message.attempt)
            case AttemptEnding():
                files.end_attempt(message.container_id, message.container, message.attempt)
                files.inspection(message.container, message.attempt, inspected)
            case _:
                return

    def _files(self, ref: PodRef) -> _PodFiles:
        files = self._pods.get(ref.uid)
        if files is None:
            directory = self._directory / f"{ref.namespace}_{ref.label.replace('/', '_')}"
            files = self._pods[ref.uid] = _PodFiles(ref, directory)
            files.prepare(ref.uid)
        return files

    def _inspect(self, ref: PodRef, container: str, attempt: int, container_id: str) -> Json | None:
        """The Engine's own JSON, without values of Secrets; None when the container is gone or the Engine does not answer."""
        engine = self._engine.of(ref, container, attempt)
        try:
            return self._secrets.hide_in(engine.inspect_container(container_id).raw)
        except EngineError as error:
            _log.debug("cannot inspect container %s: %s", container_id, error)
            return None

    def close(self) -> None:
        """Take down what the Engine says of the containers that are still there, and close the files."""
        with self._lock:
            for files in self._pods.values():
                try:
                    for container_id, (container, attempt) in files.running.items():
                        inspected = self._inspect(files.ref, container, attempt, container_id)
                        files.inspection(container, attempt, inspected)
                    files.close()
                except (OSError, TypeError, ValueError) as error:
                    _log.warning("cannot write artifacts in %s: %s", files.directory, error)
            self._pods.clear()


@dataclass(slots=True)
class _PodFiles:
    """The files of one pod."""

    ref: PodRef
    directory: Path
    running: dict[str, tuple[str, int]] = field(default_factory=dict)
    events: dict[str, Json] = field(default_factory=dict)
    opened: dict[Path, BufferedWriter] = field(default_factory=dict)

    def prepare(self, uid: str) -> None:
        """Make the directory; go on with the files of the same pod, remove those of another."""
        self.directory.mkdir(parents=True, exist_ok=True)
        if _uid(_read_json(self.directory / "pod.json")) == uid:
            for event in _read_json(self.directory / "events.json").get("items") or ():
                self.events[event["metadata"]["name"]] = event
            return
        for name in ("pod.json", "events.json", "trace.jsonl"):
            (self.directory / name).unlink(missing_ok=True)
        for name in ("logs", "engine"):
            shutil.rmtree(self.directory / name, ignore_errors=True)

    def begin_attempt(self, container_id: str, container: str, attempt: int) -> None:
        """It runs: what the Engine says of it is taken down at the end."""
        self.running[container_id] = (container, attempt)

    def end_attempt(self, container_id: str, container: str, attempt: int) -> None:
        """It has ended, and told everything."""
        self.running.pop(container_id, None)
        self.close_log(container, attempt)

    def trace(self, time: str, pod: Json) -> None:
        line = json.dumps({"time": time, "pod": pod}, separators=(",", ":"), default=_plain)
        self._append(Path("trace.jsonl"), line.encode() + b"\n")

    def event(self, event: Json) -> None:
        name = str(event["metadata"]["name"])
        self.events.pop(name, None)  # the order is that of last being seen
        self.events[name] = event
        items = list(self.events.values())
        self.replace("events.json", {"apiVersion": "v1", "kind": "EventList", "metadata": {}, "items": items})

    def log(self, lines: Sequence[LogLine]) -> None:
        """Lines of one attempt."""
        text = b"".join(
            (line.timestamp.encode() + b" " if line.is_start else b"") + line.data + (b"\n" if line.has_end else b"")
            for line in lines
        )
        self._append(_log_path(lines[0].container, lines[0].attempt), text)

    def close_log(self, container: str, attempt: int) -> None:
        file = self.opened.pop(_log_path(container, attempt), None)
        if file is not None:
            file.close()

    def inspection(self, container: str, attempt: int, value: Json | None) -> None:
        if value is not None:
            self.replace(f"engine/{container}/{attempt}.json", value)

    def replace(self, name: str, value: Json) -> None:
        """Write a whole file, so that a reader sees the old one or the new one."""
        path = self.directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        new = path.with_name(f".{path.name}.new")
        new.write_text(json.dumps(value, indent=2, default=_plain) + "\n")
        new.replace(path)

    def _append(self, name: Path, data: bytes) -> None:
        file = self.opened.get(name)
        if file is None:
            path = self.directory / name
            path.parent.mkdir(parents=True, exist_ok=True)
            file = self.opened[name] = path.open("ab")
        file.write(data)
        file.flush()

    def close(self) -> None:
        for file in self.opened.values():
            file.close()
        self.opened.clear()


def _log_path(container: str, attempt: int) -> Path:
    return Path("logs", container, f"{attempt}.log")


def _read_json(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


def _uid(pod: Json) -> str:
    return str((pod.get("metadata") or {}).get("uid") or "")


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} is not JSON")
