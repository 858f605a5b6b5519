"""Runs that are over, and those that go on: each keeps its record in a directory of its own below ``history/``.

::

    <run id>/run.json          what was run, when, and how it ended
    <run id>/lock              held as long as the record is being written
    <run id>/<namespace>_<pod>/ …  see ``runner.registry.podrecords``

The id is the instant at which the run began, in UTC, so that names stand in the order of time. A process that is killed leaves a
record without an end, which can be read like any other.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from msgspec import Struct, field

from runner.core.text.times import format_micro_time, parse_time
from runner.registry.holders import is_locked
from runner.registry.home import Home

MOST_RUNS: Final = 20
MOST_BYTES: Final = 500 * 1024 * 1024
"""How many runs are kept, and how much of them all; the oldest go first."""
RUN: Final = "run.json"
LOCK: Final = "lock"
_NUMBERS: Final = 1000


class Kept(Struct, frozen=True, kw_only=True):
    """A run that has a record. ``is_open``: it is being written now; ``ended_at`` None: it goes on, or its process died."""

    id: str
    path: Path
    facts: dict[str, Any] = field(default_factory=dict)
    is_open: bool = False

    @property
    def began_at(self) -> datetime | None:
        return parse_time(self.facts.get("began"))

    @property
    def ended_at(self) -> datetime | None:
        return parse_time(self.facts.get("ended"))

    @property
    def size(self) -> int:
        """Bytes that it takes. Looked up when its end was not written down."""
        known = self.facts.get("bytes")
        return known if isinstance(known, int) else _size(self.path)


class RunDirectory:
    """The directory of a run that is being recorded: its lock is held until ``close``. The constructor raises OSError."""

    def __init__(self, home: Home, now: datetime) -> None:
        home.ensure(home.history)
        stamp = now.strftime("%y%m%d-%H%M%S")
        for number in range(_NUMBERS):
            self.id = stamp if not number else f"{stamp}-{number}"
            self.path = home.history / self.id
            with suppress(FileExistsError):
                self.path.mkdir(mode=0o700)
                break
        self._lock = os.open(self.path / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def write(self, facts: dict[str, Any]) -> None:
        """Say what is known of the run. Raises OSError."""
        new = self.path / f".{RUN}.new"
        new.write_text(json.dumps(facts, indent=2) + "\n")
        new.replace(self.path / RUN)

    def size(self) -> int:
        """Bytes of it now."""
        return _size(self.path)

    def close(self) -> None:
        """It is written to its end; a second time does nothing."""
        descriptor, self._lock = self._lock, -1
        if descriptor >= 0:
            with suppress(OSError):
                (self.path / LOCK).unlink()
            os.close(descriptor)


def kept_runs(home: Home) -> list[Kept]:
    """The runs that there are records of, oldest first."""
    try:
        paths = sorted(home.history.iterdir())
    except OSError:
        return []
    return [
        Kept(id=path.name, path=path, facts=facts_of(path), is_open=_is_open(path)) for path in paths if path.is_dir()
    ]


def facts_of(path: Path) -> dict[str, Any]:
    """What a run's directory says of the run; nothing when it does not."""
    try:
        value = json.loads((path / RUN).read_text())
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


def prune(home: Home, *, most: int = MOST_RUNS, most_bytes: int = MOST_BYTES, dry_run: bool = False) -> Sequence[Path]:
    """Remove the oldest runs that are too many or too much; returns their directories. What is being written stays."""
    try:
        paths = sorted(home.history.iterdir(), reverse=True)
    except OSError:
        return ()
    gone: list[Path] = []
    size = 0
    for place, path in enumerate(paths):
        size += Kept(id=path.name, path=path, facts=facts_of(path)).size
        if (place >= most or size > most_bytes) and not _is_open(path):
            gone.append(path)
            if not dry_run:
                import shutil  # With it come bz2 and lzma, and few runs are too many.

                shutil.rmtree(path, ignore_errors=True)
    return gone


def named(now: datetime) -> str:
    """An instant as a record has it."""
    return format_micro_time(now)


def _is_open(path: Path) -> bool:
    try:
        return is_locked(path / LOCK)
    except OSError:
        return False


def _size(path: Path) -> int:
    total = 0
    for folder, _, files in os.walk(path):
        for name in files:
            with suppress(OSError):
                total += os.lstat(os.path.join(folder, name)).st_size  # noqa: PTH118 - many of them
    return total
