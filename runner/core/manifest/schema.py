"""The field tables of Kubernetes v1.37 kinds, read once from the data file that tools/make_schema.py generates."""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from functools import cache
from typing import Any, NamedTuple

from msgspec import Struct


class Field(NamedTuple):
    """One field: type code (see tools/make_schema.py), flags, and what decode errors need to know."""

    code: str
    required: bool
    pointer: bool
    always: bool
    go_name: str
    embedded: str
    list_keys: str


class Schema(Struct, frozen=True):
    """Kinds ("apiVersion/Kind" to type name), all kinds known upstream by version, and the raw type tables.

    ``served``: kinds like ``kinds``, of which no manifests are loaded.
    """

    version: str
    kinds: Mapping[str, str]
    known: Mapping[str, list[str]]
    types: Mapping[str, Mapping[str, list[str]]]
    served: Mapping[str, str]


@cache
def load_schema() -> Schema:
    """Return the schema; reading it takes about a millisecond and happens once."""
    import pkgutil  # lighter than importlib.resources, and only needed here

    packed = pkgutil.get_data(__package__ or "", "schema.bin")
    assert packed is not None
    data: dict[str, Any] = json.loads(zlib.decompress(packed))
    return Schema(data["version"], data["kinds"], data["known"], data["types"], data["served"])


@cache
def fields_of(name: str) -> Mapping[str, Field]:
    """Return the fields of a type by its name without package ("Container")."""
    table: dict[str, Field] = {}
    for key, entry in load_schema().types[name].items():
        code, flags, go_name, embedded, list_keys = (*entry, "", "", "", "")[:5]
        table[key] = Field(code, "r" in flags, "p" in flags, "a" in flags, go_name, embedded, list_keys)
    return table
