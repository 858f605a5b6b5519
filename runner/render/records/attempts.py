"""Runs and attempts as tables of at most 80 columns, and as data."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import PurePath
from typing import Any

from runner.api.records import RunShown
from runner.core.history.attempt import Attempt, Doing, Stretch
from runner.core.history.record import PodRecord
from runner.core.text.times import format_duration, format_micro_time, human_duration, later
from runner.render.tabwriter import table_writer

RUN_COLUMNS = ("RUN", "AGE", "DURATION", "FILES", "PODS", "RESULT")
ATTEMPT_COLUMNS = ("CONTAINER", "ATTEMPT", "WAITED", "PULL", "RAN", "EXIT", "REASON")
_FILES, _PODS, _RESULT, _REASON = 16, 18, 24, 24
_DONE = {0: "ok", 1: "failed", 4: "timed out", 130: "interrupted"}


def run_rows(runs: Sequence[RunShown], now: datetime) -> str:
    """``podrunner history``."""
    rows = [
        (
            run.id,
            "<unknown>" if run.began is None else human_duration(now - run.began),
            _lasted(run, now),
            cut(_listed([PurePath(name).name or name for name in run.files]), _FILES),
            cut(_listed(run.pods), _PODS),
            cut(result_of(run), _RESULT),
        )
        for run in runs
    ]
    return table(RUN_COLUMNS, rows)


def run_data(run: RunShown) -> dict[str, Any]:
    """One run, for programs."""
    return {
        "run": run.id,
        "began": None if run.began is None else format_micro_time(run.began),
        "ended": None if run.ended is None else format_micro_time(run.ended),
        "isRunning": run.is_open,
        "files": list(run.files),
        "pods": list(run.pods),
        "exitCode": run.exit_code,
        "message": run.message,
        "result": result_of(run),
        "bytes": run.size,
    }


def result_of(run: RunShown) -> str:
    """How a run ended, in a word or two."""
    if run.is_open:
        return "running"
    if run.ended is None:
        return "killed"
    if run.exit_code is None:
        return "ended"
    return _DONE.get(run.exit_code, f"exit {run.exit_code}")


def _lasted(run: RunShown, now: datetime) -> str:
    end = now if run.is_open else run.ended
    return "-" if run.began is None or end is None else seconds((end - run.began).total_seconds())


def _listed(names: Sequence[str]) -> str:
    return "-" if not names else names[0] if len(names) == 1 else f"{names[0]} +{len(names) - 1}"


def attempt_rows(found: Iterable[Attempt]) -> str:
    """``podrunner attempts``."""
    return table(ATTEMPT_COLUMNS, [_cells(one) for one in found])


def _cells(one: Attempt) -> tuple[str, ...]:
    pulled = one.spent(Doing.PULLING)
    return (
        cut(one.container, 24),
        str(one.number),
        cut(waited_for(one), 30),
        seconds(pulled) if pulled else "-",
        ran(one),
        "-" if one.exit_code is None else str(one.exit_code),
        cut(reason_of(one), _REASON),
    )


def ran(one: Attempt) -> str:
    """How long an attempt ran."""
    return "-" if one.ran is None else seconds(one.ran)


def reason_of(one: Attempt) -> str:
    """Why it ended, or what it does."""
    if one.is_running:
        return "Running"
    return "OOMKilled" if one.is_oom else one.reason or ("-" if one.exit_code is None else "Completed")


def waited_for(one: Attempt) -> str:
    """The longest thing that it waited for, after how long it waited in all."""
    waits = [part for part in one.stretches if part.doing in (Doing.WAITING, Doing.BACK_OFF)]
    total = sum(part.seconds for part in waits)
    if not waits:
        return "-"
    longest = max(waits, key=lambda part: part.seconds)
    what = awaited(longest)
    return f"{seconds(total)} ({what})" if what else seconds(total)


def awaited(part: Stretch) -> str:
    """What a stretch of waiting was for: a container, a back-off, or the kubelet's word for it."""
    if part.awaited:
        return part.awaited
    if part.doing is Doing.BACK_OFF:
        return "back-off" if part.reason == "CrashLoopBackOff" else part.reason
    return {"PodInitializing": "creation", "ContainerCreating": "sandbox"}.get(part.reason, part.reason)


def attempt_data(record: PodRecord, one: Attempt) -> dict[str, Any]:
    """One attempt, for programs; instants are RFC 3339, lengths are seconds."""

    def instant(at: float | None) -> str | None:
        return None if at is None else format_micro_time(later(record.began_at, at))

    return {
        "container": one.container,
        "attempt": one.number,
        "isInit": one.is_init,
        "containerID": one.container_id,
        "image": one.image,
        "imageID": one.image_id,
        "began": instant(one.began),
        "created": instant(one.created),
        "started": instant(one.started),
        "finished": instant(one.finished),
        "ranSeconds": one.ran,
        "pullSeconds": one.spent(Doing.PULLING),
        "backOffSeconds": one.spent(Doing.BACK_OFF),
        "isRunning": one.is_running,
        "exitCode": one.exit_code,
        "signal": one.signal,
        "reason": one.reason,
        "message": one.message,
        "oomKilled": one.is_oom,
        "stretches": [
            {
                "doing": str(part.doing),
                "from": instant(part.begin),
                "to": instant(part.end),
                "seconds": round(part.seconds, 6),
                "reason": part.reason,
                "message": part.message,
                "awaited": part.awaited,
            }
            for part in one.stretches
        ],
        "marks": [{"time": instant(mark.at), "kind": mark.kind, "text": mark.text} for mark in one.marks],
    }


def head(record: PodRecord) -> dict[str, Any]:
    """Which record it is, for programs."""
    return {"namespace": record.namespace, "pod": record.name, "uid": record.uid, "run": record.run}


def seconds(length: float) -> str:
    """A length of time in at most three digits or so: ``41ms``, ``1.3s``, ``2m5s``."""
    digits = 3 if length < 1 else 1 if length < 100 else 0
    return format_duration(round(length, digits))


def cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Columns below their header."""
    lines = [header, *rows]
    return table_writer().format("".join("\t".join(cell.replace("\t", " ") for cell in line) + "\n" for line in lines))
