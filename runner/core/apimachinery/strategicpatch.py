"""Strategic merge patches: lists are merged by keys, directives say what goes and in which order things stand.

Mirrors k8s.io/apimachinery/pkg/util/strategicpatch/patch.go (StrategicMergeMapPatch) and mergepatch/errors.go.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import Any, Final

from runner.core.apimachinery.gojson import go_type, printed, same
from runner.core.apimachinery.patchmeta import ListMeta, NoSuchField, field_type, list_meta
from runner.core.apimachinery.patchorder import (
    List,
    Value,
    item_type,
    mapping_of,
    no_merge_key,
    partition,
    put_in_order,
)
from runner.core.apimachinery.statuses import StatusError, bad_request, failed

_DIRECTIVE: Final = "$patch"
_RETAIN: Final = "$retainKeys"
_ORDER: Final = "$setElementOrder"
_DELETE: Final = "$deleteFromPrimitiveList"
_ABSENT: Final[Any] = object()
_BAD_RETAIN: Final = "invalid patch format of retainKeys"
_BAD_ORDER: Final = "invalid patch format of setElementOrder list"
_BAD_DELETE: Final = "invalid patch format of primitive list"


def apply_strategic(document: Mapping[str, Any], patch: Mapping[str, Any], type_name: str) -> Value:
    """The document with the patch, by the rules of a type of the schema ("Pod"). Raises StatusError.

    Both stay as they are. What comes out may have unknown fields and values of wrong types.
    """
    try:
        return _merge(deepcopy(dict(document)), deepcopy(dict(patch)), f"@{type_name}")
    except NoSuchField as error:
        raise failed(str(error)) from error


def _merge(original: Value, patch: Value, code: str) -> Value:
    if _DIRECTIVE in patch:
        return _directed(patch)
    _retain(original, patch)
    _merge_ordered(original, patch, code)
    for written, value in patch.items():
        is_deletion = written.startswith(_DELETE)
        key = _extracted(written, _DELETE, _BAD_DELETE) if is_deletion else written
        if value is None:
            original.pop(key, None)
        elif key not in original or go_type(original[key]) != go_type(value):
            if not is_deletion:
                _take(original, key, value)
        elif isinstance(value, dict):
            original[key] = _merge(original[key], value, field_type(code, key))
        elif isinstance(value, list):
            original[key] = _merge_lists(original[key], value, list_meta(code, key), is_deletion=is_deletion)
        else:
            original[key] = value
    return original


def _directed(patch: Value) -> Value:
    directive = patch[_DIRECTIVE]
    if same(directive, "replace"):
        return {key: value for key, value in patch.items() if key != _DIRECTIVE}
    if same(directive, "delete"):
        return {}
    raise _bad_directive(directive, patch)


def _bad_directive(directive: Any, patch: Value) -> StatusError:
    shown = directive if isinstance(directive, str) else f"%!s({go_type(directive)}={printed(directive)})"
    return failed(f"unknown patch type: {shown} in map: {printed(patch)}")


def _take(original: Value, key: str, value: Any) -> None:
    """Take a value of the patch as it is, without nulls and without what only directs."""
    kept = _without_directives(_without_nulls(value))
    if kept is _ABSENT:
        original.pop(key, None)
    else:
        original[key] = kept


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nulls(one) for key, one in value.items() if one is not None}
    return [_without_nulls(one) for one in value] if isinstance(value, list) else value


def _without_directives(value: Any) -> Any:
    if isinstance(value, dict):
        if _DIRECTIVE in value:
            return _ABSENT
        kept = {key: _without_directives(one) for key, one in value.items()}
        return {key: one for key, one in kept.items() if one is not _ABSENT}
    if isinstance(value, list):
        return [one for one in map(_without_directives, value) if one is not _ABSENT]
    return value


def _extracted(written: str, prefix: str, problem: str) -> str:
    head, slash, key = written.partition("/")
    if not slash or head != prefix:
        raise bad_request(problem)
    return key


def _retain(original: Value, patch: Value) -> None:
    """Take away what ``$retainKeys`` does not name."""
    if _RETAIN not in patch:
        return
    names = patch.pop(_RETAIN)
    if not isinstance(names, list):
        raise bad_request(_BAD_RETAIN)
    for key, value in patch.items():
        if value is not None and not key.startswith((_DELETE, _ORDER)) and key not in names:
            raise bad_request(_BAD_RETAIN)
    for key in [key for key in original if key not in names]:
        del original[key]


def _merge_ordered(original: Value, patch: Value, code: str) -> None:
    """Merge the lists that ``$setElementOrder`` names, and bring them into that order."""
    for written in [key for key in patch if key.startswith(_ORDER)]:
        order = patch.pop(written)
        if not isinstance(order, list):
            raise _wrong_type("[]interface {}", order)
        key = _extracted(written, _ORDER, _BAD_ORDER)
        before, change = _list(original, key), _list(patch, key)
        meta = list_meta(code, key)
        _check_order(change or [], order, meta.key)
        if before is None and change is None:
            continue
        if change is None:
            merged = before or []
        elif before is None:
            merged = _without_directives(change)
        else:
            merged = _merge_lists(before, change, meta, is_deletion=False)
        mine, others = partition(merged, order, meta.key)
        is_mapping = isinstance(item_type(before or [], change or []), dict)
        original[key] = put_in_order(mine, others, order, before or [], meta.key, is_mapping=is_mapping)
        patch.pop(key, None)


def _list(holder: Value, key: str) -> List | None:
    if key not in holder:
        return None
    found = holder[key]
    if not isinstance(found, list):
        raise _wrong_type("[]interface {}", found)
    return found


def _wrong_type(wanted: str, found: Any) -> StatusError:
    return failed(f"expected a {wanted}, but received a {go_type(found)}")


def _check_order(patch: List, order: List, key: str) -> None:
    """See that the patch's items stand in the order's order, and that it names them all."""
    if not order or not patch:
        return
    kept = [one for one in patch if not (key and same(mapping_of(one).get(_DIRECTIVE), "delete"))]
    place, at = 0, 0
    while place < len(kept) and at < len(order):
        if isinstance(kept[place], dict) and _DIRECTIVE in kept[place]:
            place += 1
            continue
        place += _is_same(kept[place], order[at], key)
        at += 1
    if place < len(kept) and at >= len(order):
        head = f"The order in patch list:\n{printed(patch)}\n"
        raise failed(f"{head} doesn't match {_ORDER} list:\n{printed(order)}\n")


def _is_same(left: Any, right: Any, key: str) -> bool:
    if not key:
        return same(left, right)
    for one in (mapping_of(left), mapping_of(right)):
        if key not in one:
            raise no_merge_key(one, key)
    return same(left[key], right[key])


def _merge_lists(original: List, patch: List, meta: ListMeta, *, is_deletion: bool) -> List:
    if not meta.is_merged and not is_deletion:
        return patch
    if not original and not patch:
        return original
    is_mapping = isinstance(item_type(original, patch), dict)
    if not is_mapping:
        if is_deletion:
            return [one for one in original if not any(same(one, other) for other in patch)]
        merged = _once([*original, *patch])
    else:
        if not meta.key:
            kind = "struct" if meta.item[0] == "@" else "string"
            raise failed(f"cannot merge lists without merge key for {kind}")
        original, patch = _without_special(original, patch, meta.key)
        merged = _merge_items(original, patch, meta)
    mine, others = partition(merged, patch, meta.key)
    return put_in_order(mine, others, patch, original, meta.key, is_mapping=is_mapping)


def _once(items: List) -> List:
    """Each item once; a later one that was there before is taken by the last of all."""
    kept = list(items)
    index = 0
    while index < len(kept) - 1:
        other = index + 1
        while other < len(kept):
            if same(kept[index], kept[other]):
                last = kept.pop()
                if other < len(kept):
                    kept[other] = last
            else:
                other += 1
        index += 1
    return kept


def _without_special(original: List, patch: List, key: str) -> tuple[List, List]:
    """Carry out the items that direct: those that delete, and one that replaces all. Returns what is left of both."""
    plain: List = []
    is_replaced = False
    for one in patch:
        if _DIRECTIVE not in one:
            plain.append(one)
            continue
        directive = one[_DIRECTIVE]
        if same(directive, "delete"):
            if key not in one:
                raise no_merge_key(one, key)
            original = [item for item in original if not same(item.get(key, _ABSENT), one[key])]
        elif same(directive, "replace"):
            is_replaced = True
        elif same(directive, "merge"):
            raise failed("merging lists cannot yet be specified in the patch")
        else:
            raise _bad_directive(directive, one)
    return (plain, []) if is_replaced else (original, plain)


def _merge_items(original: List, patch: List, meta: ListMeta) -> List:
    merged = list(original)
    for one in patch:
        if meta.key not in one:
            raise no_merge_key(one, meta.key)
        place = next((i for i, item in enumerate(merged) if same(item.get(meta.key, _ABSENT), one[meta.key])), None)
        if place is None:
            merged.append(one)
        else:
            merged[place] = _merge(merged[place], one, meta.item)
    return merged
