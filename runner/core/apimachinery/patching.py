"""A PATCH request's body applied to the stored object: three kinds of patches, read strictly or not.

Mirrors k8s.io/apiserver/pkg/endpoints/handlers/patch.go.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from msgspec import Struct

from runner.core.apimachinery.decoding import Decoded, decode, restore, type_of
from runner.core.apimachinery.gojson import JsonFault, compact, parse, parse_object, printed
from runner.core.apimachinery.jsonpatch import apply_operations, check_operations
from runner.core.apimachinery.mergepatch import merge
from runner.core.apimachinery.statuses import StatusError, bad_request, failed, invalid, unsupported_media_type
from runner.core.apimachinery.strategicpatch import apply_strategic
from runner.core.manifest.paths import FieldPath
from runner.core.manifest.validation.errors import Errors
from runner.core.model import Json

JSON_PATCH: Final = "application/json-patch+json"
MERGE_PATCH: Final = "application/merge-patch+json"
STRATEGIC_PATCH: Final = "application/strategic-merge-patch+json"
PATCH_TYPES: Final = (JSON_PATCH, MERGE_PATCH, STRATEGIC_PATCH)
"""The media types that a patch may have, as a server lists them."""


class Patched(Struct, frozen=True):
    """The object after a patch, decoded, without defaults; ``warnings`` for the client, of what was not strict."""

    value: dict[str, Any]
    warnings: tuple[str, ...] = ()


def patch(current: Json, media_type: str, body: bytes, *, validation: str = "Strict") -> Patched:
    """Apply a patch to an object with its kind and apiVersion. Raises StatusError.

    ``media_type`` may have parameters. ``validation``: fieldValidation: Strict, Warn or Ignore.
    """
    kind = media_type.partition(";")[0].strip().lower()
    is_strict = validation != "Ignore"
    if kind == STRATEGIC_PATCH:
        decoded, told, shown = _strategic(current, body)
    elif kind in (JSON_PATCH, MERGE_PATCH):
        decoded, told, shown = (_operations if kind == JSON_PATCH else _merged)(current, body, is_strict=is_strict)
    else:
        raise unsupported_media_type(PATCH_TYPES)
    if decoded.fault:
        raise _refused(shown, decoded.fault)
    told = [*told, *decoded.unknown] if is_strict else []
    if told and validation != "Warn":
        raise _refused(shown, f"strict decoding error: {', '.join(told)}")
    return Patched(decoded.value, tuple(told))


def _refused(shown: str, why: str) -> StatusError:
    errors = Errors()
    errors.invalid(FieldPath().child("patch"), shown, why)
    return invalid("", "", "", errors.items)


def _strategic(current: Json, body: bytes) -> tuple[Decoded, Sequence[str], str]:
    try:
        change, told = parse_object(body)
    except JsonFault as fault:
        raise bad_request(str(fault)) from fault
    name = type_of(current["apiVersion"], current["kind"])
    decoded = restore(apply_strategic(current, change, name), name)
    head = {"kind": current["kind"], "apiVersion": current["apiVersion"]}
    return Decoded({**decoded.value, **head}, decoded.fault, decoded.unknown), told, printed(change)


def _merged(current: Json, body: bytes, *, is_strict: bool) -> tuple[Decoded, Sequence[str], str]:
    try:
        change, told = parse_object(body)
    except JsonFault as fault:
        raise bad_request(f"error decoding patch: {fault}" if is_strict else "Invalid JSON Patch") from fault
    if body.strip() == b"null":
        raise bad_request("Invalid JSON Patch")
    return _as_json(current, merge(current, change), told)


def _operations(current: Json, body: bytes, *, is_strict: bool) -> tuple[Decoded, Sequence[str], str]:
    try:
        change, told = parse(body)
    except JsonFault as fault:
        raise bad_request(f"error decoding patch: {fault}" if is_strict else str(fault)) from fault
    told = [f"json patch {sentence}" for sentence in told]
    told += check_operations(change)
    return _as_json(current, apply_operations(current, change), told)


def _as_json(current: Json, document: Any, told: Sequence[str]) -> tuple[Decoded, Sequence[str], str]:
    """A patched document as the server reads it again."""
    name, kind, version = type_of(current["apiVersion"], current["kind"]), current["kind"], current["apiVersion"]
    if not isinstance(document, dict):
        raise failed(f"couldn't get version/kind; json parse error: {_NO_STRUCT.format(_kind(document))}")
    shown = "{" + ",".join(f"{compact(key)}:{_nested(document[key])}" for key in sorted(document)) + "}"
    decoded = decode({**document, "kind": kind, "apiVersion": version}, name)
    found = str(document.get("kind") or kind), str(document.get("apiVersion") or version)
    if found != (kind, version):
        raise bad_request(f"unable to decode {found[1]}, Kind={found[0]} into *{version}.{kind}")
    return decoded, told, shown


_NO_STRUCT: Final = "json: cannot unmarshal {} into Go value of type struct"


def _kind(document: Any) -> str:
    return "array" if isinstance(document, list) else "null"


def _nested(value: Any) -> str:
    """A part of the document that stands as it was written."""
    import json

    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
