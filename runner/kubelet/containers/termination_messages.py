"""Makes the files of termination messages and reads them when containers have ended.

They lie in a volume that the sandbox mounts. Where the Engine's volumes are directories of this machine that we may use,
they are used as a kubelet uses its pod directories; elsewhere the files go and come through the sandbox. That takes the
Engine tens of milliseconds, so a message for which nobody waits is read in the background there.
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
from typing import TYPE_CHECKING

from msgspec.structs import replace

from runner.core.archives import ArchiveWriter, parents_of
from runner.core.container.messages import (
    FILE_MODE,
    FOLDER,
    LOG_BYTES,
    LOG_LINES,
    MESSAGE_BYTES,
    end_of,
    message_file,
    messages_plan,
    needs_logs,
    with_message,
)
from runner.core.labels import SANDBOX_CONTAINER
from runner.core.model import Container, Pod
from runner.core.observed import ContainerRecord, Observed, RuntimeState
from runner.core.volumes import VolumePlan
from runner.engine.localvolumes import local_volume
from runner.engine.protocol import Engine
from runner.errors import EngineError, EngineRefusal
from runner.kubelet.loop.jobs import run_job
from runner.kubelet.loop.tasks import Task

if TYPE_CHECKING:
    from runner.kubelet.loop.context import PodContext

_DIRECTORY_MODE = 0o755


def make_message_file(context: PodContext, container: Container, attempt: int, sandbox_id: str) -> None:
    """See that an instance that is about to be created has its file. Raises EngineError."""
    if context.messages is None:
        return
    context.messages.fill()
    if container.termination_message_path:
        context.messages.make(container.name, attempt, sandbox_id, context.now())


def local_directory(engine: Engine, plan: VolumePlan) -> Path | None:
    """The directory of a volume, if it is one of this machine that this process may use. Raises EngineError."""
    return local_volume(engine, plan.source)


@dataclass(slots=True)
class TerminationMessages:
    """The termination messages of one pod. ``make`` may be called from any thread."""

    engine: Engine
    plan: VolumePlan
    _known: dict[str, str] = field(default_factory=dict)
    _reading: set[str] = field(default_factory=set)
    _directory: Path | None = None
    _is_searched: bool = False
    _is_filled: bool = False

    @classmethod
    def of(cls, engine: Engine, pod: Pod, owner: str) -> TerminationMessages:
        return cls(engine=engine, plan=messages_plan(pod, owner))

    # --- before a container runs ---------------------------------------------------------------------------------------

    def fill(self) -> None:
        """Make the files that the pod's first containers mount, where the sandbox did not bring them. Raises EngineError."""
        if self._is_filled:
            return
        directory = self._local()
        for entry in self.plan.files if directory is not None else ():
            assert directory is not None
            _touch(directory, entry.path)
        self._is_filled = True

    def make(self, name: str, attempt: int, sandbox_id: str, now: datetime) -> None:
        """See that an instance has its file. Raises EngineError."""
        file = message_file(name, attempt)
        directory = self._local()
        if directory is not None:
            _touch(directory, file)
        elif not any(entry.path == file for entry in self.plan.files):
            self.engine.of(container=SANDBOX_CONTAINER).upload(sandbox_id, FOLDER, _archive(file, now))

    def _local(self) -> Path | None:
        if not self._is_searched:
            self._directory = local_directory(self.engine, self.plan)
            self._is_searched = True
        return self._directory

    # --- after it has ended --------------------------------------------------------------------------------------------

    def completed(self, context: PodContext, observed: Observed) -> Observed:
        """What was observed with the messages of ended containers, reading those that are not known yet."""
        ended = [record for record in observed.containers if record.state is RuntimeState.EXITED]
        self._known = {record.id: self._known[record.id] for record in ended if record.id in self._known}
        missing = [record for record in ended if record.id not in self._known]
        if all(self._can_wait(context.pod, record) for record in missing):
            for record in missing:
                if record.id not in self._reading:
                    self._reading.add(record.id)
                    context.tasks.start_alone(
                        self._read_later(context, record), f"termination message of {record.name}"
                    )
        else:
            self._known |= self._read(context, missing)
        if not any(self._known.values()):
            return observed
        completed = tuple(with_message(record, self._known.get(record.id, "")) for record in observed.containers)
        return replace(observed, containers=completed)

    def _can_wait(self, pod: Pod, record: ContainerRecord) -> bool:
        """What follows an init container that succeeded must not wait for its message."""
        container = pod.container(record.name)
        is_init = container is not None and container.is_regular_init
        return is_init and record.exit_code == 0 and self._local() is None

    def _read_later(self, context: PodContext, record: ContainerRecord) -> Task[None]:
        try:
            found = yield from run_job(context.jobs, partial(self._read, context, [record]))
        except EngineError:
            return
        finally:
            self._reading.discard(record.id)
        if record.id not in self._known:
            self._known |= found
            if found[record.id]:
                context.poke()

    def _read(self, context: PodContext, records: Sequence[ContainerRecord]) -> dict[str, str]:
        """The messages of some instances by id. Raises EngineUnavailable."""
        containers = {c.name: c for c in (*context.pod.all_containers(), *context.pod.ephemeral_containers)}
        named = {r.id: message_file(r.name, r.attempt) for r in records if containers[r.name].termination_message_path}
        files = self._files(context, sorted(named.values()))
        found = {}
        for record in records:
            message = end_of(files.get(named.get(record.id, ""), b""), MESSAGE_BYTES)
            if needs_logs(containers[record.name], record, message):
                message = self._end_of_log(record)
            found[str(record.id)] = message
        return found

    def _files(self, context: PodContext, names: Sequence[str]) -> dict[str, bytes]:
        """The content of files of the volume; those that cannot be read are left out."""
        if not names:
            return {}
        directory = self._local()
        if directory is not None:
            return dict(_local_files(directory, names))
        sandboxes = context.observed.sandboxes
        if not sandboxes:
            return {}
        wanted = names[0] if len(names) == 1 else names[0].split("/", 1)[0]
        try:
            archive = self.engine.of(container=SANDBOX_CONTAINER).download(sandboxes[0].id, f"{FOLDER}/{wanted}")
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
    """Make a file that everybody may write to, whatever the umask is; one that is there keeps its content."""
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
