"""The last lines that each attempt of a container wrote, for the end of a run."""

from __future__ import annotations

import threading
from collections import deque

from runner.core.narration import LogLine, LogLines, Narration

LINES = 5
"""Lines that are kept of an attempt."""
ATTEMPTS = 256
"""Attempts that are remembered; the oldest makes room."""

_Key = tuple[str, str, int]


class LogTail:
    """Remembers ends of logs. Called by several threads."""

    def __init__(self) -> None:
        self._ends: dict[_Key, deque[bytes]] = {}
        self._open: set[_Key] = set()
        self._lock = threading.Lock()

    def take(self, narration: Narration) -> None:
        """Take in what was narrated; all but log lines is passed over."""
        if isinstance(narration, LogLine | LogLines):
            with self._lock:
                for line in narration.lines[-LINES:] if isinstance(narration, LogLines) else (narration,):
                    self._line(line)

    def _line(self, line: LogLine) -> None:
        key = (line.ref.uid, line.container, line.attempt)
        end = self._ends.get(key)
        if end is None:
            if len(self._ends) >= ATTEMPTS:
                del self._ends[next(iter(self._ends))]
            end = self._ends[key] = deque(maxlen=LINES)
        if line.is_start or not end:
            end.append(line.data)
        else:
            end[-1] += line.data

    def of_pod(self, uid: str) -> dict[tuple[str, int], list[str]]:
        """The last lines of every attempt of a pod's containers."""
        with self._lock:
            keys = [key for key in self._ends if key[0] == uid]
        return {(container, attempt): self.lines(uid, container, attempt) for _, container, attempt in keys}

    def lines(self, uid: str, container: str, attempt: int) -> list[str]:
        """The last lines of an attempt, oldest first; none when it wrote nothing."""
        with self._lock:
            return [data.decode("utf-8", "replace").rstrip() for data in self._ends.get((uid, container, attempt), ())]
