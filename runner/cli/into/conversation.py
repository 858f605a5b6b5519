"""A user at one end, a process in a container at the other: bytes both ways, a raw terminal, its size, the exit code."""

from __future__ import annotations

import os
import signal
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


def converse(app: App, session: Session, *, tty: bool, redraws: bool = False) -> int:
    """Pass on what comes until the process' output has ended. Returns its exit code. Raises EngineError.

    ``redraws``: the process ran before, so it is told of a size that changes.
    """
    with _raw(app) if tty else _as_it_is(), _sized(app, session, redraws=redraws) if tty else _as_it_is():
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
    try:
        tty.setraw(place)
        yield
    finally:
        termios.tcsetattr(place, termios.TCSADRAIN, before)


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
