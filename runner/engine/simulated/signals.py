"""Signals by name and number, as Linux has them wherever the simulation runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

NUMBERS: Final[Mapping[str, int]] = {
    "SIGHUP": 1,
    "SIGINT": 2,
    "SIGQUIT": 3,
    "SIGKILL": 9,
    "SIGUSR1": 10,
    "SIGUSR2": 12,
    "SIGTERM": 15,
}
STOPPING: Final = frozenset({"SIGINT", "SIGQUIT", "SIGTERM"})
"""What a process that is told to stop may heed."""


def signal_name(signal: str) -> str:
    """``9``, ``KILL`` and ``SIGKILL`` are one."""
    if signal.isdigit():
        return next((name for name, number in NUMBERS.items() if number == int(signal)), signal)
    upper = signal.upper()
    return upper if upper.startswith("SIG") else f"SIG{upper}"
