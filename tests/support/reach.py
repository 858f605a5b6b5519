"""How much is held from an object: the sizes of all containers that are reached from it, by the way that leads there.

A long life must not make them grow: what is remembered of something that is gone shows here, wherever it stands.
"""

from __future__ import annotations

import threading
import types
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

from msgspec import Struct

_SKIPPED = (
    type, types.ModuleType, str, bytes, int, float,
    threading.Thread, threading.local, threading.Condition, threading.Event, type(threading.Lock()),
)  # fmt: skip


def sizes(root: object, *, without: tuple[type, ...] = (), depth: int = 60) -> Counter[str]:
    """How many elements there are along each way, instances of some types left out. Keys and positions do not count."""
    found: Counter[str] = Counter()
    seen: dict[int, object] = {}
    waiting: deque[tuple[str, object]] = deque([(type(root).__name__, root)])
    while waiting:
        way, one = waiting.popleft()
        if isinstance(one, (*_SKIPPED, *without)) or one is None or id(one) in seen or way.count(".") > depth:
            continue
        seen[id(one)] = one  # Kept, so that no other object gets its id.
        if isinstance(one, Mapping | list | tuple | set | frozenset | deque):
            found[way] += len(one)
        waiting.extend((f"{way}{step}", following) for step, following in _parts(one))
    return found


def growth(before: Counter[str], after: Counter[str], *, by: int = 1) -> dict[str, tuple[int, int]]:
    """What has become more by so many."""
    return {way: (before[way], count) for way, count in after.items() if count >= before[way] + by}


def _parts(one: Any) -> Iterator[tuple[str, object]]:
    match one:
        case Mapping():
            yield from (("[key]", key) for key in list(one))
            yield from (("[]", value) for value in list(one.values()))
        case list() | tuple() | set() | frozenset() | deque():
            yield from (("[]", value) for value in list(one))
        case partial():
            yield from ((".func", one.func), (".args", one.args), (".keywords", one.keywords))
        case types.MethodType():
            yield ".self", one.__self__
        case types.FunctionType():
            yield from ((".cell", cell.cell_contents) for cell in one.__closure__ or () if _is_full(cell))
        case _:
            yield from _attributes(one)


def _is_full(cell: types.CellType) -> bool:
    try:
        return cell.cell_contents is not None
    except ValueError:
        return False


def _attributes(one: object) -> Iterator[tuple[str, object]]:
    names: dict[str, Callable[[], object]] = {}
    for kind in type(one).__mro__:
        slots = vars(kind).get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else slots:
            names[name] = partial(getattr, one, name, None)
    if isinstance(one, Struct):
        for name in one.__struct_fields__:
            names[name] = partial(getattr, one, name)
    for name, get in names.items():
        if not name.startswith("__"):
            yield f".{name}", get()
    yield from ((f".{name}", value) for name, value in list(getattr(one, "__dict__", {}).items()))


__all__ = ["growth", "sizes"]
