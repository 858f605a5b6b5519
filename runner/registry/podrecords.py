"""How the record of a pod lies in files, and what is read of them: ``--artifacts`` and kept runs have the same ones.

Whatever is there may be cut off in the middle: a process that is killed leaves a line without its end, which is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, Final

import msgspec

from runner.core.history.record import (
    CallMade,
    FaultMark,
    FileState,
    Key,
    PodRecord,
    Seen,
    Told,
    VolumeChange,
)
from runner.core.model import Json
from runner.core.reasons import EventReason
from runner.core.text.times import EPOCH, parse_time

POD: Final = "pod.json"
EVENT_LIST: Final = "events.json"
EVENTS: Final = "events.jsonl"
TRACE: Final = "trace.jsonl"
CALLS: Final = "calls.jsonl"
FAULTS: Final = "faults.jsonl"
OBJECTS: Final = "objects.json"
HEAD_BYTES: Final = 5 * 1024 * 1024
"""How much of the beginning of an attempt's output is kept, and how much of its end, when it is too much for ``WHOLE``."""
WHOLE: Final = 2 * HEAD_BYTES
CUT: Final = "… about {} MB of this output were not kept …\n"


def pod_directory(namespace: str, label: str) -> str:
    """The name of a pod's directory; ``label`` is its name, or ``kind/name`` of a workload."""
    return f"{namespace}_{label.replace('/', '_')}"


def attempt_file(room: str, container: str, attempt: int) -> str:
    return f"{room}/{container}/{attempt}.json"


def log_file(container: str, attempt: int) -> str:
    return f"logs/{container}/{attempt}.log"


def end_of_log(name: str, part: int) -> str:
    """The file of a part behind the beginning of an output."""
    return f"{name}.{part}"


def pods_in(directory: Path) -> list[Path]:
    """The directories of pods in that of a run, or the directory itself when it is a pod's. Raises OSError."""
    if (directory / TRACE).exists():
        return [directory]
    return sorted(path for path in directory.iterdir() if (path / TRACE).exists())


def read_record(
    directory: Path, *, run: str = "", ended_at: datetime | None = None, now: datetime = EPOCH
) -> PodRecord:
    """Everything about one pod. ``ended_at`` is when its run ended, None: it is not known, the last thing told counts.

    ``now`` is given for a run that still goes on. Raises OSError only when the directory cannot be read.
    """
    trace = tuple(Seen(at=at, pod=value["pod"]) for at, value in _timed(directory / TRACE) if "pod" in value)
    told = tuple(Told(at=at, event=value["event"]) for at, value in _timed(directory / EVENTS) if "event" in value)
    told = told or _old_events(directory)
    calls = tuple(sorted(_calls(directory), key=lambda one: one.at))
    faults = tuple(_faults(directory))
    volumes, notes = _volumes(directory)
    pod = trace[-1].pod if trace else _json(directory / POD)
    metadata = pod.get("metadata") or {}
    instants = [*(one.at for one in trace), *(one.at for one in told), *(one.at for one in calls)]
    began = min(instants, default=EPOCH)
    return PodRecord(
        namespace=str(metadata.get("namespace") or "default"),
        name=str(metadata.get("name") or ""),
        uid=str(metadata.get("uid") or ""),
        run=run,
        trace=trace,
        told=told,
        calls=calls,
        inspections=dict(_inspections(directory)),
        volumes=volumes,
        volume_notes=notes,
        faults=faults,
        objects=tuple(_json(directory / OBJECTS).get("items") or ()),
        outputs=dict(_outputs(directory)),
        began_at=began,
        ended_at=None if now > EPOCH else _end(trace, ended_at, max(instants, default=EPOCH)),
        looked_at=now,
    )


def _end(trace: tuple[Seen, ...], ended_at: datetime | None, last: datetime) -> datetime:
    """When the pod's life ended: a pod that is over tells nothing more, however long its run goes on."""
    phase = ((trace[-1].pod.get("status") or {}).get("phase")) if trace else ""
    return last if ended_at is None or phase in ("Succeeded", "Failed") else max(ended_at, last)


def _timed(path: Path) -> Iterator[tuple[datetime, dict[str, Any]]]:
    """The lines of a file that grows, each with its instant."""
    try:
        lines = path.read_bytes().split(b"\n")
    except OSError:
        return
    for line in lines:
        value = _decoded(line)
        at = parse_time(value.get("time"))
        if at is not None:
            yield at, value


