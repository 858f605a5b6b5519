"""Log lines of several containers in one stream: a padded, coloured name before each line, or kubectl's forms."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence

from runner.core.narration import LogLine
from runner.core.text.escaping import for_terminal
from runner.render.streams import Output
from runner.render.style import Paint


class LogPrinter:
    """Prints ``name | line``; ``names`` sets the width from the start, longer names widen it when they appear."""

    def __init__(self, out: Output, paint: Paint, *, names: Iterable[str] = (), with_pod: bool = False) -> None:
        self._out = out
        self._paint = paint
        self._with_pod = with_pod
        self._width = max((len(name) for name in names), default=0)
        self._lock = threading.RLock()
        self._unfinished: tuple[str, str, int, str] | None = None

    @property
    def out(self) -> Output:
        return self._out

    @property
    def with_pod(self) -> bool:
        """Whether the pod's name is needed to tell lines apart."""
        return self._with_pod

    def prefix(self, line: LogLine) -> str:
        """What stands before the line."""
        name = f"{line.ref.name}/{line.container}" if self._with_pod else line.container
        with self._lock:
            self._width = max(self._width, len(name))
            padded = f"{name:<{self._width}} |"
        return self._paint.container(padded, line.container, is_init=line.is_init) + " "

    def lines(self, lines: Sequence[LogLine]) -> None:
        """Print lines of one container; its bytes are passed on as they are.

        On a terminal a carriage return within a line is followed by the prefix again, which it would overwrite.
        """
        prefix = for_terminal(self.prefix(lines[0])).encode("utf-8", "replace")
        cut = self._out.is_terminal
        with self._lock:
            text = b"".join(self._printed(line, prefix, cut=cut) for line in lines)
            self._out.put_bytes(text)

    def _printed(self, line: LogLine, prefix: bytes, *, cut: bool) -> bytes:
        data = _unfolded(line.data, prefix) if cut else line.data
        source = (line.ref.uid, line.container, line.attempt, line.stream)
        if line.is_start and line.has_end and self._unfinished is None:
            return prefix + data + b"\n"
        # A part of a very long line: what comes between its parts begins on a line of its own.
        goes_on = self._unfinished == source and not line.is_start
        before = b"" if goes_on else prefix if self._unfinished is None else b"\n" + prefix
        self._unfinished = None if line.has_end else source
        return before + data + (b"\n" if line.has_end else b"")


def marked(line: LogLine, prefix: bytes, *, is_cut: bool) -> bytes:
    """A line after its prefix, and with its newline if it had one; ``is_cut``: it is for a terminal."""
    data = _unfolded(line.data, prefix) if is_cut else line.data
    return prefix + data + (b"\n" if line.has_end else b"")


def _unfolded(data: bytes, prefix: bytes) -> bytes:
    """With the prefix again after each carriage return, which takes a terminal to the beginning of the line."""
    return data.rstrip(b"\r").replace(b"\r", b"\r" + prefix) if b"\r" in data else data


def kubectl_prefix(line: LogLine, *, prefix: bool, timestamps: bool, attempt: bool = False) -> str:
    """What ``kubectl logs`` puts before a line: ``[pod/NAME/CONTAINER] `` and the Engine's timestamp.

    ``attempt``: with its number, which kubectl does not know.
    """
    number = f"#{line.attempt}" if attempt else ""
    place = f"[pod/{line.ref.name}/{line.container}{number}] " if prefix else ""
    return f"{place}{line.timestamp} " if timestamps else place
