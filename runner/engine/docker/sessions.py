"""Both ways with a process in a container: what it reads, what it writes, the size of its terminal, and how it ended."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import requests

from runner.engine.docker.clients import Loan
from runner.engine.docker.duplex import DockerExecStream
from runner.engine.docker.failures import CONNECTION_ERRORS, unavailable

_HEADER: Final = 8
_STDERR: Final = 2
_PIECE: Final = 65536


class DockerSession(DockerExecStream):
    """A process that was begun, or that ran; its own connection carries both ways."""

    def __init__(
        self,
        response: requests.Response,
        loan: Loan,
        address: str,
        *,
        tty: bool,
        resize: Callable[[int, int], None],
        exit_code: Callable[[], int],
    ) -> None:
        super().__init__(response, loan, address)
        self._tty = tty
        self._resize = resize
        self._exit_code = exit_code
        self._is_error = False

    def frame(self) -> tuple[str, bytes]:
        """Wait for the next piece of output, ``stdout`` or ``stderr``. Raises EngineUnavailable when the connection breaks."""
        try:
            if self._tty:
                return "stdout", bytes(self._reader.read1(_PIECE))
            while self._left == 0:
                header = self._reader.read(_HEADER)
                if len(header) < _HEADER:
                    return "stdout", b""
                self._is_error, self._left = header[0] == _STDERR, int.from_bytes(header[4:])
            piece = bytes(self._reader.read1(min(_PIECE, self._left)))
            self._left -= len(piece)
            return "stderr" if self._is_error else "stdout", piece
        except (*CONNECTION_ERRORS, ValueError, AttributeError) as problem:  # the last two: closed while it was read
            if self._closed:
                return "stdout", b""
            raise unavailable(self._address, problem) from problem

    def resize(self, columns: int, rows: int) -> None:
        """Tell the process' terminal how large it is."""
        self._resize(columns, rows)

    def exit_code(self) -> int:
        """How the process ended; to be asked once its output has ended. Raises EngineError."""
        return self._exit_code()
