"""Makes the files for termination messages and reads them when containers have ended.

The files lie in a volume that the sandbox mounts. Where the Engine's volumes are directories of this machine and we may use
them, we do so as a kubelet uses its pod directories; elsewhere files go in and out through the sandbox. There the Engine
takes tens of milliseconds, so a message that nobody waits for is read in the background.
"""

from __future__ import annotations

import io
import os
import tarfile
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path

from msgspec.structs import replace

from runner.clock import Clock
from runner.core.archives import ArchiveWriter, parents_of
from runner.core.container.messages import (
    FILE_MODE,
    FOLDER,
    LOG_BYTES,
    LOG_LINES,
    MESSAGE_BYTES,
    MESSAGES,
    end_of,
    message_file,
    needs_logs,
    with_message,
)
from runner.core.labels import SANDBOX_CONTAINER, volume_name
from runner.core.model import Container, Pod
from runner.core.observed import ContainerRecord, Observed, RuntimeState
from runner.engine.localvolumes import local_volume
from runner.engine.protocol import Engine
from runner.errors import EngineError, EngineRefusal
from runner.kubelet.loop.jobs import Jobs, run_job
from runner.kubelet.loop.podcache import PodCache
from runner.kubelet.loop.tasks import Task, TaskSet
from runner.kubelet.volumes.planning import Plans

_DIRECTORY_MODE = 0o755


@dataclass(slots=True)
class TerminationMessages:
    """The termination messages of one pod. ``make_ready`` may be called from any thread."""

    cache: PodCache
    engine: Engine
    clock: Clock
    jobs: Jobs
    tasks: TaskSet
    plans: Plans
    _known: dict[str, str] = field(default_factory=dict)
    _reading: set[str] = field(default_factory=set)
    _directory: Path | None = None
    _is_searched: bool = False
    _is_filled: bool = False

    # --- before a container runs ---------------------------------------------------------------------------------------

    def make_ready(self, container: Container, attempt: int, sandbox_id: str) -> None:
        """Make the file of an instance that is about to be created. Raises EngineError."""
        directory, brought = self._local(), self._brought()
        if directory is not None and not self._is_filled:
            for file in brought:
                _touch(directory, file)
        self._is_filled = True
        if not container.termination_message_path:
            return
        file = message_file(container.name, attempt)
        if directory is not None:
            _touch(directory, file)
        elif file not in brought:
            archive = _archive(file, self.clock.now())
            self.engine.of(container=SANDBOX_CONTAINER).upload(sandbox_id, FOLDER, archive)

    def _brought(self) -> list[str]:
        """The files that the pod's first containers mount: the sandbox brings them where we cannot reach the volume."""
        return [entry.path for plan in self.plans() if plan.name == MESSAGES for entry in plan.files]

    def _local(self) -> Path | None:
        if not self._is_searched:
            self._directory = local_volume(self.engine, volume_name(self.cache.pod, MESSAGES))
            self._is_searched = True
        return self._directory

    # --- after it has ended --------------------------------------------------------------------------------------------

    def completed(self, observed: Observed) -> Observed:
        """The observation, completed by the messages of ended containers; those not known yet are read."""
        ended = [record for record in observed.containers if record.state is RuntimeState.EXITED]
        self._known = {record.id: self._known[record.id] for record in ended if record.id in self._known}
        missing = [record for record in ended if record.id not in self._known]
        if all(self._can_wait(self.cache.pod, record) for record in missing):
            for record in missing:
                if record.id not in self._reading:
                    self._reading.add(record.id)
                    name = f"termination message of {record.name}"
                    self.tasks.start_alone(self._read_later(record), name)
        else:
            self._known |= self._read(missing)
        if not any(self._known.values()):
            return observed
        completed = tuple(with_message(record, self._known.get(record.id, "")) for record in observed.containers)
        return replace(observed, containers=completed)

    def _can_wait(self, pod: Pod, record: ContainerRecord) -> bool:
        """The container after an init container that succeeded must not wait for the latter's message."""
        container = pod.container(record.name)
        is_init = container is not None and container.is_regular_init
        return is_init and record.exit_code == 0 and self._local() is None

    def _read_later(self, record: ContainerRecord) -> Task[None]:
        try:
            found = yield from run_job(self.jobs, partial(self._read, [record]))
        except EngineError:
            return
        finally:
            self._reading.discard(record.id)
        if record.id not in self._known:
            self._known |= found
            if found[record.id]:
                self.cache.poke()

    def _read(self, records: Sequence[ContainerRecord]) -> dict[str, str]:
        """The messages of some instances by id. Raises EngineUnavailable."""
        pod = self.cache.pod
        containers = {c.name: c for c in (*pod.all_containers(), *pod.ephemeral_containers)}
        named = {r.id: message_file(r.name, r.attempt) for r in records if containers[r.name].termination_message_path}
        files = self._files(sorted(named.values()))
        found = {}
        for record in records:
            message = end_of(files.get(named.get(record.id, ""), b""), MESSAGE_BYTES)
            if needs_logs(containers[record.name], record, message):
                message = self._end_of_log(record)
            found[str(record.id)] = message
        return found

    def _files(self, names: Sequence[str]) -> dict[str, bytes]:
        """The content of files of the volume; those that cannot be read are left out."""
        if not names:
            return {}
        directory = self._local()
        if directory is not None:
            return dict(_local_files(directory, names))
        sandbox_id = self.cache.sandbox_id
        if not sandbox_id:
            return {}
        wanted = names[0] if len(names) == 1 else names[0].split("/", 1)[0]
        try:
            archive = self.engine.of(container=SANDBOX_CONTAINER).download(sandbox_id, f"{FOLDER}/{wanted}")
        except EngineRefusal:  # the sandbox or the file is gone
            return {}
        return dict(_unpacked(archive, wanted.rpartition("/")[0]))

    def _end_of_log(self, record: ContainerRecord) -> str:
        try:
            chunks = self.engine.of(container=record.name, attempt=record.attempt).logs(
                record.id, follow=False, tail=LOG_LINES
            )
            try:
                return end_of(b"".join(chunk.data for chunk in chunks), LOG_BYTES)
            finally:
                chunks.close()
        except EngineRefusal:
            return ""


def _touch(directory: Path, file: str) -> None:
    """Make a file that everybody may write to, whatever the umask is. An existing file keeps its content."""
    path = directory / file
    path.parent.mkdir(_DIRECTORY_MODE, parents=True, exist_ok=True)
    for parent in (path.parent, path.parent.parent):
        parent.chmod(_DIRECTORY_MODE)
    path.touch()
    path.chmod(FILE_MODE)


def _archive(file: str, now: datetime) -> bytes:
    archive = ArchiveWriter(now)
    for directory in parents_of(file):
        archive.directory(directory, _DIRECTORY_MODE)
    archive.file(file, b"", FILE_MODE)
    return archive.content()


def _local_files(directory: Path, names: Iterable[str]) -> Iterable[tuple[str, bytes]]:
    for name in names:
        with suppress(OSError), (directory / name).open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - MESSAGE_BYTES))
            yield name, file.read(MESSAGE_BYTES)


def _unpacked(archive: bytes, parent: str) -> Iterable[tuple[str, bytes]]:
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        for member in tar:
            reader = tar.extractfile(member) if member.isfile() else None
            if reader is not None:
                yield f"{parent}/{member.name}".lstrip("/"), reader.read()
