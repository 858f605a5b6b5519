"""The signals of Linux, wherever this runs (signal(7), x86 and ARM)."""

from __future__ import annotations

from typing import Final

_NAMES: Final = (
    "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2", "PIPE", "ALRM", "TERM", "STKFLT",
    "CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG", "XCPU", "XFSZ", "VTALRM", "PROF", "WINCH", "IO", "PWR", "SYS",
)  # fmt: skip


def signal_of(text: str) -> str:
    """``9``, ``KILL``, ``kill`` and ``SIGKILL`` are one: ``KILL``. Returns "" for what is no signal."""
    if text.isascii() and text.isdecimal():
        number = int(text)
        return _NAMES[number - 1] if 1 <= number <= len(_NAMES) else ""
    name = text.upper().removeprefix("SIG")
    return name if name in _NAMES else ""
