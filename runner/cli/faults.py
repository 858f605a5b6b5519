"""Faults as options of commands."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from runner.cli.options import option
from runner.errors import UsageError

if TYPE_CHECKING:
    from runner.cli.app import App
    from runner.core.faults.model import Fault

F = TypeVar("F", bound=Callable[..., Any])


def fault_options(group: str = "") -> Callable[[F], F]:
    """``--fault`` and ``--faults``."""

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
        return one(several(function))

    return decorate


def faults_of(app: App, flags: dict[str, Any]) -> tuple[Fault, ...]:
    """The faults that a command line asks for, those of files first. Raises UsageError."""
    texts, files = flags["fault"], flags["faults"]
    if not texts and not files:
        return ()
    from runner.core.faults.files import faults_of as read
    from runner.core.faults.files import parse_faults

    found = [fault for path in files for fault in parse_faults(_text(app, path), path)]
    return (*found, *read(texts))


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
