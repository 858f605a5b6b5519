"""Content negotiation: in which media type a body is, and in which shape the answer is wanted.

Mirrors k8s.io/apiserver/pkg/endpoints/handlers/negotiation/negotiate.go. The answers are JSON, whatever else a client
prefers: all that prefer protobuf take JSON as well.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from runner.core.apimachinery.discovery import AGGREGATED
from runner.core.apimachinery.statuses import not_acceptable, unsupported_media_type

JSON: Final = "application/json"
YAML: Final = "application/yaml"
PROTOBUF: Final = "application/vnd.kubernetes.protobuf"
BODY_TYPES: Final = (JSON, YAML, PROTOBUF)
"""What bodies may be in, as the server lists it."""
ANSWER_TYPES: Final = BODY_TYPES
_META: Final = "meta.k8s.io"
_CONVERTED: Final = ("Table", "PartialObjectMetadata", "PartialObjectMetadataList")
_DISCOVERY: Final = "APIGroupDiscoveryList"


class Clause(Struct, frozen=True):
    """One of the media types of an Accept header, with its parameters in small letters."""

    kind: str
    subkind: str
    quality: float
    parameters: dict[str, str]


class Answer(Struct, frozen=True):
    """How to answer: ``shape`` is "" (the object itself), Table, PartialObjectMetadata or PartialObjectMetadataList."""

    shape: str = ""
    version: str = ""

    @property
    def content_type(self) -> str:
        """The Content-Type of the answer."""
        return JSON


def clauses(accept: str) -> list[Clause]:
    """The media types of an Accept header, those first that the client likes best; of equals those that say more."""
    found = [clause for clause in map(_clause, accept.split(",")) if clause is not None]
    return sorted(found, key=lambda one: (-one.quality, one.kind == "*", one.subkind == "*"))


def _clause(text: str) -> Clause | None:
    media, *rest = (part.strip() for part in text.split(";"))
    kind, slash, subkind = media.lower().partition("/")
    if not kind or (not slash and kind != "*"):
        return None
    parameters = {}
    for one in rest:
        key, _, value = one.partition("=")
        parameters[key.strip().lower()] = value.strip().strip('"')
    try:
        quality = float(parameters.pop("q", "1"))
    except ValueError:
        quality = 1.0
    return Clause(kind, subkind or "*", quality, parameters)


def negotiate(accept: str, *, is_collection: bool = False) -> Answer:
    """How to answer a request for a resource. Raises StatusError (406).

    A media type with parameters that cannot be met is passed over: the next one counts.
    """
    if not accept.strip():
        return Answer()
    for clause in clauses(accept):
        if clause.quality <= 0 or not _is_ours(clause):
            continue
        shape = clause.parameters.get("as", "")
        if not shape:
            return Answer()
        is_known = shape in _CONVERTED and clause.parameters.get("g") == _META
        if is_known and clause.parameters.get("v") in ("v1", "v1beta1"):
            if shape != "Table" and is_collection == (shape == "PartialObjectMetadata"):
                continue
            return Answer(shape, clause.parameters["v"])
    raise not_acceptable(ANSWER_TYPES)


def _is_ours(clause: Clause) -> bool:
    return f"{clause.kind}/{clause.subkind}" in (JSON, "application/*", "*/*")


def discovery_version(accept: str) -> str:
    """The version of aggregated discovery that is wanted; "" when the older documents are."""
    for clause in clauses(accept):
        wants = clause.parameters.get("as") == _DISCOVERY and clause.parameters.get("g") == "apidiscovery.k8s.io"
        if wants and clause.parameters.get("v") in AGGREGATED and _is_ours(clause):
            return clause.parameters["v"]
        if not clause.parameters.get("as") and _is_ours(clause):
            return ""
    return ""


def discovery_type(version: str) -> str:
    """The Content-Type of a discovery document of a version ("" for the older ones)."""
    return f"{JSON};g=apidiscovery.k8s.io;v={version};as={_DISCOVERY}" if version else JSON


def body_type(content_type: str, allowed: Sequence[str] = BODY_TYPES) -> str:
    """The media type of a body; one that says nothing is JSON. Raises StatusError (415)."""
    kind = content_type.partition(";")[0].strip().lower() or JSON
    if kind not in allowed:
        raise unsupported_media_type(allowed)
    return kind