def _decoded(data: bytes) -> dict[str, Any]:
    try:
        value = msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return {}
    return value if isinstance(value, dict) else {}


def _json(path: Path) -> dict[str, Any]:
    try:
        return _decoded(path.read_bytes())
    except OSError:
        return {}


def _old_events(directory: Path) -> tuple[Told, ...]:
    """The events of a record that knows no more than when each was seen last."""
    found = []
    for event in _json(directory / EVENT_LIST).get("items") or ():
        at = parse_time(event.get("lastTimestamp"))
        if at is not None:
            found.append(Told(at=at, event=event))
    return tuple(found)


def _calls(directory: Path) -> Iterator[CallMade]:
    for at, value in _timed(directory / CALLS):
        yield CallMade(
            at=at,
            seconds=float(value.get("seconds") or 0.0),
            verb=str(value.get("verb") or ""),
            container=str(value.get("container") or ""),
            attempt=value.get("attempt"),
            outcome=str(value.get("outcome") or "ok"),
        )


def _faults(directory: Path) -> Iterator[FaultMark]:
    marks: dict[tuple[object, ...], FaultMark] = {}
    for at, value in _timed(directory / FAULTS):
        mark = FaultMark(
            at=at,
            kind=str(value.get("kind") or ""),
            text=str(value.get("text") or ""),
            container=str(value.get("container") or ""),
            attempt=value.get("attempt"),
            seconds=float(value.get("seconds") or 0.0),
        )
        # What stands at a breakpoint goes on from it later: that says how long it stood.
        stands = mark.kind == EventReason.BREAKPOINT
        marks[(at, mark.container, mark.attempt) if stands else (at, len(marks))] = mark
    yield from marks.values()


def _attempt_files(directory: Path, room: str) -> Iterator[tuple[Key, Path]]:
    for path in sorted((directory / room).glob("*/*.json")):
        if path.stem.isdecimal():
            yield (path.parent.name, int(path.stem)), path


def _inspections(directory: Path) -> Iterator[tuple[Key, Json]]:
    for key, path in _attempt_files(directory, "engine"):
        if value := _json(path):
            yield key, value


def _volumes(directory: Path) -> tuple[dict[Key, tuple[VolumeChange, ...]], dict[Key, str]]:
    changes: dict[Key, tuple[VolumeChange, ...]] = {}
    notes: dict[Key, str] = {}
    for key, path in _attempt_files(directory, "volumes"):
        value = _json(path)
        if value:
            changes[key] = tuple(_change(one) for one in value.get("changes") or ())
            notes[key] = str(value.get("note") or "")
    return changes, notes


def _change(value: Json) -> VolumeChange:
    before, after = value.get("before"), value.get("after")
    return VolumeChange(
        volume=str(value.get("volume") or ""),
        path=str(value.get("path") or ""),
        before=None if before is None else msgspec.convert(before, FileState),
        after=None if after is None else msgspec.convert(after, FileState),
        diff=str(value.get("diff") or ""),
    )


def _outputs(directory: Path) -> Iterator[tuple[Key, Callable[[], bytes]]]:
    for path in sorted((directory / "logs").glob("*/*.log")):
        if path.stem.isdecimal():
            yield (path.parent.name, int(path.stem)), partial(read_log, path)


def read_log(path: Path) -> bytes:
    """The output of an attempt; of a long one the beginning and the end, with a line between them that says so."""
    try:
        head = path.read_bytes()
    except OSError:
        return b""
    numbers = sorted(int(part.suffix[1:]) for part in path.parent.glob(f"{path.name}.*") if part.suffix[1:].isdecimal())
    tail = b"".join(_bytes(path.with_name(end_of_log(path.name, number))) for number in numbers)
    went = 0 if not numbers else (numbers[0] - 1) * HEAD_BYTES
    if not went and len(head) + len(tail) <= WHOLE:
        return head + tail
    shown = tail[-HEAD_BYTES:]
    shown = shown.partition(b"\n")[2] or shown
    lost = went + len(tail) - len(shown)
    return head + CUT.format(max(1, round(lost / 1e6))).encode() + shown


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""
