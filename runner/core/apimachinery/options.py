"""The options of requests, from their query or body, checked in the server's words.

Mirrors k8s.io/apimachinery/pkg/apis/meta/internalversion/validation, pkg/apis/meta/v1/validation and the conversions of
query values.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from msgspec import Struct

from runner.core.apimachinery.decoding import Decoded
from runner.core.apimachinery.fieldselectors import Term, parse_fields
from runner.core.apimachinery.labelselectors import parse_labels
from runner.core.apimachinery.statuses import StatusError, bad_request, conflict, invalid
from runner.core.manifest.paths import FieldPath
from runner.core.manifest.validation.errors import Errors, Named
from runner.core.model import Json
from runner.core.selectors import Selector, labels_of, matches
from runner.core.text.gotext import quote

Query = Mapping[str, Sequence[str]]
"""A query: each key with its values, in their order."""

_META: Final = "meta.k8s.io"
_NOT_OLDER: Final = "NotOlderThan"
_POLICIES: Final = ("Foreground", "Background", "Orphan")
_INTEGER: Final = re.compile(r"[+-]?[0-9]+")
_LONGEST_MANAGER: Final = 128


class ListOptions(Struct, frozen=True, kw_only=True):
    """What is listed or watched; seconds None: without end."""

    labels: Selector = ()
    fields: tuple[Term, ...] = ()
    is_watch: bool = False
    bookmarks: bool = False
    resource_version: str = ""
    match: str = ""
    initial_events: bool | None = None
    limit: int = 0
    token: str = ""
    timeout: int | None = None

    def selects(self, value: Json) -> bool:
        """Whether an object is one of those that are asked for."""
        return matches(self.labels, labels_of(value)) and all(term.matches(value) for term in self.fields)


class WriteOptions(Struct, frozen=True, kw_only=True):
    """How an object is created, updated or patched; ``validation``: Strict, Warn or Ignore."""

    is_dry: bool = False
    manager: str = ""
    validation: str = "Strict"


class DeleteOptions(Struct, frozen=True, kw_only=True):
    """How an object is deleted; ``grace`` in seconds, None: its own. ``uid`` and ``resource_version``: what it must have."""

    is_dry: bool = False
    grace: int | None = None
    policy: str = ""
    uid: str = ""
    resource_version: str = ""


def list_options(query: Query, kind: str) -> ListOptions:
    """Read the query of a list or a watch. Raises StatusError (400, 422)."""
    initial = query.get("sendInitialEvents")
    options = ListOptions(
        labels=parse_labels(_text(query, "labelSelector")),
        fields=parse_fields(_text(query, "fieldSelector"), kind),
        is_watch=_flag(query, "watch"),
        bookmarks=_flag(query, "allowWatchBookmarks"),
        resource_version=_text(query, "resourceVersion"),
        match=_text(query, "resourceVersionMatch"),
        initial_events=None if initial is None else _flag(query, "sendInitialEvents"),
        limit=max(_number(query, "limit") or 0, 0),
        token=_text(query, "continue"),
        timeout=_number(query, "timeoutSeconds"),
    )
    errors = Errors()
    (_check_watch if options.is_watch else _check_list)(errors, options)
    if errors.items:
        raise invalid("ListOptions", _META, "", errors.items)
    _version(options.resource_version)
    return options


def _version(text: str) -> None:
    if text and not (text.isascii() and text.isdecimal()):
        errors = Errors()
        problem = f"strconv.ParseUint: parsing {quote(text)}: invalid syntax"
        errors.invalid(FieldPath().child("resourceVersion"), text, problem)
        raise invalid("", "", "", errors.items)


def _check_list(errors: Errors, options: ListOptions) -> None:
    path = FieldPath().child("resourceVersionMatch")
    if options.match:
        if not options.resource_version:
            errors.forbidden(path, "resourceVersionMatch is forbidden unless resourceVersion is provided")
        if options.token:
            errors.forbidden(path, "resourceVersionMatch is forbidden when continue is provided")
        if options.match not in ("Exact", _NOT_OLDER):
            errors.not_supported(path, options.match, ("Exact", _NOT_OLDER, ""))
        if options.match == "Exact" and options.resource_version == "0":
            errors.forbidden(path, 'resourceVersionMatch "exact" is forbidden for resourceVersion "0"')
    if options.initial_events is not None:
        errors.forbidden(FieldPath().child("sendInitialEvents"), "sendInitialEvents is forbidden for list")


def _check_watch(errors: Errors, options: ListOptions) -> None:
    path = FieldPath().child("resourceVersionMatch")
    if options.initial_events is not None and options.match != _NOT_OLDER:
        errors.forbidden(path, f"sendInitialEvents requires setting resourceVersionMatch to {_NOT_OLDER}")
    if options.match:
        if options.initial_events is None:
            errors.forbidden(path, "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided")
        if options.match != _NOT_OLDER:
            errors.not_supported(path, options.match, (_NOT_OLDER,))
        if options.token:
            errors.forbidden(path, "resourceVersionMatch is forbidden when continue is provided")


def write_options(query: Query, *, verb: str) -> WriteOptions:
    """Read the query of a create, update or patch. Raises StatusError (422)."""
    errors = Errors()
    if verb == "patch" and "force" in query:
        errors.forbidden(FieldPath().child("force"), "may not be specified for non-apply patch")
    manager, validation = _text(query, "fieldManager"), _text(query, "fieldValidation")
    path = FieldPath().child("fieldManager")
    if len(manager.encode()) > _LONGEST_MANAGER:
        errors.too_long(path, _LONGEST_MANAGER)
    for place, character in enumerate(manager):
        if not character.isprintable():
            code = f"U+{ord(character):04X}"
            errors.invalid(path, manager, f"invalid character {code} (at position {place})")
    dry = _dry_run(errors, query.get("dryRun", ()))
    if validation not in ("", "Ignore", "Warn", "Strict"):
        supported = ("", "Ignore", "Strict", "Warn")
        errors.not_supported(FieldPath().child("fieldValidation"), validation, supported)
    if errors.items:
        raise invalid(f"{verb.capitalize()}Options", _META, "", errors.items)
    return WriteOptions(is_dry=dry, manager=manager, validation=validation or "Warn")


def _dry_run(errors: Errors, values: Iterable[str]) -> bool:
    given = list(values)
    if any(value != "All" for value in given):
        errors.not_supported(FieldPath().child("dryRun"), given, ("All",))
    return bool(given)


def delete_options(query: Query, body: Json | None) -> DeleteOptions:
    """Read the options of a deletion: of its body, a DeleteOptions, or of its query when it has none. Raises StatusError."""
    given = body or _from_query(query)
    kind = given.get("kind")
    if kind not in (None, "", "DeleteOptions"):
        raise bad_request(f"expected DeleteOptions, got {kind}")
    conditions = given.get("preconditions") or {}
    grace, policy = given.get("gracePeriodSeconds"), given.get("propagationPolicy")
    if not isinstance(conditions, Mapping) or not isinstance(grace, int | None) or isinstance(grace, bool):
        raise bad_request("the DeleteOptions cannot be read: gracePeriodSeconds is a number, preconditions an object")
    errors = Errors()
    if given.get("orphanDependents") is not None and policy is not None:
        text = "orphanDependents and deletionPropagation cannot be both set"
        errors.invalid(FieldPath().child("propagationPolicy"), Named(policy), text)
    if policy is not None and policy not in _POLICIES:
        errors.not_supported(FieldPath().child("propagationPolicy"), policy, (*_POLICIES, "nil"))
    dry = _dry_run(errors, given.get("dryRun") or ())
    if errors.items:
        raise invalid("DeleteOptions", _META, "", errors.items)
    if grace is not None and grace < 0:
        grace = 1  # as the server has it for the sake of old clients
    uid, version = str(conditions.get("uid") or ""), str(conditions.get("resourceVersion") or "")
    return DeleteOptions(is_dry=dry, grace=grace, policy=policy or "", uid=uid, resource_version=version)


def _from_query(query: Query) -> dict[str, Any]:
    found: dict[str, Any] = {"dryRun": list(query.get("dryRun", ()))}
    if "gracePeriodSeconds" in query:
        found["gracePeriodSeconds"] = _number(query, "gracePeriodSeconds")
    if "propagationPolicy" in query:
        found["propagationPolicy"] = _text(query, "propagationPolicy")
    if "orphanDependents" in query:
        found["orphanDependents"] = _flag(query, "orphanDependents")
    return found


def check_preconditions(options: DeleteOptions, stored: Json, plural: str, group: str) -> None:
    """See that an object is the one that is to be deleted. Raises StatusError (409)."""
    metadata = stored["metadata"]
    for wanted, key, name in (
        (options.uid, "uid", "UID"),
        (options.resource_version, "resourceVersion", "ResourceVersion"),
    ):
        if wanted and wanted != metadata.get(key):
            text = f"Precondition failed: {name} in precondition: {wanted}, {name} in object meta: {metadata.get(key)}"
            raise conflict(plural, group, str(metadata.get("name")), text)


def read_strictly(decoded: Decoded, kind: str, version: str, validation: str, told: Sequence[str] = ()) -> list[str]:
    """The warnings that a decoded body is answered with. Raises StatusError (400) when it cannot be read, or not strictly.

    ``version`` without its group; ``told``: what reading the text has found (fields that come twice).
    """
    head = f'{kind} in version "{version}" cannot be handled as a {kind}: '
    if decoded.fault:
        raise bad_request(head + decoded.fault)
    found = [*told, *decoded.unknown] if validation != "Ignore" else []
    if found and validation == "Strict":
        raise _unreadable(head, found)
    return found


def _unreadable(head: str, found: Sequence[str]) -> StatusError:
    return bad_request(f"{head}strict decoding error: {', '.join(found[:100])}")


def _text(query: Query, key: str) -> str:
    values = query.get(key, ())
    return values[0] if values else ""


def _flag(query: Query, key: str) -> bool:
    """Only "false", "0" and no value at all are false."""
    values = query.get(key, ())
    return bool(values) and values[0].lower() not in ("false", "0")


def _number(query: Query, key: str) -> int | None:
    if key not in query:
        return None
    text = _text(query, key)
    if not _INTEGER.fullmatch(text):
        raise bad_request(f"strconv.ParseInt: parsing {quote(text)}: invalid syntax")
    if not -(2**63) <= int(text) < 2**63:
        raise bad_request(f"strconv.ParseInt: parsing {quote(text)}: value out of range")
    return int(text)
