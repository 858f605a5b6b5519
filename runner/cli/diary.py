"""The library's own log on standard error: warnings always, more when it is asked for."""

from __future__ import annotations

import logging

from runner.cli.app import App
from runner.render.streams import Output


def show_log(app: App, verbose: int = 0) -> None:
    """Show warnings; with ``verbose`` 1 what is done, with 2 every call to the Engine."""
    handler = logging.StreamHandler(_Lines(app.err))
    handler.setFormatter(logging.Formatter("%(name)s: %(message)s" if verbose else "warning: %(message)s"))
    logger = logging.getLogger("runner")
    for former in tuple(logger.handlers):
        logger.removeHandler(former)
    logger.addHandler(handler)
    logger.propagate = bool(verbose)
    logger.setLevel((logging.WARNING, logging.INFO, logging.DEBUG)[min(verbose, 2)])


class _Lines:
    """A stream for the logging module on top of an Output."""

    def __init__(self, output: Output) -> None:
        self.write = output.write

    def flush(self) -> None:
        """Every write is flushed already."""
