"""The records of pods: of runs that are over, of runs that go on, and of directories that ``--artifacts`` wrote."""

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
        """The record that ``NAME``, ``po/NAME``, ``NAME@RUN``, ``last``, ``last@RUN`` or a directory names: the newest one."""
        found = self._in_directory(word) if Path(word).is_dir() else None
        return found or self._of_run(word, namespace)

    def all_of(self, word: str, namespace: str) -> list[PodRecord]:
        """The records of all pods of a run (its id, ``last``) or a directory; of one pod as ``find`` has it."""
        paths = _pods(Path(word)) if Path(word).is_dir() else []
        if paths:
            return [read_record(path) for path in paths]
        run = self._whole(word)
        return [self._read(path, run) for path in _pods(run.path)] if run else [self._of_run(word, namespace)]

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

    def _of_run(self, word: str, namespace: str) -> PodRecord:
        name, at, run_word = word.partition("@")
        runs = self._chosen(run_word) if at else list(reversed(kept_runs(self._home)))
        if name == LAST:
            if not runs:
                raise UsageError("no run is kept", hint="podrunner run keeps a record of each run")
            return self._read(_only(_pods(runs[0].path), f"run {runs[0].id}", runs[0].id), runs[0])
        wanted = pod_directory(namespace, name)
        for run in runs:
            for path in _pods(run.path):
                if path.name == wanted:
                    return self._read(path, run)
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

    def _in_directory(self, word: str) -> PodRecord | None:
        """The record in a directory, None when it holds none: then the word may be a pod's name all the same."""
        paths = _pods(Path(word))
        return read_record(_only(paths, word, "")) if paths else None

    def _read(self, path: Path, run: Kept) -> PodRecord:
        now = self._now() if run.is_open else EPOCH
        return read_record(path, run=run.id, ended_at=run.ended_at, now=now)


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
