"""Write down what pods did, for somebody who looks at it afterwards: one directory a pod, plain files.

::

    <namespace>_<pod>/
        pod.json                             the v1 Pod as published last
        events.json                          v1 EventList
        events.jsonl                         {"time": …, "event": v1 Event} each time that one was recorded
        trace.jsonl                          {"time": …, "pod": v1 Pod} for every published status
        calls.jsonl                          each call to the Engine: at, seconds, verb, container, attempt, outcome
        objects.json                         the pod as it was given, and what it refers to, without values of Secrets
        logs/<container>/<attempt>.log       each line after its RFC 3339 timestamp
        engine/<container>/<attempt>.json    what the Engine says of the container, taken last before it goes
        volumes/<container>/<attempt>.json   what the attempt changed in the volumes that it shares

The events about a workload are in ``<namespace>_<kind>_<name>/events.json``.
Whole files are replaced at once, the others grow line by line, so what is there can be read whenever we die.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from msgspec.structs import replace

from runner.core.history.record import CallMade
from runner.core.model import Json
from runner.core.narration import (
    AttemptEnding,
    AttemptStarted,
    EventRecorded,
    FaultInjected,
    LogLine,
    LogLines,
    Narration,
    PodRef,
    StatusChanged,
    Stood,
)
from runner.core.text.times import format_micro_time
from runner.engine.protocol import ContainerDetails, Named
from runner.errors import EngineError, StoreError
from runner.kubelet.logs.podfiles import PodFiles
from runner.kubelet.loop.secrecy import Secrets
from runner.registry.podrecords import CALLS, pod_directory

_log = logging.getLogger("runner.artifacts")


class InspectedEngine(Protocol):
    """What artifacts need of an Engine; see ``runner.engine.protocol``."""

    def of(self, pod: Named | None = None, container: str = "", attempt: int | None = None) -> InspectedEngine: ...

    def inspect_container(self, container_id: str) -> ContainerDetails: ...


class ArtifactWriter:
    """A listener that writes below ``directory``; may be called from several threads.

    ``take`` and ``flush`` do the same in two steps, for whoever writes much at once. The directory of a pod begins anew when
    it holds another pod's files (an earlier run's). The constructor raises StoreError when the directory cannot be made;
    later trouble is logged and never disturbs the pod. ``is_kept``: a record of the state directory, which asks the Engine
    nothing, and gives up after the first trouble.
    """

    def __init__(
        self, directory: Path, engine: InspectedEngine, secrets: Secrets | None = None, *, is_kept: bool = False
    ) -> None:
        self._directory = directory
        self._engine = engine
        self._secrets = secrets or Secrets()
        self._lock = threading.RLock()
        self._pods: dict[str, PodFiles] = {}
        self._refs: dict[str, PodRef] = {}
        self._is_kept = is_kept
        self._is_broken = False
        try:
            directory.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(f"cannot make the artifacts directory {directory}: {error.strerror}") from error

    def __call__(self, message: Narration) -> None:
        inspected = self.inspection(message)
        self.take(message, inspected)
        self.flush()

    def inspection(self, message: Narration) -> Json | None:
        """What is to be known of a container that is about to go; asking the Engine takes its time, and others may go on."""
        if not isinstance(message, AttemptEnding):
            return None
        if message.inspection is not None or self._is_kept:
            return None if message.inspection is None else self._secrets.hide_in(message.inspection)
        return self._inspect(message.ref, message.container, message.attempt, message.container_id)

    def take(self, message: Narration, inspected: Json | None) -> None:
        """Gather what a message tells."""
        with self._lock:
            if self._is_broken:
                return
            try:
                self._take(self.files(message.ref), message, inspected)
            except (OSError, TypeError, ValueError) as error:
                self._complain(message.ref.name, error)

    def take_call(self, ref: PodRef, call: CallMade) -> None:
        """Gather a call to the Engine."""
        with self._lock:
            if self._is_broken:
                return
            try:
                self.files(ref).append(CALLS, _call_json(call))
            except OSError as error:
                self._complain(ref.name, error)

    def put(self, ref: PodRef, name: str, value: Json, *, is_line: bool = False) -> None:
        """Gather a whole file, or a line of one, that somebody else makes."""
        with self._lock:
            if self._is_broken:
                return
            try:
                files = self.files(ref)
                (files.append if is_line else files.replace)(name, value)
            except (OSError, TypeError, ValueError) as error:
                self._complain(ref.name, error)

    def flush(self) -> None:
        """Write what was gathered."""
        with self._lock:
            for files in self._pods.values():
                if self._is_broken:
                    return
                try:
                    files.flush()
                except (OSError, TypeError, ValueError) as error:
                    self._complain(files.ref.name, error)

    def _complain(self, name: str, error: Exception) -> None:
        self._is_broken = self._is_kept
        what = "this run is not recorded any further: pod" if self._is_kept else "cannot write artifacts of pod"
        _log.warning("%s %s: %s", what, name, error)

    def _take(self, files: PodFiles, message: Narration, inspected: Json | None) -> None:
        match message:
            case StatusChanged():
                files.trace(message.at, self._secrets.hide_in_messages(message.pod))
            case EventRecorded(is_stored=True):
                files.event(message.at, self._secrets.hide_in_messages(message.event))
            case FaultInjected():
                files.fault(message.at, message.text, message.container, message.attempt)
            case Stood():
                files.stood(message)
            case LogLine():
                files.log((self._told(message),))
            case LogLines():
                files.log([self._told(line) for line in message.lines])
            case AttemptStarted():
                files.begin_attempt(message.container_id, message.container, message.attempt)
            case AttemptEnding():
                files.end_attempt(message.container_id, message.container, message.attempt)
                files.inspection(message.container, message.attempt, inspected)
            case _:
                return

    def _told(self, line: LogLine) -> LogLine:
        """A line without values of Secrets."""
        data = self._secrets.hide_in_output(line.data)
        return line if data is line.data else replace(line, data=data)

    def files(self, ref: PodRef) -> PodFiles:
        """The files of a pod. Raises OSError."""
        files = self._pods.get(ref.uid)
        if files is None:
            directory = self._directory / pod_directory(ref.namespace, ref.label)
            files = self._pods[ref.uid] = PodFiles(ref, directory, is_kept=self._is_kept)
            self._refs[ref.uid] = ref
            files.prepare()
        return files

    @property
    def pods(self) -> Sequence[PodRef]:
        """What there are files of."""
        return tuple(self._refs.values())

    def _inspect(self, ref: PodRef, container: str, attempt: int, container_id: str) -> Json | None:
        """The Engine's own JSON, without values of Secrets; None when the container is gone or the Engine does not answer."""
        engine = self._engine.of(ref, container, attempt)
        try:
            return self._secrets.hide_in(engine.inspect_container(container_id).raw)
        except EngineError as error:
            _log.debug("cannot inspect container %s: %s", container_id, error)
            return None

    def forget(self, uid: str) -> None:
        """A pod is let go of: what was gathered of it is written, and its files are closed."""
        with self._lock:
            files = self._pods.pop(uid, None)
            if files is None or self._is_broken:
                return
            try:
                files.close()
            except (OSError, TypeError, ValueError) as error:
                self._complain(files.ref.name, error)

    def close(self) -> None:
        """Take down what the Engine says of the containers that are still there, and write everything."""
        with self._lock:
            for files in self._pods.values():
                if self._is_broken:
                    break
                try:
                    for container_id, (container, attempt) in () if self._is_kept else files.running.items():
                        inspected = self._inspect(files.ref, container, attempt, container_id)
                        files.inspection(container, attempt, inspected)
                    files.close()
                except (OSError, TypeError, ValueError) as error:
                    self._complain(files.ref.name, error)
            self._pods.clear()


def _call_json(call: CallMade) -> Json:
    value: dict[str, object] = {
        "time": format_micro_time(call.at),
        "seconds": round(call.seconds, 6),
        "verb": call.verb,
    }
    if call.container:
        value["container"] = call.container
    if call.attempt is not None:
        value["attempt"] = call.attempt
    value["outcome"] = call.outcome
    return value
