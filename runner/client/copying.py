"""``cp``: files into containers and out of them, over the Engine's archives, so that an image needs no tar.

It works on containers that ended, too, and on volumes as the container has them. Mirrors kubectl's pkg/cmd/cp/cp.go in
where things go and what is said; what is safe is decided by ``runner.core.files.confinement``.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from runner.client.packing import Owning, checked, packed
from runner.client.unpacking import CopyError, LocalTree, unpack, write_into
from runner.clock import Wakeup
from runner.core.admission import why_unscheduled
from runner.core.container.defaultcontainer import chosen_container
from runner.core.files.copying import CopyOptions, absolute, is_content, is_unseen, owner_of
from runner.core.files.tarstream import PIECE, BadArchive, Entry, Kind, TarReader
from runner.core.labels import CONTAINER_NAME, DOCKER_TYPE, POD_UID, PREPARED, TYPE_CONTAINER, attempt_of
from runner.core.model import Object, Pod
from runner.engine.protocol import EngineState, PathStat
from runner.errors import EngineRefusal, EngineUnavailable, NotFound

if TYPE_CHECKING:
    from runner.clock import Clock
    from runner.engine.protocol import Engine

Read = Callable[[int], bytes]
Write = Callable[[bytes], object]
_FIRST_WAIT, _LONGEST_WAIT = 1.0, 30.0
_MOST_PASSWD: Final = 1024 * 1024


class ContainerFiles:
    """The files of the newest instance of a container, also when that has ended."""

    def __init__(
        self, engine: Engine, clock: Clock, value: Object, container: str | None, note: Callable[[str], None]
    ) -> None:
        """Raises UsageError for a container that is none, CopyError when it has not been made yet."""
        pod = Pod.from_json(value)
        self._pod = pod
        self._container = chosen_container(pod, container, note)
        self._clock = clock
        if why := why_unscheduled(value):
            raise CopyError(f"pod {pod.name} does not have a host assigned", hint=why)
        labels = {POD_UID: pod.uid, DOCKER_TYPE: TYPE_CONTAINER, CONTAINER_NAME: self._container}
        rows = [row for row in engine.of(pod, self._container).list_containers(labels) if not _is_ahead(row)]
        if not rows:
            phase = (value.get("status") or {}).get("phase") or "Pending"
            hint = f"the pod is {phase}; podrunner describe po {pod.name} tells what it waits for"
            raise CopyError(f'container not found ("{self._container}")', hint=hint)
        newest = max(rows, key=lambda row: attempt_of(row.labels) or 0)
        self._id = newest.id
        self._engine = engine.of(pod, self._container, attempt_of(newest.labels))
        details = self._engine.inspect_container(newest.id)
        self._is_running = details.state is EngineState.RUNNING
        config: Any = details.raw.get("Config") or {}
        self._working_directory = str(config.get("WorkingDir") or "/")
        self._user = str(config.get("User") or "")

    # --- in -----------------------------------------------------------------------------------------------------------

    def copy_in(self, source: Path | Read, path: str, options: CopyOptions) -> None:
        """Copy a file, a directory or an archive's content to a path. Raises CopyError, EngineError."""
        now = int(self._clock.now().timestamp())
        target = absolute(path, self._working_directory)
        self._refuse_unseen(target)
        if isinstance(source, Path):
            folder, name = self._destination(source, target)
            pieces = packed(source, name, self._owning(options), now, note=options.note)
        else:
            found = self._look(target)
            if found is None or not found[1].is_directory:
                raise CopyError(f"{self._shown(target)} is no directory, and an archive is unpacked in one")
            folder = found[0]
            pieces = checked(source, self._owning(options), now)
        try:
            self._engine.upload_stream(self._id, folder, pieces)
        except (NotFound, EngineRefusal) as problem:
            raise CopyError(f"cannot copy to {self._shown(target)}: {problem}") from problem
        except EngineUnavailable as problem:
            problem.advise(f"{self._shown(target)} may be incomplete: copy again")
            raise

    def _destination(self, source: Path, target: str) -> tuple[str, str]:
        """The directory that takes it, and the name there; "" for the content of a directory alone."""
        found = self._look(target)
        if found is not None:
            place, stat = found
            if stat.is_directory:
                return place, "" if is_content(str(source)) else source.name
            if source.is_dir():
                raise CopyError(f"cannot copy a directory to {self._shown(target)}: it is a file")
            return posixpath.split(place)
        folder, name = posixpath.split(target)
        parent = self._look(folder)
        if parent is None or not parent[1].is_directory:
            what = "No such file or directory" if parent is None else "Not a directory"
            raise CopyError(f"cannot copy to {self._shown(target)}: {folder}: {what}")
        return parent[0], name

    def _owning(self, options: CopyOptions) -> Owning:
        """Whose the files become: what ``tar -x`` makes of them in the container, run by its user."""
        user, group = self._identity()
        if user == 0 and options.is_exact:
            return Owning()
        return Owning(user, group, options.is_exact)

    def _identity(self) -> tuple[int, int]:
        if self._user in ("", "0", "root"):
            return 0, 0
        return owner_of(self._user, self._text("/etc/passwd"), self._text("/etc/group"))

    def _text(self, path: str) -> str:
        """A small file of the container; empty when there is none."""
        found = self._look(path)
        if found is None or found[1].size > _MOST_PASSWD:
            return ""
        with closing(self._engine.download_stream(self._id, found[0])) as stream:
            reader = TarReader(stream.read)
            try:
                for _ in reader:
                    return b"".join(reader.content()).decode("utf-8", "replace")
            except BadArchive:
                pass
        return ""

    # --- out ----------------------------------------------------------------------------------------------------------

    def copy_out(self, path: str, target: Path | Write, options: CopyOptions) -> None:
        """Copy a file or directory to a local path, or all of it as an archive. Raises CopyError, EngineError.

        A broken connection is tried again from the start as often as the options say, each time later.
        """
        source = absolute(path, self._working_directory)
        wait, left = _FIRST_WAIT, options.retries
        while True:
            try:
                self._copy_out(source, path, target, options)
            except EngineUnavailable as problem:
                if left == 0 or callable(target):
                    raise
                left -= 1
                options.note(f"{problem}; trying again in {wait:g} s")
                Wakeup().wait(wait)
                wait = min(2 * wait, _LONGEST_WAIT)
            else:
                return

    def _copy_out(self, source: str, asked: str, target: Path | Write, options: CopyOptions) -> None:
        found = self._look(source)
        if found is None:
            raise self._missing(source)
        place, stat = found
        whole = f"{place.rstrip('/')}/." if stat.is_directory and not callable(target) else place
        if callable(target) and stat.is_directory and is_content(asked):
            whole = f"{place.rstrip('/')}/."
        try:
            stream = self._engine.download_stream(self._id, whole)
        except NotFound as problem:
            raise self._missing(source) from problem
        with closing(stream):
            if callable(target):
                while piece := stream.read(PIECE):
                    target(piece)
                return
            try:
                if stat.is_directory:
                    unpack(stream.read, target, options)
                else:
                    _take_file(TarReader(stream.read), target, posixpath.basename(source), options)
            except BadArchive as problem:
                raise CopyError(f"{self._shown(source)} is refused: {problem}") from problem

    # --- both ---------------------------------------------------------------------------------------------------------

    def _look(self, path: str) -> tuple[str, PathStat] | None:
        """Where a path leads in the end, and what is there; None when nothing is."""
        try:
            stat = self._engine.stat_path(self._id, path)
            if not stat.link_target:
                return path, stat
            return stat.link_target, self._engine.stat_path(self._id, stat.link_target)
        except NotFound:
            return None

    def _shown(self, path: str) -> str:
        return f"{path} in container {self._container}"

    def _missing(self, path: str) -> CopyError:
        hint = ""
        if is_unseen(path) and self._is_running:
            hint = f"the Engine does not see what is mounted there: podrunner exec {self._pod.name} -- tar cf - {path}"
        return CopyError(f"{self._shown(path)}: No such file or directory", hint=hint)

    def _refuse_unseen(self, path: str) -> None:
        if is_unseen(path):
            there = posixpath.dirname(path)
            hint = f"send an archive to podrunner exec -i {self._pod.name} -- tar xf - -C {there}"
            raise CopyError(
                f"cannot copy to {self._shown(path)}: the Engine does not see what is mounted there", hint=hint
            )


def refuse_missing(source: Path | Read) -> None:
    """Raise CopyError, in kubectl's words, for a local path where nothing is."""
    if isinstance(source, Path) and not source.exists():
        raise CopyError(f"{source} doesn't exist in local filesystem")


def _take_file(reader: TarReader, target: Path, name: str, options: CopyOptions) -> None:
    entries: Iterator[Entry] = iter(reader)
    entry = next(entries, None)
    if entry is None or entry.kind is not Kind.FILE:
        what = "nothing" if entry is None else f"a {entry.kind}"
        raise BadArchive(f"it is {what}, and only files, directories and links are copied")
    if target.exists() and not target.is_dir() and not target.is_file():
        write_into(target, reader.content())  # A pipe, a terminal, /dev/null: nothing takes its place.
        return
    place = (target / name if target.is_dir() else target).resolve()
    with LocalTree(place.parent, is_exact=options.is_exact) as tree:
        tree.file((place.name,), entry.mode, reader.content())
    if next(entries, None) is not None:
        raise BadArchive("tar contents corrupted")


def _is_ahead(row: Any) -> bool:
    return PREPARED in row.labels and row.state is EngineState.CREATED
