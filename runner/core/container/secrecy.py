"""Which values of a container's environment come from Secrets, and texts without them.

The Engine repeats what it was given: in the inspection of a container, and in the message about a process that it could not
start. Whatever becomes part of an event, a status or a file passes through here first.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct

from runner.core.model import Container, Json
from runner.core.objects import ConfigError, Lookup, secret_data

REDACTED = "<redacted>"
LONG = 4
"""Characters from which on a value is found anywhere; a shorter one only where it stands alone, and where values may be."""
_OPEN_FIELDS = frozenset({"Env", "Cmd", "Entrypoint", "Args", "Path", "Error"})
"""Fields of an inspection that hold environment, command and what became of it."""

_TOLD_FIELDS = frozenset({"message", "note", "diff", "text"})
"""Fields that hold what a container, an Engine or a node has written."""
_LINE = 8
"""Characters from which on one line of a value is secret by itself."""


def telling_values(secret: Json) -> Iterator[str]:
    """The values of a Secret that are found in a text by themselves: whole, by their lines, and encoded."""
    try:
        data = secret_data(secret)
    except ConfigError:
        return
    for value in data.values():
        text = value.decode("utf-8", "surrogateescape")
        lines = [line for line in text.splitlines() if len(line) >= _LINE]
        forms = (text, text.strip(), *lines, base64.b64encode(value).decode())
        yield from (one for one in dict.fromkeys(forms) if len(one) >= LONG and len(value) >= LONG)


def secret_values(container: Container, lookup: Lookup) -> Iterator[str]:
    """The values that a container's environment takes from Secrets, as they are now; what cannot be had is left out."""
    for source in container.manifest.get("envFrom") or ():
        if "secretRef" in source:
            yield from _data(source["secretRef"], lookup).values()
    for entry in container.manifest.get("env") or ():
        reference = (entry.get("valueFrom") or {}).get("secretKeyRef")
        if reference:
            data = _data(reference, lookup)
            if reference.get("key") in data:
                yield data[reference["key"]]


def given_secrets(container: Container, environment: Iterable[str]) -> Iterator[str]:
    """The values that an instance was given, from its ``NAME=value`` entries; the Secrets themselves may be gone.

    Which keys a whole Secret had is not known then, so what comes from nowhere else counts as secret.
    """
    entries = {str(entry.get("name")): entry for entry in container.manifest.get("env") or ()}
    whole = [
        str(source.get("prefix") or "") for source in container.manifest.get("envFrom") or () if "secretRef" in source
    ]
    for given in environment:
        name, _, value = given.partition("=")
        entry = entries.get(name)
        if "secretKeyRef" in (entry.get("valueFrom") or {}) if entry is not None else name.startswith(tuple(whole)):
            yield value


def _data(reference: Mapping[str, Any], lookup: Lookup) -> Mapping[str, str]:
    found = lookup("Secret", str(reference.get("name") or ""))
    try:
        data = secret_data(found or {})
    except ConfigError:
        return {}
    return {key: value.decode("utf-8", "surrogateescape") for key, value in data.items()}


class Redaction(Struct, frozen=True):
    """Takes secret values out of texts."""

    values: frozenset[str]
    _everywhere: re.Pattern[str]
    _alone: re.Pattern[str]
    _bytes: re.Pattern[bytes]

    @classmethod
    def of(cls, values: Iterable[str]) -> Redaction:
        known = frozenset(value for value in values if value)
        # As they are, and as texts quote them; a value that contains another one goes first.
        forms = sorted({form for value in known for form in (value, json.dumps(value)[1:-1])}, key=len, reverse=True)
        long = [re.escape(form) for form in forms if len(form) >= LONG]
        short = [rf"(?<!\w){re.escape(form)}(?!\w)" for form in forms if len(form) < LONG]
        telling = [re.escape(form.encode("utf-8", "surrogateescape")) for form in forms if len(form) >= LONG]
        return cls(known, _any_of(long), _any_of([*long, *short]), re.compile(b"|".join(telling) or rb"(?!)"))

    def text(self, text: str) -> str:
        """The text with something else in place of every value."""
        return self._alone.sub(REDACTED, text)

    def output(self, data: bytes) -> bytes:
        """The same for output of a container, of which short values are a part anyhow."""
        return self._bytes.sub(REDACTED.encode(), data)

    def messages(self, value: Any, *, is_told: bool = False) -> Any:
        """The same for what was told of a pod: statuses, events, changes in volumes. What names something stays as it is."""
        match value:
            case str():
                return self._everywhere.sub(REDACTED, value) if is_told else value
            case Mapping():
                return {key: self.messages(part, is_told=key in _TOLD_FIELDS) for key, part in value.items()}
            case Sequence():
                return [self.messages(part, is_told=is_told) for part in value]
            case _:
                return value

    def inspection(self, value: Any, *, is_open: bool = False) -> Any:
        """The same for an Engine's JSON about a container."""
        match value:
            case str():
                return (self._alone if is_open else self._everywhere).sub(REDACTED, value)
            case Mapping():
                return {key: self.inspection(part, is_open=key in _OPEN_FIELDS) for key, part in value.items()}
            case Sequence():
                return [self.inspection(part, is_open=is_open) for part in value]
            case _:
                return value


def _any_of(patterns: Sequence[str]) -> re.Pattern[str]:
    return re.compile("|".join(patterns) or r"(?!)")
