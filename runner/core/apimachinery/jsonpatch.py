"""JSON patches (RFC 6902) as an API server applies them.

Mirrors gopkg.in/evanphx/json-patch.v4 (patch.go), whose rules are looser than the standard's: what is missing may be replaced,
copied and tested as null, and negative indices count from the end.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from typing import Any, Final

from runner.core.apimachinery.gojson import kind_of
from runner.core.apimachinery.statuses import StatusError, bad_request, rejected, too_large

MOST_OPERATIONS: Final = 10000
"""The largest number of operations in one patch."""
_OPERATION: Final = "[]handlers.jsonPatchOp"
_FIELDS: Final = ("op", "path", "from", "value")
_NOTHING: Final[Any] = object()


class _Fault(Exception):
    """An operation that cannot be carried out."""


def check_operations(patch: Any) -> list[str]:
    """See that a patch is a list of operations. Returns sentences on unknown fields. Raises StatusError."""
    if not isinstance(patch, list | None):
        raise _undecoded(patch, _OPERATION)
    operations = patch or []
    unknown: list[str] = []
    for index, operation in enumerate(operations):
        if not isinstance(operation, Mapping | None):
            raise _undecoded(operation, "handlers.jsonPatchOp")
        for key, value in (operation or {}).items():
            if key not in _FIELDS:
                unknown.append(f'json patch unknown field "[{index}].{key}"')
            elif key != "value" and not isinstance(value, str | None):
                text = f"Go struct field jsonPatchOp.{key} of type string"
                raise bad_request(f"error decoding patch: json: cannot unmarshal {kind_of(value)} into {text}")
    if len(operations) > MOST_OPERATIONS:
        text = f"The allowed maximum operations in a JSON patch is {MOST_OPERATIONS}, got {len(operations)}"
        raise too_large(text)
    return unknown


def _undecoded(value: Any, target: str) -> StatusError:
    return bad_request(f"error decoding patch: json: cannot unmarshal {kind_of(value)} into Go value of type {target}")


def apply_operations(document: Mapping[str, Any], patch: Sequence[Mapping[str, Any]] | None) -> Any:
    """The document after all operations, one after the other; the one that came in stays. Raises StatusError."""
    holder = [deepcopy(dict(document))]
    try:
        for operation in patch or ():
            _apply(holder, operation or {})
    except _Fault as fault:
        raise rejected() from fault
    return holder[0]


def _apply(holder: list[Any], operation: Mapping[str, Any]) -> None:
    word = operation.get("op")
    if word not in _BY_WORD:
        raise _Fault
    _BY_WORD[word](holder, operation)


def _text(operation: Mapping[str, Any], key: str) -> str:
    found = operation.get(key)
    if found is None:
        raise _Fault
    return str(found)


def _find(holder: list[Any], pointer: str) -> tuple[Any, str]:
    """The container that a pointer leads into, and the key there."""
    steps = pointer.split("/")
    if len(steps) < 2:
        raise _Fault
    place = holder[0]
    for step in steps[1:-1]:
        place = _get(_in_order(place), _decoded(step))
        if not isinstance(place, dict | list):
            raise _Fault
    return place, _decoded(steps[-1])


def _in_order(place: Any) -> Any:
    """A container, sorted: what Go has read it writes again with its members in order."""
    if isinstance(place, dict):
        members = sorted(place.items())
        place.clear()
        place.update(members)
    return place


def _decoded(step: str) -> str:
    # A tilde that was escaped before a 1 is a tilde and a 1.
    return "~".join(part.replace("~1", "/") for part in step.split("~0"))


def _index(key: str, length: int) -> int:
    sign, digits = (key[:1], key[1:]) if key[:1] in ("-", "+") else ("", key)
    if not (digits.isascii() and digits.isdigit()):
        raise _Fault
    index = -int(digits) if sign == "-" else int(digits)
    if not -length <= index < length:
        raise _Fault
    return index % length if length else index


def _get(place: Any, key: str) -> Any:
    """A value of a container; of an object a member that is missing is null."""
    if isinstance(place, dict):
        return place.get(key)
    return place[_index(key, len(place))]


def _put(place: Any, key: str, value: Any) -> None:
    if isinstance(place, dict):
        place[key] = value
        _in_order(place)
    elif key == "-":
        place.append(value)
    else:
        place.insert(_index(key, len(place) + 1), value)


def _drop(place: Any, key: str) -> None:
    if isinstance(place, dict):
        if key not in place:
            raise _Fault
        del place[key]
    else:
        del place[_index(key, len(place))]


def _add(holder: list[Any], operation: Mapping[str, Any]) -> None:
    place, key = _find(holder, _text(operation, "path"))
    _put(place, key, deepcopy(operation.get("value")))


def _remove(holder: list[Any], operation: Mapping[str, Any]) -> None:
    _drop(*_find(holder, _text(operation, "path")))


def _replace(holder: list[Any], operation: Mapping[str, Any]) -> None:
    pointer, value = _text(operation, "path"), deepcopy(operation.get("value"))
    if not pointer:
        if not isinstance(value, dict | list):
            raise _Fault
        holder[0] = value
        return
    place, key = _find(holder, pointer)
    if isinstance(place, dict):
        place[key] = value
    else:
        place[_index(key, len(place))] = value


def _move(holder: list[Any], operation: Mapping[str, Any]) -> None:
    place, key = _find(holder, _text(operation, "from"))
    value = _get(place, key)
    _drop(place, key)
    place, key = _find(holder, _text(operation, "path"))
    _put(place, key, value)


def _copy(holder: list[Any], operation: Mapping[str, Any]) -> None:
    value = deepcopy(_get(*_find(holder, _text(operation, "from"))))
    place, key = _find(holder, _text(operation, "path"))
    _put(place, key, value)


def _test(holder: list[Any], operation: Mapping[str, Any]) -> None:
    pointer = _text(operation, "path")
    found = _get(*_find(holder, pointer)) if pointer else holder[0]
    if not _equal(found, operation.get("value")):
        raise _Fault


def _equal(left: Any, right: Any) -> bool:
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(_equal(one, right[key]) for key, one in left.items())
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(_equal, left, right))
    return type(left) is type(right) and bool(left == right)


_BY_WORD: Final[Mapping[Any, Callable[[list[Any], Mapping[str, Any]], None]]] = {
    "add": _add,
    "remove": _remove,
    "replace": _replace,
    "move": _move,
    "test": _test,
    "copy": _copy,
}
