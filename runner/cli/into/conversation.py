"""A user at one end, a process in a container at the other: bytes both ways, a raw terminal, its size, the exit code."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from runner.errors import EngineError

if TYPE_CHECKING:
    from types import FrameType

    from runner.api.types import Session
    from runner.cli.app import App

_PIECE = 65536


def converse(app: App, session: Session, *, tty: bool, redraws: bool = False, listens: bool = True) -> int:
    """Pass on what comes until the process' output has ended. Returns its exit code. Raises EngineError.

    ``redraws``: the process ran before, so it is told of a size that changes. ``listens``: standard input is passed on.
    """
    with _raw(app) if tty else _as_it_is(), _sized(app, session, redraws=redraws) if tty else _as_it_is():
        if listens:
            threading.Thread(target=_listen, args=(app, session), name="stdin", daemon=True).start()
        try:
            while (found := session.frame())[1]:
                stream, data = found
                (app.err if stream == "stderr" else app.out).put_bytes(data)
            return session.exit_code()
        finally:
            session.close()


def _listen(app: App, session: Session) -> None:
    """Standard input, piece by piece: the next is read when the last was taken."""
    with suppress(EngineError, OSError, ValueError):
        while data := _read(app):
            session.write(data)
        session.end_input()


def _read(app: App) -> bytes:
    try:
        place = app.stdin.fileno()
    except (OSError, ValueError):
        return app.stdin.read(_PIECE).encode()
    return os.read(place, _PIECE)


@contextmanager
def _as_it_is() -> Iterator[None]:
    yield


@contextmanager
def _raw(app: App) -> Iterator[None]:
    """The terminal passes every key on as it is; afterwards it is as it was."""
    if not app.stdin.isatty():
        yield
        return
    import termios
    import tty

    place = app.stdin.fileno()
    before = termios.tcgetattr(place)
    with _guarded(place) as guard:
        try:
            tty.setraw(place)
            guard()
            yield
        finally:
            termios.tcsetattr(place, termios.TCSADRAIN, before)


_GUARD = (
    "trap '' INT QUIT TERM HUP TTOU TTIN PIPE; read -r _; raw=$(stty -g <&1); "
    'read -r word; [ "$word" = right ] || [ "$(stty -g <&1)" != "$raw" ] || stty "$1" <&1'
)
"""A shell that outlives this process: when that was killed, and the terminal is still raw, it is put right."""


@contextmanager
def _guarded(place: int) -> Iterator[Callable[[], None]]:
    """Have somebody put the terminal right should this process be killed. To be called when it has become raw."""
    try:
        before = subprocess.run(["stty", "-g"], stdin=place, capture_output=True, text=True, check=False).stdout.strip()
        guard = subprocess.Popen(
            ["/bin/sh", "-c", _GUARD, "guard", before], stdin=subprocess.PIPE, stdout=place, stderr=subprocess.DEVNULL
        )
    except OSError:  # No shell: the terminal is right again in any end but that.
        yield lambda: None
        return

    def tell(word: bytes) -> None:
        assert guard.stdin is not None
        with suppress(OSError):
            guard.stdin.write(word + b"\n")
            guard.stdin.flush()

    try:
        yield lambda: tell(b"raw")
    finally:
        tell(b"right")
        guard.communicate()


@contextmanager
def _sized(app: App, session: Session, *, redraws: bool) -> Iterator[None]:
    """The process' terminal is as large as the user's, from now on too."""
    if not app.stdout.isatty() or threading.current_thread() is not threading.main_thread():
        yield
        return

    def tell(more: int = 0) -> None:
        with suppress(EngineError, OSError):
            columns, rows = os.get_terminal_size(app.stdout.fileno())
            session.resize(columns + more, rows + more)

    def changed(_number: int, _frame: FrameType | None) -> None:
        threading.Thread(target=tell, name="resize", daemon=True).start()

    before = _handle(changed)
    try:
        if redraws:
            tell(1)
        tell()
        yield
    finally:
        _handle(before)


def _handle(handler: Callable[[int, FrameType | None], None] | object) -> object:
    if sys.platform == "win32":
        return None
    return signal.signal(signal.SIGWINCH, handler)  # type: ignore[arg-type]
