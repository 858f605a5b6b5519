"""What kubectl prints of a cluster, read back: objects and Lists of them as YAML or JSON, ``kubectl cluster-info dump`` too."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from msgspec import Struct

from runner.core.manifest.yamltext import read_documents
from runner.core.model import Json
from runner.errors import UsageError

_LOGS: Final = re.compile(
    r"^==== START logs for container (?P<container>\S+) of pod (?P<namespace>[^/\s]+)/(?P<pod>\S+) ====\n(?P<log>.*?)"
    r"^==== END logs for container (?P=container) of pod (?P=namespace)/(?P=pod) ====\n?",
    re.MULTILINE | re.DOTALL,
)


class Dump(Struct, frozen=True, kw_only=True):
    """Objects in their order, Lists taken apart, and outputs by namespace, pod and container."""

    objects: tuple[Json, ...] = ()
    logs: Mapping[tuple[str, str, str], str] = {}


def read_dump(text: str, name: str) -> Dump:
    """Read what kubectl printed. Raises UsageError with file, line and column for what is neither YAML nor JSON."""
    logs = {(one["namespace"], one["pod"], one["container"]): one["log"] for one in _LOGS.finditer(text)}
    bare = _LOGS.sub("", text)
    values = list(_json_values(bare, name)) if bare.lstrip()[:1] in ("{", "[") else list(_yaml_values(bare, name))
    return Dump(objects=tuple(one for value in values for one in _objects(value)), logs=logs)


def _json_values(text: str, name: str) -> Iterator[Any]:
    """JSON values that follow each other, as ``kubectl cluster-info dump`` prints them."""
    decoder, at = json.JSONDecoder(), 0
    while (at := _after_blanks(text, at)) < len(text):
        try:
            value, at = decoder.raw_decode(text, at)
        except json.JSONDecodeError as error:
            raise UsageError(f"{name}:{error.lineno}:{error.colno}: this is no JSON: {error.msg}") from None
        yield value


def _after_blanks(text: str, at: int) -> int:
    while at < len(text) and text[at].isspace():
        at += 1
    return at


def _yaml_values(text: str, name: str) -> Iterator[Any]:
    for document in read_documents(text):
        for position, problem, _ in document.errors:
            raise UsageError(f"{name}:{position.line}:{position.column}: {problem}")
        yield None if document.root is None else document.root.plain()


def _objects(value: Any) -> Iterator[Json]:
    """The objects of a value; the kind of a List's items stands in the List where they have none."""
    if isinstance(value, list):
        for item in value:
            yield from _objects(item)
    elif isinstance(value, Mapping):
        kind = str(value.get("kind") or "")
        if kind.endswith("List") and isinstance(value.get("items"), list):
            of_items = {} if kind == "List" else {"apiVersion": value.get("apiVersion"), "kind": kind[: -len("List")]}
            for item in value["items"]:
                yield from _objects({**of_items, **item} if isinstance(item, Mapping) else item)
        elif kind:
            yield value
