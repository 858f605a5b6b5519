"""The records of pods: of runs that are over, of runs that go on, of directories that ``--artifacts`` wrote, and of captures."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

from msgspec import Struct

from runner.core.history.record import PodRecord
from runner.core.manifest.decode import nearest
from runner.core.text.times import EPOCH
from runner.errors import UsageError
from runner.registry.history import Kept, kept_runs
from runner.registry.home import Home
from runner.registry.podrecords import pod_directory, pods_in, read_record

LAST = "last"
_HINT = "podrunner history shows the runs that are kept"


class RunShown(Struct, frozen=True, kw_only=True):
    """A run that has a record. ``ended`` None: it goes on (``is_open``), or its process died."""

    id: str
    began: datetime | None
    ended: datetime | None
    is_open: bool
    files: tuple[str, ...]
    pods: tuple[str, ...]
    exit_code: int | None
    message: str
    size: int


class Place(Struct, frozen=True, kw_only=True):
    """The directory of a pod's record; ``run`` None: of no run that is kept."""

    path: Path
    run: Kept | None = None


class Records:
    """Finds and reads records. Each method raises UsageError for what is not there."""

    def __init__(self, home: Home, now: Callable[[], datetime]) -> None:
        self._home = home
        self._now = now

    def runs(self) -> list[RunShown]:
        """The runs that are kept, newest first."""
        return [_shown(run) for run in reversed(kept_runs(self._home))]

    def names(self, namespace: str) -> list[str]:
        """The names of the pods of the kept runs, newest first."""
        found = (path.name for run in reversed(kept_runs(self._home)) for path in _pods(run.path))
        return list(dict.fromkeys(name.partition("_")[2] for name in found if name.startswith(f"{namespace}_")))

    def find(self, word: str, namespace: str) -> PodRecord:
        """The record that ``NAME``, ``po/NAME``, ``NAME@RUN``, ``last``, ``last@RUN``, a directory or a capture names.

        Of several the newest one.
        """
        paths = self._outside(word)
        return read_record(_only(paths, word, "")) if paths else self.read(self._of_run(word, namespace))

    def _outside(self, word: str) -> list[Path]:
        """The directories of pods in a directory or a capture; none: the word may be a pod's name all the same."""
        if Path(word).is_dir():
            return _pods(Path(word))
        if not word.endswith(".tar") or not Path(word).exists():
            return []
        import shutil
        import tempfile
        import weakref

        from runner.api.captures import unpack

        directory = tempfile.mkdtemp(prefix="podrunner-")
        weakref.finalize(self, shutil.rmtree, directory, ignore_errors=True)  # Output is read when it is asked for.
        unpack(word, directory)
        return _pods(Path(directory))

    def all_of(self, word: str, namespace: str) -> list[PodRecord]:
        """The records of all pods of a run (its id, ``last``), a directory or a capture; of one pod as ``find`` has it."""
        return [self.read(place) for place in self.places(word, namespace)]

    def places(self, word: str, namespace: str) -> list[Place]:
        """Where the records lie that ``all_of`` reads."""
        paths = self._outside(word)
        if paths:
            return [Place(path=path) for path in paths]
        run = self._whole(word)
        if run is not None and (found := _pods(run.path)):
            return [Place(path=path, run=run) for path in found]
        return [self._of_run(word, namespace)]

    def _whole(self, word: str) -> Kept | None:
        """The run that a word names as a whole."""
        runs = kept_runs(self._home)
        if word == LAST and runs:
            return runs[-1]
        return next((run for run in runs if run.id == word), None)

    def has(self, word: str, namespace: str) -> bool:
        """Whether there is such a record."""
        try:
            self.find(word, namespace)
        except UsageError:
            return False
        return True

    def _of_run(self, word: str, namespace: str) -> Place:
        name, at, run_word = word.partition("@")
        runs = self._chosen(run_word) if at else list(reversed(kept_runs(self._home)))
        if name == LAST:
            if not runs:
                raise UsageError("no run is kept", hint="podrunner run keeps a record of each run")
            return Place(path=_only(_pods(runs[0].path), f"run {runs[0].id}", runs[0].id), run=runs[0])
        wanted = pod_directory(namespace, name)
        for run in runs:
            for path in _pods(run.path):
                if path.name == wanted:
                    return Place(path=path, run=run)
        where = f" in run {runs[0].id}" if at else ""
        known = [path.name.partition("_")[2] for run in runs for path in _pods(run.path)]
        near = nearest(name, known, cutoff=0.6)
        raise UsageError(f'no record of pod "{name}"{where}', hint=f"did you mean {near}?" if near else _HINT)

    def _chosen(self, word: str) -> list[Kept]:
        """The run of an id, or of a beginning or an end of one that is no other's."""
        runs = kept_runs(self._home)
        if word == LAST and runs:
            return [runs[-1]]
        exact = [run for run in runs if run.id == word]
        found = exact or [run for run in runs if word and (run.id.startswith(word) or run.id.endswith(word))]
        if len(found) == 1:
            return found
        if found:
            raise UsageError(f'"{word}" names {len(found)} runs: {", ".join(run.id for run in found)}')
        near = nearest(word, [run.id for run in runs], cutoff=0.6)
        raise UsageError(f'no run "{word}" is kept', hint=f"did you mean {near}?" if near else _HINT)

    def read(self, place: Place) -> PodRecord:
        """The record that lies there."""
        run = place.run
        if run is None:
            return read_record(place.path)
        now = self._now() if run.is_open else EPOCH
        return read_record(place.path, run=run.id, ended_at=run.ended_at, now=now)


def _only(paths: list[Path], what: str, run: str) -> Path:
    if len(paths) == 1:
        return paths[0]
    if not paths:
        raise UsageError(f"{what} has no record of a pod")
    names = ", ".join(f"{path.name.partition('_')[2]}@{run}" if run else str(path) for path in paths)
    raise UsageError(f"{what} has {len(paths)} pods", hint=f"name one: {names}")


def _pods(path: Path) -> list[Path]:
    try:
        return pods_in(path)
    except OSError:
        return []


def _shown(run: Kept) -> RunShown:
    facts = run.facts
    code = facts.get("exitCode")
    return RunShown(
        id=run.id,
        began=run.began_at,
        ended=run.ended_at,
        is_open=run.is_open,
        files=tuple(str(one) for one in facts.get("files") or ()),
        pods=tuple(_names(run.path)),
        exit_code=code if isinstance(code, int) else None,
        message=str(facts.get("message") or ""),
        size=run.size,
    )


def _names(path: Path) -> Iterator[str]:
    for one in _pods(path):
        yield one.name.partition("_")[2]
