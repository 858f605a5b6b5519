"""Faults as options of commands."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import click

from runner.cli.options import is_given, option
from runner.core.capture.names import FAULTS
from runner.errors import UsageError

if TYPE_CHECKING:
    from runner.cli.app import App
    from runner.core.faults.model import Fault
    from runner.core.model import RetryScope

F = TypeVar("F", bound=Callable[..., Any])


def fault_options(group: str = "") -> Callable[[F], F]:
    """``--fault``, ``--faults`` and ``--same-failures``."""

    def decorate(function: F) -> F:
        one = option(
            "--fault",
            multiple=True,
            metavar="[POD/]TARGET[#N[-M]][@WHEN]:KIND[=ARG]",
            group=group,
            help="Let something go wrong on purpose: migrate#0-1:exit=3, image/app*#0:not-found. See the page on faults.",
        )
        several = option(
            "--faults",
            multiple=True,
            metavar="FILE",
            type=click.Path(),
            group=group,
            help="The same from a YAML list; - is standard input.",
        )
        same = option(
            "--same-failures",
            is_flag=True,
            group=group,
            help="Of captures: fail as they were seen to fail, and retry as they were retried.",
        )
        return one(several(same(function)))

    return decorate


def faults_of(app: App, flags: dict[str, Any], paths: Sequence[str]) -> tuple[Fault, ...]:
    """The faults that a command line asks for, those of captures among ``paths`` and of files first. Raises UsageError."""
    texts, files = flags["fault"], flags["faults"]
    captures = _captures(paths) if flags["same_failures"] else []
    if not texts and not files and not captures:
        return ()
    from runner.api.captures import faults_text
    from runner.core.faults.files import faults_of as read
    from runner.core.faults.files import parse_faults

    found = [fault for path in captures for fault in parse_faults(faults_text(path), f"{path}:{FAULTS}")]
    found += [fault for path in files for fault in parse_faults(_text(app, path), path)]
    return (*found, *read(texts))


def retry_of(flags: dict[str, Any], paths: Sequence[str]) -> RetryScope:
    """What runs again when a container fails: as the command line says, else as the captures were retried."""
    from runner.core.model import RetryScope

    chosen = RetryScope(flags["retry"])
    if not flags["same_failures"] or is_given("retry"):
        return chosen
    from runner.api.captures import about

    return next((told.retry for told in map(about, _captures(paths)) if told.retry), chosen)


def _captures(paths: Sequence[str]) -> list[str]:
    """The captures among paths; without one there are no failures to repeat. Raises UsageError."""
    from runner.api.captures import is_capture

    found = [path for path in paths if is_capture(path)]
    if not found:
        raise UsageError("--same-failures needs a capture", hint="podrunner import makes one of what kubectl prints")
    return found


def _text(app: App, path: str) -> str:
    if path == "-":
        return app.stdin.read()
    try:
        with click.open_file(path, encoding="utf-8") as file:
            return str(file.read())
    except FileNotFoundError:
        raise UsageError(f'the path "{path}" does not exist') from None
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f'cannot read "{path}": {error}') from error
