"""Foreign text for people to read: shows the characters that a terminal would obey.

kubectl does so for escape and carriage return (cli-runtime, pkg/printers/terminal.go); the other control characters, which
some terminals obey too, are shown in the same way, and so are the characters that turn the direction of text.
"""

from __future__ import annotations

import re
from typing import Final

MARK: Final = "\udc1b"
"""Stands for the escape character in colours of our own; no text that can be encoded has it."""

_UNSAFE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
_COLOUR = re.compile(f"{MARK}(?=\\[[0-9;]*m)")


def escaped(text: str) -> str:
    """The text with its control characters made visible; newlines and tabs stay. Escape is ``^[``, as in kubectl."""
    return _UNSAFE.sub(_visible, text)


def for_terminal(text: str) -> str:
    """The same, with the colours of our own as a terminal takes them."""
    return _COLOUR.sub("\x1b", escaped(text))


def _visible(match: re.Match[str]) -> str:
    code = ord(match[0])
    if code == ord("\r"):
        return "\\r"
    if code <= 0x7F:
        return f"^{chr(code ^ 0x40)}"
    return f"\\x{code:02x}" if code <= 0xFF else f"\\u{code:04x}"
