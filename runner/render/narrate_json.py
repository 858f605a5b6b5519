"""Narration for programs: one JSON object a line, never coloured."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from runner.core.narration import (
    AttemptEnding,
    AttemptStarted,
    EventRecorded,
    FaultInjected,
    Gone,
    LogLine,
    LogLines,
    Narration,
    Notice,
    PodRef,
    PullEnded,
    Pulling,
    RetryScheduled,
    StatusChanged,
    Stood,
    VolumesChanged,
)
from runner.core.text.times import format_micro_time
from runner.render.logs import LogPrinter
from runner.render.streams import Output
from runner.render.tables import ready_word, status_word


class JsonNarrator:
    """Prints objects with ``type``: status, event, retry, pull, pulled, started, notice, gone or note.

    Lines of containers are objects too, ``log``, wherever logs go; they tell which attempt wrote them.
    """

    def __init__(self, err: Output, logs: LogPrinter) -> None:
        self._err = err
        self._logs = logs

    def __call__(self, narration: Narration) -> None:
        if isinstance(narration, LogLine | LogLines):
            for line in narration.lines if isinstance(narration, LogLines) else (narration,):
                self._logs.out.exact(json_line(log_message(line)) + "\n")
            return
        value = message(narration)
        if value is not None:
            self._print(value)

    def note(self, text: str) -> None:
        """Print a line of our own."""
        self._print({"type": "note", "text": text})

    def close(self) -> None:
        """Nothing is held."""

    def _print(self, value: dict[str, Any]) -> None:
        self._err.exact(json_line(value) + "\n")


def json_line(value: Mapping[str, Any]) -> str:
    """An object as one line."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def log_message(line: LogLine) -> dict[str, Any]:
    """A line of a container; ``bytes`` has it in base64 where it is no UTF-8.

    ``continues``: it goes on with the line before; ``unended``: no newline came after it.
    """
    value = _object("log", line.ref, None, container=line.container, attempt=line.attempt, stream=line.stream)
    value |= {"timestamp": line.timestamp, "text": line.data.decode("utf-8", "replace")}
    value |= {} if line.is_start else {"continues": True}
    value |= {} if line.has_end else {"unended": True}
    try:
        line.data.decode()
    except UnicodeDecodeError:
        value["bytes"] = base64.b64encode(line.data).decode()
    return value


def message(narration: Narration) -> dict[str, Any] | None:
    """One narration as a JSON object; None for what only listeners inside the process need."""
    match narration:
        case StatusChanged():
            phase = (narration.pod.get("status") or {}).get("phase")
            word, ready = status_word(narration.pod), ready_word(narration.pod)
            return _object("status", narration.ref, narration.at, status=word, ready=ready, phase=phase)
        case EventRecorded():
            return _object("event", narration.ref, narration.at, event=dict(narration.event))
        case RetryScheduled():
            after = narration.next_attempt_at
            moment = format_micro_time(after) if after else None
            texts = {"container": narration.container, "text": narration.text, "note": narration.note}
            return _object("retry", narration.ref, narration.at, **texts, nextAttempt=moment)
        case Pulling():
            step = narration.progress
            texts = {"container": narration.container, "image": narration.image, "layer": step.layer}
            return _object(
                "pull", narration.ref, None, **texts, status=step.status, current=step.current, total=step.total
            )
        case PullEnded():
            return _object("pulled", narration.ref, None, container=narration.container, image=narration.image)
        case AttemptStarted():
            texts = {"container": narration.container, "containerID": narration.container_id}
            return _object("started", narration.ref, narration.at, **texts, attempt=narration.attempt)
        case Notice():
            return _object("notice", narration.ref, narration.at, text=narration.text)
        case Gone():
            return _object("gone", narration.ref, narration.at)
        case LogLine() | LogLines() | AttemptEnding() | VolumesChanged() | FaultInjected() | Stood():
            # A fault is an event too.
            return None


def _object(kind: str, ref: PodRef, at: datetime | None, **fields: Any) -> dict[str, Any]:
    value: dict[str, Any] = {"type": kind}
    if at is not None:
        value["time"] = format_micro_time(at)
    about = {"pod": ref.name} if ref.kind == "Pod" else {"kind": ref.kind, "name": ref.name}
    return {**value, "namespace": ref.namespace, **about, "uid": ref.uid, **fields}
