"""How a strategic merge patch treats each field: which lists are merged, and by which key.

Mirrors the ``patchStrategy`` and ``patchMergeKey`` tags of k8s.io/api, and k8s.io/apimachinery
third_party/forked/golang/json/fields.go.
"""

from __future__ import annotations

from typing import NamedTuple

from runner.core.manifest.schema import Field, fields_of
from runner.core.text.gotext import quote

_REPLACED = frozenset(
    {("PodStatus", "volumeHealth"), ("ResourceRequirements", "claims"), ("ResourceStatus", "resources")}
)
"""Lists whose items have a key, and that a patch replaces nevertheless."""
_MERGED = (("ObjectMeta", "finalizers"), ("NodeSpec", "podCIDRs"))
"""The lists of plain texts that are merged."""
_KINDS = {"[": "slice", "{": "map", "s": "string", "b": "bool", "i": "int32", "l": "int64"}


class NoSuchField(Exception):
    """A field that the type does not have; the message is the server's."""


class ListMeta(NamedTuple):
    """How a list is patched: the type of its items, whether it is merged, and by which key ("" for plain texts)."""

    item: str
    is_merged: bool
    key: str


def field_type(code: str, name: str) -> str:
    """The type code of a field of a struct (``runner.core.manifest.schema``). Raises NoSuchField."""
    return _field(code, name).code


def list_meta(code: str, name: str) -> ListMeta:
    """How a list field of a struct is patched. Raises NoSuchField."""
    field = _field(code, name)
    owner = code[1:]
    if field.code[0] != "[":
        raise NoSuchField("expected slice or array type, but got: struct")
    if field.list_keys == "=":
        return ListMeta(field.code[1:], (owner, name) in _MERGED, "")
    is_merged = bool(field.list_keys) and (owner, name) not in _REPLACED
    return ListMeta(field.code[1:], is_merged, field.list_keys.partition(",")[0] if is_merged else "")


def _field(code: str, name: str) -> Field:
    if code[0] != "@":
        kind = _KINDS.get(code[0], "struct")
        raise NoSuchField(f"merging an object in json but data type is not struct, instead is: {kind}")
    fields = fields_of(code[1:])
    if name in fields:
        return fields[name]
    near = next((known for known in fields if known.lower() == name.lower()), None)
    if near is None:
        raise NoSuchField(f"unable to find api field in struct {code[1:]} for the json field {quote(name)}")
    return fields[near]
