"""The file that a fileKeyRef reads: ``NAME='value'`` lines, a strict part of the shell's syntax. Mirrors pkg/kubelet/util/env.

Values stand in single quotes and may span lines; what follows the closing quote must be blank or a comment.
"""

from __future__ import annotations

import re

_NAME = re.compile(r"[^\s=#'][^\s=']*")
_BLANKS = re.compile(r"[ \t]*")
_REST_OF_LINE = re.compile(r"[ \t]*(?:#[^\n]*)?(?:\r?\n|\Z)")
_LINE = re.compile(r"[^\n]*(?:\n|\Z)")


class EnvFileError(ValueError):
    """The text is not in the syntax of environment files; the message tells the line."""


def env_file_value(text: str, key: str) -> str:
    """The value of a variable, its first one when it stands there twice; "" when it has none. Raises EnvFileError.

    What comes after the variable is not looked at.
    """
    place = 0
    while place < len(text):
        blank = _REST_OF_LINE.match(text, place)
        if blank:
            place = blank.end()
            continue
        name, value, place = _assignment(text, place)
        if name == key:
            return value
    return ""


def _assignment(text: str, place: int) -> tuple[str, str, int]:
    """Name, value and where the next line begins."""
    line = text.count("\n", 0, place) + 1
    start = _BLANKS.match(text, place)
    name = _NAME.match(text, start.end() if start else place)
    if name is None:
        raise EnvFileError(f"line {line}: a variable's name is missing")
    equals = name.end()
    if text[equals : equals + 1] != "=":
        raise EnvFileError(f"line {line}: the name must be followed by '='")
    follows = text[equals + 1 : equals + 2]
    if follows in ("", " ", "\t", "\r", "\n"):
        rest = _LINE.match(text, equals + 1)
        return name.group(), "", rest.end() if rest else len(text)
    if follows != "'":
        raise EnvFileError(f"line {line}: the value must stand in single quotes")
    end = text.find("'", equals + 2)
    if end < 0:
        raise EnvFileError(f"line {line}: the closing quote is missing")
    after = _REST_OF_LINE.match(text, end + 1)
    if after is None:
        raise EnvFileError(f"line {line}: something follows the closing quote")
    return name.group(), text[equals + 2 : end], after.end()
