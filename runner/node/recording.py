"""Records what a run does: one thread writes what the pods tell, and the calls to the Engine that are made for them.

Whoever tells something puts it into a queue and goes on; only output waits, when too much of it is not written yet. A record
that cannot be written is given up with a warning, and the run goes on.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Any, Final, Protocol, runtime_checkable

from msgspec import Struct, to_builtins

from runner.clock import Clock
from runner.core.container.secrecy import telling_values
from runner.core.history.record import CallMade
from runner.core.model import Json, PodUID
from runner.core.narration import LogLine, LogLines, Narration, PodRef, StatusChanged, VolumesChanged
from runner.engine.callrecord import CallRecord, Noted
from runner.engine.protocol import Engine
from runner.engine.seam import Seam
from runner.errors import ExitCode, RunnerError, StoreError
from runner.kubelet.logs.artifacts import ArtifactWriter
from runner.kubelet.loop.secrecy import Secrets
from runner.kubelet.options import RunOptions
from runner.registry.history import RunDirectory, named, prune
from runner.registry.home import Home
from runner.registry.podrecords import OBJECTS, attempt_file

WRITE_SECONDS: Final = 0.25
"""How long what is told is gathered before it is written."""
BACKLOG_BYTES: Final = 8 * 1024 * 1024
"""How much output may wait to be written; whoever brings more waits."""
_LINE_BYTES: Final = 200
_log = logging.getLogger("runner.history")


class _Put(Struct, frozen=True):
    """A file, or a line of one, that somebody else has made."""

    ref: PodRef
    name: str
    value: Json
    is_line: bool


@runtime_checkable
class _Versioned(Protocol):
    @property
    def versions(self) -> Json: ...


class _Forget(Struct, frozen=True):
    """A pod is let go of."""

    uid: str


_Item = tuple[Narration, tuple[Json | None, ...]] | Noted | _Put | _Forget


class Recording:
    """One run's records: that of the state directory, and that of ``--artifacts``; a listener. May be called from any thread.

    ``begin`` comes first, and ``close`` writes what is left.
    """

    def __init__(self, engine: Engine, home: Home, options: RunOptions, clock: Clock) -> None:
        self._clock = clock
        self._home = home
        self._engine = engine
        self.secrets = Secrets(remembers=True)
        """What no record may tell: filled by the pods' workers, and with what the manifests bring."""
        self._facts: dict[str, Any] = {}
        self._options = options
        self._directory: RunDirectory | None = None
        self._writers: list[ArtifactWriter] = []
        self._queue: deque[_Item] = deque()
        self._changed = threading.Condition()
        self._waiting = 0
        self._thread: threading.Thread | None = None
        self._is_closed = False
        self._is_idle = False
        self._objects: dict[tuple[str, str], list[Json]] = {}
        # What calls tell is the steady clock's.
        self._zero = clock.now() - timedelta(seconds=clock.steady())
        self._refs: dict[str, PodRef] = {}
        self._has_objects: set[str] = set()

    def begin(self) -> None:
        """Have the directories, before anything is told. Raises StoreError when that of the artifacts cannot be made."""
        if self._options.artifacts is not None:
            self._writers.append(ArtifactWriter(self._options.artifacts, self._engine, self.secrets))
        if self._options.history is not None:
            self._begin_history(self._options.history)

    def _begin_history(self, about: Mapping[str, Any]) -> None:
        try:
            self._directory = RunDirectory(self._home, self._clock.now())
            self._facts = {"run": self._directory.id, **about, "began": named(self._clock.now())}
            self._directory.write(self._facts)
            self._writers.append(ArtifactWriter(self._directory.path, self._engine, self.secrets, is_kept=True))
        except (OSError, StoreError) as error:
            _log.warning("this run is not recorded: %s", error)
            self._let_go()

    @property
    def is_wanted(self) -> bool:
        """Whether anything is to be recorded."""
        return self._options.artifacts is not None or self._options.history is not None

    @property
    def run(self) -> str:
        """The id of the run, "" when it is not kept."""
        return "" if self._directory is None else self._directory.id

    def engine(self, inner: Engine | None = None) -> Engine:
        """The Engine whose calls are noted; or ``inner``, where something stands between it and the pods."""
        inner = inner or self._engine
        return Seam(inner, CallRecord(self._put, self._clock), self._clock) if self.is_wanted else inner

    def refer(self, objects: Sequence[Json]) -> None:
        """What the manifests of the run hold, as it was given."""
        for value in objects:
            metadata = value.get("metadata") or {}
            key = (str(value.get("kind")), str(metadata.get("name")))
            self._objects.setdefault(key, []).append(_without_secrets(value))
            if value.get("kind") == "Secret":
                self.secrets.learn(_MANIFESTS, telling_values(value))

    def note(self, ref: PodRef, name: str, value: Json, *, is_line: bool = False) -> None:
        """Have a file of a pod's record written, or a line added to one; see ``runner.registry.podrecords`` for names."""
        if self._writers:
            self._put(_Put(ref, name, value, is_line))

    def forget(self, uid: str) -> None:
        """A pod is let go of: what is told of it by now is the last."""
        if self._writers:
            self._put(_Forget(uid))

    def end(self, exit_code: int, message: str) -> None:
        """How the run ended."""
        self._facts |= {"exitCode": int(exit_code), "message": message}

    def fail(self, error: BaseException) -> None:
        """The run ended with an error."""
        if isinstance(error, RunnerError):
            self.end(error.exit_code, error.message)
        else:
            self.end(ExitCode.INTERRUPTED, type(error).__name__)

    # --- what happens -----------------------------------------------------------------------------------------------

    def __call__(self, message: Narration) -> None:
        if not self._writers:
            return
        inspected = tuple(writer.inspection(message) for writer in self._writers)
        self._put((message, inspected), _size(message))

    def _put(self, item: _Item, size: int = 0) -> None:
        if not self._writers:
            return
        if size or self._thread is None:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting < BACKLOG_BYTES or self._is_closed)
                self._waiting += size
                if self._thread is None and not self._is_closed:
                    self._thread = threading.Thread(target=self._run, name="record", daemon=True)
                    self._thread.start()
        self._queue.append(item)
        if self._is_idle:
            with self._changed:
                self._changed.notify_all()

    def _run(self) -> None:
        while True:
            with self._changed:
                self._is_idle = True
                self._changed.wait_for(lambda: self._queue or self._is_closed)
                self._is_idle = False
                if not self._is_closed:
                    self._changed.wait(WRITE_SECONDS)  # What comes meanwhile is written with it.
                is_last = self._is_closed
            self._write_some()
            if is_last:
                return

    def _write_some(self) -> None:
        size = 0
        for _ in range(len(self._queue)):
            size += self._take(self._queue.popleft())
        for writer in self._writers:
            writer.flush()
        if size:
            with self._changed:
                self._waiting -= size
                self._changed.notify_all()

    def _take(self, item: _Item) -> int:
        """Hand something to the writers; returns how much output it was."""
        if isinstance(item, Noted):
            self._take_call(item)
        elif isinstance(item, _Put):
            for writer in self._writers:
                writer.put(item.ref, item.name, item.value, is_line=item.is_line)
        elif isinstance(item, _Forget):
            self._refs.pop(item.uid, None)
            self._has_objects.discard(item.uid)
            for writer in self._writers:
                writer.forget(item.uid)
        else:
            message, inspected = item
            if isinstance(message, StatusChanged):
                self._meet(message)
            elif isinstance(message, VolumesChanged):
                self._take_volumes(message)
            for writer, inspection in zip(self._writers, inspected, strict=True):
                writer.take(message, inspection)
            return _size(message)
        return 0

    def _take_volumes(self, message: VolumesChanged) -> None:
        changes = [to_builtins(one) for one in message.changes]
        name = attempt_file("volumes", message.container, message.attempt)
        for writer in self._writers:
            writer.put(message.ref, name, {"note": message.note, "changes": changes})

    def _take_call(self, noted: Noted) -> None:
        target = noted.target
        ref = self._refs.get(target.uid)
        if ref is None:
            ref = self._refs[target.uid] = PodRef(namespace=target.namespace, name=target.name, uid=target.uid)
        call = CallMade(
            at=self._zero + timedelta(seconds=noted.began),
            seconds=noted.ended - noted.began,
            verb=noted.verb,
            container=target.container,
            attempt=target.attempt,
            outcome=noted.outcome,
        )
        for writer in self._writers:
            writer.take_call(ref, call)

    def _meet(self, message: StatusChanged) -> None:
        """The first time that a pod is heard of its manifest, and what it may refer to, is written down."""
        if message.ref.uid in self._has_objects:
            return
        self._has_objects.add(message.ref.uid)
        others = [value for (kind, _), values in self._objects.items() if kind not in _MAKERS for value in values]
        given = self._objects.get(("Pod", message.ref.name)) or [message.manifest]
        value = {"apiVersion": "v1", "kind": "List", "metadata": {}, "items": [*given, *others]}
        for writer in self._writers:
            writer.put(message.ref, OBJECTS, value)

    # --- the end -----------------------------------------------------------------------------------------------------

    def close(self) -> None:
        """Write what is left, and how the run ended; older runs that are too many go."""
        with self._changed:
            if self._is_closed:
                return
            self._is_closed = True
            self._changed.notify_all()
            thread = self._thread
        if thread is not None:
            thread.join()
        pods = [{"namespace": r.namespace, "name": r.label, "uid": r.uid} for w in self._writers[-1:] for r in w.pods]
        for writer in self._writers:
            writer.close()
        if self._directory is not None:
            self._finish(self._directory, pods)

    def _finish(self, directory: RunDirectory, pods: Sequence[Mapping[str, str]]) -> None:
        self._facts["engine"] = _versions(self._engine)
        try:
            self._facts |= {"ended": named(self._clock.now()), "pods": [*pods], "bytes": directory.size()}
            directory.write(self._facts)
        except OSError as error:
            _log.warning("the record of this run has no end: %s", error)
        self._let_go()
        with suppress(OSError):
            prune(self._home)

    def _let_go(self) -> None:
        if self._directory is not None:
            self._directory.close()


