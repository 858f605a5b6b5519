"""Both ways with a process in a container: what it reads, what it writes, the size of its terminal, and how it ended."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from functools import partial
from typing import Any, Final, Protocol

import requests
from docker.api import APIClient

from runner.clock import Wakeup
from runner.engine.docker.clients import Loan
from runner.engine.docker.duplex import UPGRADE, DockerExecStream
from runner.engine.docker.failures import CONNECTION_ERRORS, unavailable
from runner.engine.protocol import Wishes
from runner.errors import CommandNotStarted

_HEADER: Final = 8
_STDERR: Final = 2
_PIECE: Final = 65536
_REFUSAL: Final = b"OCI runtime"
"""So begins what the Engine says, in place of output, of a command that the runtime could not start."""
_NOT_THERE: Final = ("executable file not found", "no such file or directory")
_POLL_SECONDS: Final = 0.05


class Exit(Protocol):
    """How a command ended; ``started``: there was a process."""

    @property
    def code(self) -> int: ...

    @property
    def started(self) -> bool: ...


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
        refused: Callable[[], int] = int,
    ) -> None:
        """``refused`` tells the exit code of a command that could not be started, 0 for one that was."""
        super().__init__(response, loan, address)
        self._tty = tty
        self._resize = resize
        self._exit_code = exit_code
        self._is_error = False
        self._refused = refused
        self._is_begun = False

    def frame(self) -> tuple[str, bytes]:
        """Wait for the next piece of output, ``stdout`` or ``stderr``.

        Raises EngineUnavailable when the connection breaks, CommandNotStarted.
        """
        stream, data = self._next()
        if not self._is_begun:
            self._is_begun = True
            if data.startswith(_REFUSAL) and (code := self._refused()):
                while more := self._next()[1]:
                    data += more
                text = data.decode("utf-8", "replace").strip()
                # An Engine before 23.0 says 126 of everything.
                raise CommandNotStarted(text, code=127 if any(words in text for words in _NOT_THERE) else code)
        return stream, data

    def _next(self) -> tuple[str, bytes]:
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


class Sessions:
    """Opens sessions by an Engine's calls, and a request whose connection becomes the stream."""

    def __init__(
        self,
        address: str,
        call: Callable[[], AbstractContextManager[APIClient]],
        request: Callable[..., tuple[requests.Response, Loan]],
        url: Callable[[APIClient, str], str],
        exec_exit: Callable[[str], Exit | None],
    ) -> None:
        self._address = address
        self._call = call
        self._request = request
        self._url = url
        self._exec_exit = exec_exit

    def open(self, container_id: str, command: Sequence[str] | None, tty: bool, wishes: Wishes) -> DockerSession:
        """Two calls for a command, create and start; one to be there for the container's own process."""
        refused: Callable[[], int] = int
        code: Callable[[], int]
        if command is None:
            place = f"/containers/{container_id}"
            query = f"stream=1&stdin={int(wishes.stdin)}&stdout=1&stderr=1"
            opened = self._request("POST", f"{place}/attach?{query}", headers=dict(UPGRADE))
            code = partial(self._ended, container_id)
        else:
            with self._call() as client:
                made = client.exec_create(
                    container_id,
                    list(command),
                    stdin=wishes.stdin,
                    tty=tty,
                    user=wishes.user,
                    environment=list(wishes.env) or None,
                    workdir=wishes.working_dir or None,
                )
            exec_id = str(made["Id"])
            place, detail = f"/exec/{exec_id}", {"Detach": False, "Tty": tty}
            opened = self._request("POST", f"{place}/start", json=detail, headers=dict(UPGRADE))
            code, refused = partial(self._exec_ended, exec_id), partial(self._not_started, exec_id)
        resize = partial(self._resize, place)
        return DockerSession(*opened, self._address, tty=tty, resize=resize, exit_code=code, refused=refused)

    def _resize(self, place: str, columns: int, rows: int) -> None:
        with self._call() as client:
            response: Any = client.post(self._url(client, f"{place}/resize"), params={"w": columns, "h": rows})
            response.close()

    def _ended(self, container_id: str) -> int:
        with self._call() as client:
            return int(client.wait(container_id, timeout=None)["StatusCode"])

    def _exec_ended(self, exec_id: str) -> int:
        pause = Wakeup()
        while (outcome := self._exec_exit(exec_id)) is None:
            pause.wait(_POLL_SECONDS)
        return outcome.code

    def _not_started(self, exec_id: str) -> int:
        outcome = self._exec_exit(exec_id)
        return 0 if outcome is None or outcome.started else outcome.code
