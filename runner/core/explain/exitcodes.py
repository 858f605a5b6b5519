"""What the exit code of a container means: the one place that knows."""

from __future__ import annotations

from runner.core.reasons import TerminatedReason

SIGNALS = {
    1: "SIGHUP", 2: "SIGINT", 3: "SIGQUIT", 4: "SIGILL", 6: "SIGABRT", 7: "SIGBUS", 8: "SIGFPE", 9: "SIGKILL",
    11: "SIGSEGV", 13: "SIGPIPE", 14: "SIGALRM", 15: "SIGTERM",
}  # fmt: skip
"""Linux' numbers of the signals that end programs."""
_SIGNAL_BASE = 128
CRASHES = frozenset({"SIGQUIT", "SIGILL", "SIGABRT", "SIGBUS", "SIGFPE", "SIGSEGV"})
"""Signals that a program brings upon itself."""

_MEANINGS = {
    126: "the command was found, but cannot be executed",
    127: "a command was not found",
    137: "killed by SIGKILL",
    139: "crashed with SIGSEGV: it used memory that it may not use",
}


def signal_of(code: int) -> str:
    """The signal that an exit code tells of, "" for none; shells and container runtimes add 128 to its number."""
    return SIGNALS.get(code - _SIGNAL_BASE, "")


def exit_meaning(code: int, reason: str, limit: str = "") -> str:
    """What an exit code and the runtime's reason mean, "" where the code is the program's own business.

    ``limit`` is the container's memory limit as the manifest has it.
    """
    if reason == TerminatedReason.OOM_KILLED:
        return f"needed more memory than its limit{f' of {limit}' if limit else ''}"
    if code in _MEANINGS:
        return _MEANINGS[code]
    signal = signal_of(code)
    return f"ended by {signal}" if signal else ""
