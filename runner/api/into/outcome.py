"""A command in a container that is run to its end, and how it ended."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from runner.api.settings import Seconds, seconds_of
from runner.errors import UsageError, WaitTimeout

if TYPE_CHECKING:
    from runner.engine.protocol import Engine

OUTPUT_LIMIT = 64 * 2**20
"""Bytes that are kept of a command's output."""


class ExecOutcome(NamedTuple):
    """How a command in a container ended; the streams as text."""

    exit_code: int
    stdout: str
    stderr: str


def outcome_of(
    engine: Engine, find: Callable[[], str], name: str, command: Sequence[str], timeout: Seconds
) -> ExecOutcome:
    """Run a command in a container, whose id ``find`` tells and which errors call ``name``.

    Raises UsageError for a text and when the command cannot be started, WaitTimeout when it takes too long, EngineError.
    """
    __tracebackhide__ = True
    from runner.engine.protocol import ExecTimeout

    if isinstance(command, (str, bytes)) or not command:
        shell = f', such as ["sh", "-c", {command!r}]' if command else ""
        raise UsageError(f"a command is a list of words{shell}, not {command!r}")
    limit = seconds_of(timeout)
    try:
        done = engine.exec(find(), list(command), timeout=limit, limit=OUTPUT_LIMIT)
    except ExecTimeout as problem:
        raise WaitTimeout(f"{' '.join(command)!r} in container {name}: {problem}") from problem
    if not done.started:
        text = done.output.decode("utf-8", "replace").strip()
        raise UsageError(f"{' '.join(command)!r} cannot be started in container {name}: {text}")
    return ExecOutcome(done.exit_code, done.stdout.decode("utf-8", "replace"), done.stderr.decode("utf-8", "replace"))
