"""The order of a merged list: what the patch says stands in its order, the rest in the order it had.

Mirrors normalizeElementOrder and mergeSortedSlice of k8s.io/apimachinery/pkg/util/strategicpatch/patch.go.
"""

from __future__ import annotations

from typing import Any

from runner.core.apimachinery.gojson import go_type, printed, same
from runner.core.apimachinery.statuses import PANICKED, StatusError, failed, rejected

Value = dict[str, Any]
List = list[Any]


def no_merge_key(item: Value, key: str) -> StatusError:
    """An item without the field that tells the items of its list apart."""
    return failed(f"map: {printed(item)} does not contain declared merge key: {key}")


def mapping_of(item: Any) -> Value:
    """An item that has to be an object. Raises StatusError."""
    if not isinstance(item, dict):
        raise failed(f"expected a map[string]interface {{}}, but received a {go_type(item)}")
    return item


def item_type(*lists: List) -> Any:
    """The first item, when all items of some lists have one type. Raises StatusError."""
    items = [item for one in lists for item in one]
    if not items:
        raise failed("no elements in any of the given slices")
    if isinstance(items[0], list):
        raise rejected()
    if items[0] is None:
        raise failed(PANICKED)
    if any(go_type(item) != go_type(items[0]) for item in items):
        raise failed(f"list element types are not identical: {printed(list(lists))}")
    return items[0]


def partition(items: List, by: List, key: str) -> tuple[List, List]:
    """The items that are in another list, and those that are not. Raises StatusError."""
    mine: List = []
    others: List = []
    for item in items:
        if key and key not in mapping_of(item):
            raise no_merge_key(item, key)
        (mine if _is_in(item, by, key) else others).append(item)
    return mine, others


def _is_in(item: Any, by: List, key: str) -> bool:
    if not key:
        return any(same(item, one) for one in by)
    for number, one in enumerate(by):
        if not isinstance(one, dict):
            raise failed(f"value for key {number} is not a map")
        if key in one and same(one[key], item[key]):
            return True
    return False


def put_in_order(mine: List, others: List, order: List, before: List, key: str, *, is_mapping: bool) -> List:
    """The patch's items in its order, and between them the others, before what they stood before."""
    name = key if is_mapping else ""
    if is_mapping:
        _check_keys(key, mine, order)
        _check_keys(key, others, before)
    return _interleaved(_sorted(others, before, name), _sorted(mine, order, name), before, name)


def _check_keys(key: str, *lists: List) -> None:
    for item in (item for one in lists for item in one):
        if key not in mapping_of(item):
            raise no_merge_key(item, key)


def _place(items: List, item: Any, key: str) -> int:
    if not key:
        return next((number for number, one in enumerate(items) if same(one, item)), -1)
    return next((number for number, one in enumerate(items) if same(one[key], item[key])), -1)


def _sorted(items: List, order: List, key: str) -> List:
    """In the order of another list; an item that is not in it goes before all that came before it."""
    result: List = []
    for item in items:
        at, place = len(result), _place(order, item, key)
        while at:
            other = _place(order, result[at - 1], key)
            if place >= 0 and other >= 0 and place >= other:
                break
            at -= 1
        result.insert(at, item)
    return result


def _interleaved(left: List, right: List, order: List, key: str) -> List:
    left, right = list(left), list(right)
    result: List = []
    while left and right:
        first, second = _place(order, left[0], key), _place(order, right[0], key)
        is_left = first >= 0 and second >= 0 and first < second
        result.append((left if is_left else right).pop(0))
    return [*result, *left, *right]
