"""Manifests in whatever form a program has them, as the texts that the loader reads.

A path, a text (anything with a line break in it), a dictionary, an object of the ``kubernetes`` client or of another
library that has ``to_dict()``, or several of them in a list.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from os import PathLike
from pathlib import Path
from typing import Any, Protocol, TypeAlias, runtime_checkable

from runner.api.sources import read_sources
from runner.core.manifest import Source
from runner.core.text.times import format_time
from runner.errors import UsageError


@runtime_checkable
class HasToDict(Protocol):
    """What turns itself into a v1 object."""

    def to_dict(self) -> Any: ...


Manifest: TypeAlias = "str | PathLike[str] | Mapping[str, Any] | HasToDict | Sequence[Manifest]"


def sources_of(manifests: Sequence[Manifest], folder: Path | None = None) -> list[Source]:
    """The texts of the manifests. Raises UsageError for what is none, or cannot be read.

    A relative path that is not below the working directory is looked for in ``folder``.
    """
    flat = enumerate(_flat(manifests), start=1)
    return [source for number, manifest in flat for source in _read(manifest, number, folder)]


def _flat(manifests: Sequence[Manifest]) -> Iterator[Manifest]:
    for manifest in manifests:
        if isinstance(manifest, Sequence) and not isinstance(manifest, str):
            yield from _flat(manifest)
        else:
            yield manifest


def _read(manifest: Manifest, number: int, folder: Path | None) -> list[Source]:
    name = f"<manifest {number}>"
    if isinstance(manifest, str) and "\n" in manifest:
        return [Source(name=name, text=manifest)]
    if isinstance(manifest, str | PathLike):
        return read_sources([_found(manifest, folder)], None)
    if not isinstance(manifest, Mapping | HasToDict):
        raise UsageError(f"{type(manifest).__name__} is no manifest", hint="give a path, a text, a dict or a v1 object")
    try:
        return [Source(name=name, text=json.dumps(_plain(manifest), indent=2))]
    except (TypeError, ValueError) as problem:
        raise UsageError(f"{name} cannot be written as JSON: {problem}") from problem


def _found(path: str | PathLike[str], folder: Path | None) -> str:
    place = Path(path)
    if folder is not None and not place.exists() and (folder / place).exists():
        return str(folder / place)
    return str(place)


def _plain(value: Any) -> Any:
    """A value as JSON has it; a client's model has Python's names for its fields, which it can translate itself."""
    names = getattr(value, "attribute_map", None)
    if isinstance(names, Mapping):
        fields = ((key, getattr(value, attribute)) for attribute, key in names.items())
        return {key: _plain(field) for key, field in fields if field is not None}
    if isinstance(value, Mapping):
        return {str(key): _plain(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    if isinstance(value, datetime):
        return format_time(value)
    if isinstance(value, HasToDict):
        return _plain(value.to_dict())
    return value
