"""Standard streams as values: whether they are terminals, whether they want colour, and what happens when a reader leaves."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping
from typing import TextIO

from runner.core.text.escaping import for_terminal

USUAL_COLUMNS = 80


class OutputClosed(Exception):
    """The reader of standard output is gone (``| head``): there is no point in going on."""


class Output:
    """A text stream that several threads write whole lines to.

    A closed pipe raises OutputClosed, or, when ``on_closed`` is set, calls that once and drops everything from then on.
    """

    def __init__(self, stream: TextIO, *, on_closed: Callable[[], None] | None = None) -> None:
        self.stream = stream
        self._on_closed = on_closed
        self._lock = threading.RLock()
        self._leaving = threading.Lock()
        self._closed = False

    def on_closed(self, callback: Callable[[], None] | None) -> None:
        """From now on have this called when the reader leaves; None: what is written then raises OutputClosed."""
        self._on_closed = callback

    @property
    def is_terminal(self) -> bool:
        try:
            return self.stream.isatty()
        except ValueError:
            return False

    @property
    def columns(self) -> int:
        """How wide a terminal is now; 80 for everything else."""
        try:
            return os.get_terminal_size(self.stream.fileno()).columns or USUAL_COLUMNS
        except (OSError, ValueError):  # No terminal, or a stream without a descriptor.
            return USUAL_COLUMNS

    @property
    def is_closed(self) -> bool:
        """Whether the reader is known to be gone."""
        return self._closed

    def line(self, text: str) -> None:
        """Write one line for people."""
        self.write(text + "\n")

    def write(self, text: str) -> None:
        """Write text for people, which ends with a newline; show what a terminal would obey, except our own colours."""
        self.exact(for_terminal(text))

    def exact(self, text: str) -> None:
        """Write text for programs as it is; replace characters that the stream's encoding lacks."""
        encoding = getattr(self.stream, "encoding", None) or "utf-8"
        self._put(text.encode(encoding, "replace").decode(encoding))

    def put_bytes(self, data: bytes) -> None:
        """Pass bytes on as they are."""
        if getattr(self.stream, "buffer", None) is None:
            self._put(data.decode("utf-8", "replace"))
        else:
            self._put(data)

    def reader_left(self) -> None:
        """Note that the reader of this stream is gone."""
        self._reader_is_gone(None)

    def _put(self, content: str | bytes) -> None:
        problem: Exception | None = None
        with self._lock:
            if self._closed:
                return
            try:
                self._write(content)
            except (BrokenPipeError, ValueError) as caught:
                if isinstance(caught, ValueError) and not self.stream.closed:
                    raise
                problem = caught
        if problem is not None:  # Told without the lock: the listener may hold others.
            self._reader_is_gone(problem)

    def _write(self, content: str | bytes) -> None:
        if isinstance(content, str):
            self.stream.write(content)
        else:
            self.stream.flush()
            self.stream.buffer.write(content)
        self.stream.flush()

    def _reader_is_gone(self, problem: Exception | None) -> None:
        with self._leaving:
            was_closed, self._closed = self._closed, True
        if was_closed:
            return
        if self._on_closed is not None:
            self._on_closed()
        elif problem is not None:
            raise OutputClosed from problem


def wants_colour(choice: str, environ: Mapping[str, str], *, is_terminal: bool) -> bool:
    """Decide on colour for one stream: the flag, then NO_COLOR, FORCE_COLOR, TERM=dumb, then whether it is a terminal."""
    if choice != "auto":
        return choice == "always"
    if environ.get("NO_COLOR"):
        return False
    if environ.get("FORCE_COLOR", "0") not in ("", "0"):
        return True
    return is_terminal and environ.get("TERM") != "dumb"
