"""Field selectors of requests: ``status.phase!=Running,metadata.name=web``; each kind has its own fields.

Mirrors k8s.io/apimachinery/pkg/fields/selector.go and, for what each kind has, pkg/apis/core/v1/conversion.go.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from msgspec import Struct

from runner.core.apimachinery.statuses import bad_request
from runner.core.model import Json
from runner.core.text.gotext import quote

_EVERY: Final = ("metadata.name", "metadata.namespace")
_INVOLVED: Final = ("kind", "namespace", "name", "uid", "apiVersion", "resourceVersion", "fieldPath")
_EVENT: Final = (*(f"involvedObject.{key}" for key in _INVOLVED), "reason", "reportingComponent", "source", "type")
_FIELDS: Final[Mapping[str, tuple[str, ...]]] = {
    "Pod": (
        "spec.nodeName",
        "spec.restartPolicy",
        "spec.schedulerName",
        "spec.serviceAccountName",
        "spec.hostNetwork",
        "status.phase",
        "status.podIP",
        "status.podIPs",
        "status.nominatedNodeName",
    ),
    "Event": _EVENT,
    "Secret": ("type",),
    "Namespace": ("status.phase",),
    "Service": ("spec.clusterIP", "spec.type"),
    "Node": ("spec.unschedulable",),
    "Job": ("status.successful",),
    "ReplicaSet": ("status.replicas",),
    "ReplicationController": ("status.replicas",),
}
_OWN_WORDS: Final = (
    "Pod",
    "Event",
    "Secret",
    "Namespace",
    "Service",
    "Node",
    "Job",
    "ReplicaSet",
    "ReplicationController",
)
_FALSE_UNLESS: Final = ("spec.hostNetwork", "spec.unschedulable")
_TERM: Final = re.compile(r"((?:\\.|[^\\,])*)(?:,|$)", re.DOTALL)
_SIGN: Final = re.compile(r"!=|==|=")
_ESCAPE: Final = re.compile(r"\\(.?)", re.DOTALL)


class Term(Struct, frozen=True):
    """One comparison with a field."""

    key: str
    value: str
    is_equal: bool = True

    def matches(self, value: Json) -> bool:
        """Whether an object meets it."""
        return (field_value(value, self.key) == self.value) is self.is_equal


def parse_fields(text: str, kind: str) -> tuple[Term, ...]:
    """Read a fieldSelector for objects of a kind. Raises StatusError (400)."""
    terms = [_term(text, part) for part in sorted(_split(text)) if part]
    known = (*_EVERY, *_FIELDS.get(kind, ()))
    for term in terms:
        if term.key not in known:
            if kind in _OWN_WORDS:
                raise bad_request(f"field label not supported: {term.key}")
            names = f'only "{_EVERY[0]}", "{_EVERY[1]}"'
            raise bad_request(f"{quote(term.key)} is not a known field selector: {names}")
    return tuple(terms)


def _split(text: str) -> list[str]:
    return [found[1] for found in _TERM.finditer(text)]


def _term(text: str, part: str) -> Term:
    sign = _SIGN.search(part)
    if sign is None:
        raise bad_request(f"invalid selector: '{text}'; can't understand '{part}'")
    value = part[sign.end() :]
    for escape in _ESCAPE.finditer(value):
        if escape[1] not in ("\\", ",", "=") or not escape[1]:
            raise bad_request(f"invalid field selector: invalid escape sequence: {escape[0]}")
    if "=" in re.sub(_ESCAPE, "", value):
        raise bad_request('invalid field selector: unescaped character in value: "="')
    return Term(part[: sign.start()], _ESCAPE.sub(r"\1", value), sign[0] != "!=")


def field_value(value: Json, key: str) -> str:
    """What an object has in a field, as text; a number or a truth value that is not there is 0 or false."""
    place: Any = value
    for step in key.split("."):
        if step == "podIPs":
            place = (place.get("podIPs") or [{}])[0].get("ip")
        elif step == "reportingComponent":
            place = place.get("reportingComponent") or (place.get("source") or {}).get("component")
        elif step == "successful":
            place = place.get("succeeded")
        else:
            place = place.get(step) if isinstance(place, Mapping) else None
        if place is None:
            break
    if key == "source":
        place = (value.get("source") or {}).get("component") or value.get("reportingComponent")
    if key in _FALSE_UNLESS:
        return "true" if place else "false"
    if key in ("status.replicas", "status.successful"):
        return str(place or 0)
    return "" if place is None else str(place)