_MAKERS = frozenset({"Pod", "Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Job", "CronJob", "Namespace"})
_MANIFESTS = PodUID("")
_HIDDEN = "<redacted>"
_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


def _versions(engine: Engine) -> Json:
    """The versions of the Engine and of its API, as far as they are known without asking for them."""
    known = engine.versions if isinstance(engine, _Versioned) else {}
    return {name: str(known.get(key) or "") for name, key in (("version", "Version"), ("apiVersion", "ApiVersion"))}


def _without_secrets(value: Json) -> Json:
    """An object without the values of a Secret."""
    if value.get("kind") != "Secret":
        return value
    metadata = dict(value.get("metadata") or {})
    if _LAST_APPLIED in (metadata.get("annotations") or {}):
        metadata["annotations"] = {k: v for k, v in metadata["annotations"].items() if k != _LAST_APPLIED}
    hidden = {key: dict.fromkeys(value[key], _HIDDEN) for key in ("data", "stringData") if value.get(key)}
    return {**value, "metadata": metadata, **hidden}


def _size(message: Narration) -> int:
    """How much output a message brings."""
    if isinstance(message, LogLines):
        return sum(len(line.data) + _LINE_BYTES for line in message.lines)
    return len(message.data) + _LINE_BYTES if isinstance(message, LogLine) else 0
