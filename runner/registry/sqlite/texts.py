"""Records of the state database as text and as objects."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import msgspec

from runner.errors import StoreError
from runner.registry.contract import Object
from runner.registry.sqlite.database import REPAIR_HINT


def dump(value: object) -> str:
    """A value as text."""
    return json.dumps(value, separators=(",", ":"), default=_plain)


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} is not JSON")


def _read(text: Any) -> Any:
    """A value out of its text. Raises ValueError or TypeError.

    The quick reader knows no lone surrogates and no numbers beyond JSON; the other one decides about what it refuses.
    """
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, TypeError):
        return json.loads(text)


def load(text: Any) -> Object:
    """An object out of its text. Raises StoreError for what is none."""
    try:
        value: Any = _read(text)
    except (ValueError, TypeError) as error:
        raise StoreError(f"the state database holds a damaged record: {error}", hint=REPAIR_HINT) from error
    if not isinstance(value, dict) or not isinstance(value.get("metadata"), dict):
        raise StoreError("the state database holds a damaged record: it is no object", hint=REPAIR_HINT)
    return value


def load_status(text: Any) -> Any:
    """A status out of its text. Raises StoreError."""
    try:
        return _read(text)
    except (ValueError, TypeError) as error:
        raise StoreError(f"the state database holds a damaged status: {error}", hint=REPAIR_HINT) from error


def is_record(text: object, uid: object = None) -> bool:
    """Whether a record can be used: an object with a name, and the UID under which it stands, if it has to have one."""
    try:
        value = json.loads(text) if isinstance(text, str) else None
    except ValueError:
        return False
    metadata = value.get("metadata") if isinstance(value, dict) else None
    return isinstance(metadata, dict) and isinstance(metadata.get("name"), str) and uid in (None, metadata.get("uid"))
