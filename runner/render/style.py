"""Colours as ANSI sequences, or none at all. The escape character itself comes when an ``Output`` writes them."""

from __future__ import annotations

import zlib

from runner.core.text.escaping import MARK

_PALETTE = ("36", "33", "32", "35", "34", "96", "93", "92", "95", "94")
"""Colours of containers; red is left for what went wrong."""


class Paint:
    """Colours text when ``enabled``."""

    def __init__(self, enabled: bool) -> None:
        self.enabled = enabled

    def __call__(self, text: str, codes: str) -> str:
        return f"{MARK}[{codes}m{text}{MARK}[0m" if self.enabled and text else text

    def dim(self, text: str) -> str:
        return self(text, "2")

    def bold(self, text: str) -> str:
        return self(text, "1")

    def red(self, text: str) -> str:
        return self(text, "31")

    def green(self, text: str) -> str:
        return self(text, "32")

    def yellow(self, text: str) -> str:
        return self(text, "33")

    def cyan(self, text: str) -> str:
        return self(text, "36")

    def container(self, text: str, name: str, *, is_init: bool) -> str:
        """The same colour for the same container name in every run; init containers dimmed."""
        colour = _PALETTE[zlib.crc32(name.encode()) % len(_PALETTE)]
        return self(text, f"2;{colour}" if is_init else colour)
