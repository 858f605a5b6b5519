"""Ctrl-C before anything was begun: while modules load, arguments are read, manifests are checked. One line, and the end.

An exception would do for that if it were never raised where it is swallowed or printed with all its frames: in the midst
of an import. Imports next to nothing itself.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found] # what signal adds takes longer to load
import os

INTERRUPTED = 130


def leave(_number: int, _frame: object) -> None:
    """The handler: nothing has to be put in order yet, or any more."""
    os.write(2, b"interrupted\n")
    os._exit(INTERRUPTED)


def watch() -> None:
    """From now on an interrupt ends the process at once, unless its caller wants them ignored."""
    if _signal.getsignal(_signal.SIGINT) is _signal.default_int_handler:
        _signal.signal(_signal.SIGINT, leave)


def unwatch() -> None:
    """From now on an interrupt is a KeyboardInterrupt again: there are things to put in order."""
    if _signal.getsignal(_signal.SIGINT) is leave:
        _signal.signal(_signal.SIGINT, _signal.default_int_handler)
