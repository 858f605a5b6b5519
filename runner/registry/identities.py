"""The random parts of names and the UIDs that an API server draws."""

from __future__ import annotations

import uuid

_LETTERS = "bcdfghjklmnpqrstvwxz2456789"


def new_uid() -> str:
    """A UID that nothing else has."""
    return str(uuid.uuid4())


def new_suffix() -> str:
    """Five characters for the end of a generated name."""
    number = uuid.uuid4().int
    return "".join(_LETTERS[(number >> 8 * place) % len(_LETTERS)] for place in range(5))


class RandomIdentities:
    """Both, for makers of objects."""

    def uid(self) -> str:
        return new_uid()

    def suffix(self) -> str:
        return new_suffix()
