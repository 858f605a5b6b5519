"""The files of one pod in a record: what is to be written is gathered, and written when the thread that does it has time.

No file stays open: a run of many pods has as many descriptors as a run of one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import msgspec

from runner.core.model import Json
from runner.core.narration import LogLine, PodRef, Stood
from runner.core.reasons import EventReason
from runner.core.text.times import format_micro_time
from runner.registry.podrecords import (
    CALLS,
    EVENT_LIST,
    EVENTS,
    FAULTS,
    HEAD_BYTES,
    OBJECTS,
    POD,
    TRACE,
    attempt_file,
    end_of_log,
    log_file,
)

_FOLDERS: Final = ("logs", "engine", "volumes")


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} is not JSON")


_JSON = msgspec.json.Encoder(enc_hook=_plain)


class PodFiles:
    """Gathers what is to be written of one pod, and writes it with ``flush`` and ``close``, which raise OSError.

    ``is_kept``: a record of the state directory. Its whole files are written at the end, since the files that grow hold
    the same, and long output is cut in its middle.
    """

    def __init__(self, ref: PodRef, directory: Path, *, is_kept: bool = False) -> None:
        self.ref = ref
        self.directory = directory
        self.running: dict[str, tuple[str, int]] = {}
        """The containers whose start was told, and whose end was not."""
        self._is_kept = is_kept
        self._events: dict[str, Json] = {}
        self._has_events = False
        self._pod: Json | None = None
        self._pending: dict[str, list[bytes]] = {}
        self._whole: dict[str, bytes] = {}
        self._made: set[Path] = set()
        self._sizes: dict[str, int] = {}

    def prepare(self) -> None:
        """Make the directory; go on with the files of the same pod, remove those of another. Raises OSError."""
        self.directory.mkdir(parents=True, exist_ok=True)
        self._made.add(self.directory)
        if self._is_kept:
            return
        if _uid(_read_json(self.directory / POD)) == self.ref.uid:
            for event in _read_json(self.directory / EVENT_LIST).get("items") or ():
                self._events[event["metadata"]["name"]] = event
            return
        for name in (POD, EVENT_LIST, EVENTS, TRACE, CALLS, FAULTS, OBJECTS):
            (self.directory / name).unlink(missing_ok=True)
        import shutil  # With it come bz2 and lzma, and few directories are written twice.

        for name in _FOLDERS:
            shutil.rmtree(self.directory / name, ignore_errors=True)

    # --- what happened -----------------------------------------------------------------------------------------------

    def begin_attempt(self, container_id: str, container: str, attempt: int) -> None:
        """It runs: what the Engine says of it is taken down at the end."""
        self.running[container_id] = (container, attempt)

    def end_attempt(self, container_id: str, container: str, attempt: int) -> None:
        """It has ended, and told everything."""
        self.running.pop(container_id, None)
        self._sizes.pop(log_file(container, attempt), None)

    def trace(self, at: datetime, pod: Json) -> None:
        """A status was published."""
        self._pod = pod
        self.append(TRACE, {"time": format_micro_time(at), "pod": pod})

    def event(self, at: datetime, event: Json) -> None:
        """An event was recorded."""
        name = str(event["metadata"]["name"])
        self._events.pop(name, None)  # the order is that of last being seen
        self._events[name] = event
        self._has_events = True
        self.append(EVENTS, {"time": format_micro_time(at), "event": event})

    def fault(self, at: datetime, text: str, container: str, attempt: int | None) -> None:
        """A fault was injected."""
        value = {"time": format_micro_time(at), "kind": str(EventReason.FAULT_INJECTED), "text": text}
        value |= {"container": container} if container else {}
        self.append(FAULTS, value if attempt is None else {**value, "attempt": attempt})

    def stood(self, told: Stood) -> None:
        """The pod stands at a breakpoint, or has gone on from it; the later one counts."""
        value = {
            "time": format_micro_time(told.at),
            "kind": str(EventReason.BREAKPOINT),
            "text": told.text,
            "container": told.container,
            "attempt": told.attempt,
            "seconds": round(told.seconds, 6),
        }
        self.append(FAULTS, value)

    def log(self, lines: Sequence[LogLine]) -> None:
        """Lines of one attempt came."""
        text = b"".join(
            (line.timestamp.encode() + b" " if line.is_start else b"") + line.data + (b"\n" if line.has_end else b"")
            for line in lines
        )
        name = log_file(lines[0].container, lines[0].attempt)
        self._pending.setdefault(self._part_of(name, len(text)), []).append(text)

    def _part_of(self, name: str, size: int) -> str:
        """The file that takes so much more output of an attempt: beyond the beginning two take turns, the older one goes."""
        if not self._is_kept:
            return name
        before = self._sizes.get(name, 0)
        self._sizes[name] = before + size
        return name if before < HEAD_BYTES else end_of_log(name, before // HEAD_BYTES)

    def append(self, name: str, value: Json) -> None:
        """Have a line added to a file."""
        self._pending.setdefault(name, []).append(_encoded(value) + b"\n")

    def inspection(self, container: str, attempt: int, value: Json | None) -> None:
        """What the Engine says of a container; None: nothing is known."""
        if value is not None:
            self.replace(attempt_file("engine", container, attempt), value)

    def replace(self, name: str, value: Json) -> None:
        """Have a whole file written."""
        self._whole[name] = msgspec.json.format(_encoded(value), indent=2) + b"\n"

    # --- writing -----------------------------------------------------------------------------------------------------

    def flush(self) -> None:
        """Write what was gathered: what grows first, since the rest can be made of it."""
        pending, self._pending = self._pending, {}
        for name, parts in pending.items():
            if self._is_kept and name.count(".") > 1:
                self._forget_before(name)
            with self._place(name).open("ab") as file:
                file.write(b"".join(parts))
        if not self._is_kept:
            self._gather_whole()
        whole, self._whole = self._whole, {}
        for name, data in whole.items():
            self._write(name, data)

    def close(self) -> None:
        """Write what is left."""
        self._gather_whole()
        self.flush()

    def _gather_whole(self) -> None:
        if self._pod is not None:
            self.replace(POD, self._pod)
            self._pod = None
        if self._has_events:
            items = list(self._events.values())
            self.replace(EVENT_LIST, {"apiVersion": "v1", "kind": "EventList", "metadata": {}, "items": items})
            self._has_events = False

    def _write(self, name: str, data: bytes) -> None:
        """A whole file: a reader sees the old one or the new one. A kept record's are written once."""
        path = self._place(name)
        if self._is_kept:
            path.write_bytes(data)
            return
        new = path.with_name(f".{path.name}.new")
        new.write_bytes(data)
        new.replace(path)

    def _forget_before(self, name: str) -> None:
        """Of the parts behind the beginning of an output the newest two stay."""
        stem, _, number = name.rpartition(".")
        (self.directory / f"{stem}.{int(number) - 2}").unlink(missing_ok=True)

    def _place(self, name: str) -> Path:
        path = self.directory / name
        if path.parent not in self._made:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._made.add(path.parent)
        return path


def _encoded(value: Json) -> bytes:
    try:
        return _JSON.encode(value)
    except UnicodeEncodeError:  # Half a character, which JSON can say only as an escape.
        return json.dumps(value, separators=(",", ":"), default=_plain).encode()


def _read_json(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


def _uid(pod: Json) -> str:
    return str((pod.get("metadata") or {}).get("uid") or "")
