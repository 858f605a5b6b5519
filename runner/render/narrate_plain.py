"""Narration as plain lines: ``TIME  POD  TYPE  REASON  container: message``, one as soon as something happens."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from datetime import datetime, tzinfo

from runner.core.events import container_of
from runner.core.model import Json
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
    PullEnded,
    Pulling,
    RetryScheduled,
    StatusChanged,
    Stood,
    VolumesChanged,
)
from runner.core.reasons import EventReason
from runner.render.logs import LogPrinter
from runner.render.streams import Output
from runner.render.style import Paint
from runner.render.tables import ready_word, status_word

_KIND_WIDTH = len("Warning")
_TIME_WIDTH = len("12:00:00  ")
_CRASH_LOOP = "Back-off restarting failed container "
_GOOD = frozenset({"Running", "Completed"})
_BAD = ("Err", "Error", "BackOff", "Invalid", "OOMKilled", "ExitCode", "Signal", "Deadline", "Evicted", "NeverPull")


class PlainNarrator:
    """Prints lines; ``zone`` None is the local time zone."""

    def __init__(
        self, err: Output, paint: Paint, logs: LogPrinter, *, verbose: bool = False, zone: tzinfo | None = None
    ) -> None:
        self._err = err
        self._paint = paint
        self._logs = logs
        self._verbose = verbose
        self._zone = zone
        self._lock = threading.RLock()
        self._shown: dict[str, str] = {}
        self._retries: dict[tuple[str, str], RetryScheduled] = {}
        self._noted: set[tuple[str, str]] = set()
        self._pod_width = 0
        self._reason_width = len("Scheduled")

    def __call__(self, narration: Narration) -> None:
        if isinstance(narration, LogLine | LogLines):
            # Without the lock: no other thread waits for the reader of the logs.
            self._log(narration.lines if isinstance(narration, LogLines) else (narration,))
            return
        with self._lock:
            self._show(narration)

    def note(self, text: str) -> None:
        """Print a line of our own."""
        with self._lock:
            self._print(self._paint.bold(text))

    def close(self) -> None:
        """Nothing is held."""

    def _show(self, narration: Narration) -> None:
        match narration:
            case EventRecorded():
                self._event(narration)
            case StatusChanged():
                self._status(narration)
            case RetryScheduled():
                self._retry(narration)
            case AttemptStarted():
                if self._verbose or narration.attempt:
                    text = f"attempt {narration.attempt} started as {narration.container_id[:12]}"
                    self._row(narration.at, narration.ref.name, "Attempt", narration.container, text)
            case Notice():
                self._row(narration.at, narration.ref.label, "Notice", "", narration.text)
            case Gone():
                self._row(narration.at, narration.ref.name, "Gone", "", "nothing of the pod is left in the Engine")
            case Pulling() | PullEnded():
                self._pull(narration)
            case (
                AttemptEnding() | LogLine() | LogLines() | VolumesChanged() | FaultInjected() | Stood()
            ):  # A fault is an event too.
                pass

    def _log(self, lines: Sequence[LogLine]) -> None:
        self._logs.lines(lines)

    def _pull(self, narration: Pulling | PullEnded) -> None:
        """A pull's start and end are events already."""

    def _event(self, narration: EventRecorded) -> None:
        event, kind = narration.event, str(narration.event.get("type") or "")
        container = container_of(event)
        if str(event.get("message") or "").startswith(_CRASH_LOOP) and not self._verbose:
            return  # The retry that follows says the same, and when.
        text = str(event.get("message") or "").strip()
        count = event.get("count") or 1
        if count > 1 and event.get("reason") == EventReason.DEADLINE_EXCEEDED:
            return  # It is said with every status until the pod is over; once is enough to know.
        message = (f"{container}: " if container else "") + text + (f" (x{count})" if count > 1 else "")
        self._row(narration.at, narration.ref.label, kind, str(event.get("reason") or ""), message)

    def _status(self, narration: StatusChanged) -> None:
        word = status_text(narration.pod)
        before = self._shown.get(narration.ref.uid)
        if word == before:
            return
        self._shown[narration.ref.uid] = word
        text = self._paint(word, f"1;{_status_colour(word)}")
        self._row(narration.at, narration.ref.name, "Status", "", text if before is None else f"{before} → {text}")

    def _retry(self, narration: RetryScheduled) -> None:
        """A retry is told once, however often it is looked at while it waits; its note once a pod and container."""
        key = (narration.ref.uid, narration.container)
        before = self._retries.get(key)
        if before is not None and before.text == narration.text and before.next_attempt_at == narration.next_attempt_at:
            return
        self._retries[key] = narration
        text, after = narration.text, narration.next_attempt_at
        if after is not None:
            text += f"; next attempt {'at ' + self._clock(after) if after > narration.at else 'now'}"
        if narration.note and (key not in self._noted or self._verbose):
            self._noted.add(key)
            text += f" ({narration.note})"
        self._row(narration.at, narration.ref.name, "Retry", "", text)

    def _row(self, at: datetime, pod: str, kind: str, reason: str, message: str) -> None:
        owner = self._owner(pod)
        self._pod_width = max(self._pod_width, len(owner))
        if message and reason:
            self._reason_width = max(self._reason_width, len(reason))
            reason = f"{reason:<{self._reason_width}}  "
        time, padded = self._clock(at), f"{kind:<{_KIND_WIDTH}}"
        where = f"{owner:<{self._pod_width}}  " if owner else ""
        indent = len(f"{time}  {where}{padded}  {reason}")
        shown = self._paint.yellow(padded) if kind in ("Warning", "Retry") else padded
        first, *rest = self._wrapped(message, indent)
        self._print(f"{self._paint.dim(time)}  {where}{shown}  {reason}{first}".rstrip())
        for part in rest:
            self._print(part)

    def _owner(self, pod: str) -> str:
        """How a pod is named in its lines."""
        return pod

    def _wrapped(self, message: str, indent: int) -> list[str]:  # noqa: ARG002 - a terminal's columns need it
        """The lines of a message, the first without its indentation."""
        first, *rest = message.split("\n")
        return [first, *(f"{'':<{_TIME_WIDTH}}{part}" for part in rest)]

    def _clock(self, at: datetime) -> str:
        return at.astimezone(self._zone).strftime("%H:%M:%S")

    def _print(self, text: str) -> None:
        self._err.line(text)


def status_text(pod: Json) -> str:
    """The STATUS word, with the READY count for a running pod."""
    word = status_word(pod)
    return f"{word} ({ready_word(pod)} ready)" if word == "Running" else word


def _status_colour(text: str) -> str:
    word = text.partition(" ")[0]
    if word in _GOOD:
        return "32"
    return "31" if any(part in word for part in _BAD) else "36"
