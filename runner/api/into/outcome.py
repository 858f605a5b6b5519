"""A command in a container that is run to its end: what it reads, as whom, what it writes, and how it ended."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, BinaryIO, NamedTuple, TypeAlias, TypedDict

from runner.api.settings import Seconds, seconds_of
from runner.errors import CommandNotStarted, EngineError, UsageError, WaitTimeout

if TYPE_CHECKING:
    from runner.engine.protocol import Engine, Session

OUTPUT_LIMIT = 64 * 1024 * 1024
"""Bytes that are kept of a command's output."""
_PIECE = 65536

Input: TypeAlias = "str | bytes | BinaryIO | Iterable[bytes]"
"""What a command reads: a text, bytes, an open binary file, or pieces one after the other."""
Listener: TypeAlias = Callable[[str, bytes], None]
"""Is called with ``stdout`` or ``stderr`` and some of the output, as it comes."""


class ExecOutcome(NamedTuple):
    """How a command in a container ended; the streams as text."""

    exit_code: int
    stdout: str
    stderr: str


class CommandOptions(TypedDict, total=False):
    """How a command runs: what it reads, variables beside the container's, user (``name`` or ``uid:gid``) and folder.

    ``stream`` gets the output as it comes; then the outcome's texts are empty, and nothing of it is kept.
    """

    stdin: Input | None
    env: Mapping[str, str] | None
    user: str
    workdir: str
    stream: Listener | None


def outcome_of(
    engine: Engine,
    find: Callable[[], str],
    name: str,
    command: Sequence[str],
    timeout: Seconds,
    how: CommandOptions | None = None,
) -> ExecOutcome:
    """Run a command in a container, whose id ``find`` tells and which errors call ``name``.

    Raises UsageError for a text and when the command cannot be started, WaitTimeout when it takes too long, EngineError.
    """
    __tracebackhide__ = True
    from runner.engine.protocol import ExecTimeout

    if isinstance(command, (str, bytes)) or not command:
        shell = f', such as ["sh", "-c", {command!r}]' if command else ""
        raise UsageError(f"a command is a list of words{shell}, not {command!r}")
    given = any(part is not None for part in (how or {}).values())
    run = _talk if given else _listen
    try:
        code, output, errors = run(engine, find(), list(command), seconds_of(timeout), how or {})
    except ExecTimeout as problem:
        raise WaitTimeout(f"{' '.join(command)!r} in container {name}: {problem}") from problem
    except CommandNotStarted as problem:
        raise UsageError(f"{' '.join(command)!r} cannot be started in container {name}: {problem}") from problem
    return ExecOutcome(code, output.decode("utf-8", "replace"), errors.decode("utf-8", "replace"))


_Outcome = tuple[int, bytes, bytes]


def _listen(
    engine: Engine, container_id: str, command: list[str], timeout: float | None, _: CommandOptions
) -> _Outcome:
    done = engine.exec(container_id, command, timeout=timeout, limit=OUTPUT_LIMIT)
    if not done.started:
        raise CommandNotStarted(done.output.decode("utf-8", "replace").strip(), code=done.exit_code)
    return done.exit_code, done.stdout, done.stderr


def _talk(
    engine: Engine, container_id: str, command: list[str], timeout: float | None, how: CommandOptions
) -> _Outcome:
    from runner.engine.protocol import ExecTimeout, Wishes

    given = how.get("stdin")
    wishes = Wishes(
        stdin=given is not None,
        env=tuple(f"{name}={value}" for name, value in (how.get("env") or {}).items()),
        user=how.get("user") or "",
        working_dir=how.get("workdir") or "",
    )
    session = engine.session(container_id, command, tty=False, wishes=wishes)
    late = threading.Event()

    def give_up() -> None:
        late.set()
        session.close()

    timer = None if timeout is None else threading.Timer(timeout, give_up)
    try:
        if timer is not None:
            timer.start()
        if given is not None:
            threading.Thread(target=_feed, args=(session, given), name="stdin", daemon=True).start()
        kept = _heard(session, how.get("stream"))
        if late.is_set():
            raise ExecTimeout(f"the command was not over after {timeout:g} s")
        return session.exit_code(), bytes(kept["stdout"]), bytes(kept["stderr"])
    finally:
        if timer is not None:
            timer.cancel()
        session.close()


def _heard(session: Session, stream: Listener | None) -> dict[str, bytearray]:
    """The output to its end."""
    kept = {"stdout": bytearray(), "stderr": bytearray()}
    while (found := session.frame())[1]:
        name, data = found
        if stream is not None:
            stream(name, data)
        else:
            kept[name] += data[: max(0, OUTPUT_LIMIT - len(kept[name]))]
    return kept


def _feed(session: Session, given: Input | None) -> None:
    """Pass on what the command reads, piece by piece: the next when the last was taken."""
    with suppress(EngineError, OSError, ValueError):
        for piece in _pieces(given):
            session.write(piece)
        session.end_input()


def _pieces(given: Input | None) -> Iterable[bytes]:
    if isinstance(given, str):
        given = given.encode()
    if isinstance(given, bytes):
        return (given[at : at + _PIECE] for at in range(0, len(given), _PIECE))
    if given is None:
        return ()
    read = getattr(given, "read", None)
    return iter(lambda: read(_PIECE), b"") if read is not None else given
