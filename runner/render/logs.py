"""Log lines of several containers in one stream: a padded, coloured name before each line, or kubectl's forms."""

from __future__ import annotations

import threading
from collections.abc import Iterable

from runner.render.streams import Output
from runner.render.style import Paint
from runner.runtime.narration import LogLine


class LogPrinter:
    """Prints ``name | line``; ``names`` sets the width from the start, longer names widen it when they appear."""

    def __init__(self, out: Output, paint: Paint, *, names: Iterable[str] = (), with_pod: bool = False) -> None:
        self._out = out
        self._paint = paint
        self._with_pod = with_pod
        self._width = max((len(name) for name in names), default=0)
        self._lock = threading.Lock()

    @property
    def out(self) -> Output:
        return self._out

    def prefix(self, line: LogLine) -> str:
        """What stands before the line."""
        name = f"{line.ref.name}/{line.container}" if self._with_pod else line.container
        with self._lock:
            self._width = max(self._width, len(name))
            padded = f"{name:<{self._width}} |"
        return self._paint.container(padded, line.container, is_init=line.is_init) + " "

    def line(self, line: LogLine) -> None:
        """Print one line; the container's bytes are passed on as they are."""
        self._out.line_of_bytes(self.prefix(line), line.data)


def kubectl_prefix(line: LogLine, *, prefix: bool, timestamps: bool) -> str:
    """What ``kubectl logs`` puts before a line: ``[pod/NAME/CONTAINER] `` and the Engine's timestamp."""
    place = f"[pod/{line.ref.name}/{line.container}] " if prefix else ""
    return f"{place}{line.timestamp} " if timestamps else place
