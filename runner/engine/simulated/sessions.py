"""Commands that a user talks to, in a simulated container: what the script says they print, and how they end."""

from __future__ import annotations

from collections.abc import Sequence

from runner.engine.protocol import EngineState
from runner.engine.simulated.container import SimulatedContainer
from runner.engine.simulated.script import ExecStep
from runner.errors import CommandNotStarted, EngineConflict, EngineError, EngineRefusal, EngineUnavailable


def nobody(container: SimulatedContainer, command: Sequence[str]) -> EngineError:
    """Why a command cannot be talked to: nothing runs here, or not even the container does."""
    if container.state is EngineState.RUNNING:
        return EngineRefusal(f"a simulated Engine cannot talk to {' '.join(command)}")
    return EngineConflict(f"Container {container.id} is not running")


def session_of(
    container: SimulatedContainer, command: Sequence[str] | None, *, tty: bool, stdin: bool
) -> SimulatedSession:
    """Begin what the script says of a command. Raises EngineConflict when the container does not run."""
    if command is None or container.state is not EngineState.RUNNING:
        raise nobody(container, command or ("the container's own process",))
    return SimulatedSession(container.script.exec(tuple(command)), is_terminal=tty, is_heard=stdin)


class SimulatedSession:
    """A command whose output is known; one that echoes gives back what it is told, until its input ends."""

    def __init__(self, step: ExecStep, *, is_terminal: bool, is_heard: bool) -> None:
        self._is_heard = is_heard
        self._step = step
        self._is_terminal = is_terminal
        self._left = [] if step.start_error else [("stdout", step.output), ("stderr", step.errors)]
        self._closed = False
        self._errors = b""
        self.size = (0, 0)

    @property
    def errors(self) -> bytes:
        return self._errors

    def frame(self) -> tuple[str, bytes]:
        """Some output; on a terminal there is one stream. Raises CommandNotStarted."""
        if self._step.start_error:
            raise CommandNotStarted(self._step.start_error, code=self._step.exit_code or 127)
        while self._left and not self._closed:
            stream, data = self._left.pop(0)
            if data:
                return ("stdout" if self._is_terminal else stream), data
        return "stdout", b""

    def read(self, size: int) -> bytes:
        """Standard output alone."""
        while (found := self.frame())[1]:
            stream, data = found
            if stream == "stderr":
                self._errors += data
                continue
            if data[size:]:
                self._left.insert(0, (stream, data[size:]))
            return data[:size]
        return b""

    def write(self, data: bytes) -> None:
        """Tell the command something; one that echoes says it again. Raises EngineUnavailable when it is closed."""
        if self._closed:
            raise EngineUnavailable("the session is closed")
        if self._step.echoes and self._is_heard:
            self._left.append(("stdout", data))

    def end_input(self) -> None:
        """Nothing waits for the end of its input."""

    def resize(self, columns: int, rows: int) -> None:
        self.size = (columns, rows)

    def exit_code(self) -> int:
        return self._step.exit_code

    def close(self) -> None:
        self._closed = True
