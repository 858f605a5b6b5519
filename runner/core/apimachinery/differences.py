"""What differs between two specs, as the server's refusals show it: a unified diff of its own types as JSON.

Mirrors k8s.io/apimachinery/pkg/util/diff/diff.go. The server's types have other fields, in another order, than those of the
schema: the lines about a change are alike, their numbers are not.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping
from typing import Any

from runner.core.manifest.schema import Field, fields_of

_ZEROS = {"s": "", "b": False, "i": 0, "l": 0, "d": 0, "q": "0"}


def difference(type_name: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    """The diff of two values of a type of the schema ("PodSpec"), with three lines around each change."""
    texts = [json.dumps(_struct(type_name, one), indent=1).splitlines(keepends=True) for one in (before, after)]
    return "".join(list(difflib.unified_diff(texts[0], texts[1], n=3))[2:])


def _struct(name: str, value: Mapping[str, Any]) -> dict[str, Any]:
    fields = fields_of(name).items()
    return {_go_name(key): _value(field.code, field, value.get(key)) for key, field in fields}


def _go_name(key: str) -> str:
    return key[:1].upper() + key[1:]


def _value(code: str, field: Field, value: Any) -> Any:
    if value is None:
        return None if field.pointer else _ZEROS.get(code[0])
    match code[0]:
        case "@":
            return _struct(code[1:], value)
        case "[":
            return [_value(code[1:], field, one) for one in value]
        case _:
            return value
