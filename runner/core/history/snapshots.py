"""What lay in a volume at an instant, and what became of it until another: added, changed, removed, with a diff of small text."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator, Mapping

from msgspec import Struct

from runner.core.history.record import FileState, VolumeChange

SMALL = 64 * 1024
"""Bytes of a file up to which its text is compared."""
_MOST_DIFF = 400
"""Lines of one file's diff that are kept."""


class Entry(Struct, frozen=True, kw_only=True, gc=False):
    """One path: how it is, when it was changed last (seconds since 1970), and its bytes where they are few."""

    state: FileState
    changed: float = 0.0
    data: bytes | None = None


Snapshot = Mapping[str, Entry]
"""Paths below the volume's root."""
Hide = Callable[[str], str]


def compared(volume: str, before: Snapshot, after: Snapshot, hide: Hide = str) -> tuple[VolumeChange, ...]:
    """What became of a volume between two snapshots, in the order of the paths. ``hide`` takes secrets out of a text."""
    return tuple(
        _change(volume, path, before.get(path), after.get(path), hide)
        for path in sorted({*before, *after})
        if _differs(before.get(path), after.get(path))
    )


def changed_since(volume: str, after: Snapshot, instant: float, hide: Hide = str) -> tuple[VolumeChange, ...]:
    """What was written since an instant, told by times: what was there before is not known, and what was removed neither."""
    return tuple(
        _change(volume, path, None, entry, hide) for path, entry in sorted(after.items()) if entry.changed >= instant
    )


def _differs(before: Entry | None, after: Entry | None) -> bool:
    if before is None or after is None:
        return True
    if before.state != after.state:
        return True
    # Without a digest of both nothing but the time tells of new content.
    return not after.state.digest and after.state.kind == "file" and before.changed != after.changed


def _change(volume: str, path: str, before: Entry | None, after: Entry | None, hide: Hide) -> VolumeChange:
    return VolumeChange(
        volume=volume,
        path=path,
        before=None if before is None else before.state,
        after=None if after is None else after.state,
        diff="\n".join(_diff(path, before, after, hide)),
    )


def _diff(path: str, before: Entry | None, after: Entry | None, hide: Hide) -> Iterator[str]:
    old, new = _text(before, hide), _text(after, hide)
    if old is None or new is None or old == new:
        return
    lines = difflib.unified_diff(old, new, f"a/{path}", f"b/{path}", lineterm="", n=2)
    for number, line in enumerate(lines):
        if number == _MOST_DIFF:
            yield "…"
            return
        yield line


def _text(entry: Entry | None, hide: Hide) -> list[str] | None:
    """The lines of a file, none of one that is not there; None for what is no small text."""
    if entry is None:
        return []
    if entry.data is None or b"\0" in entry.data:
        return None
    try:
        return hide(entry.data.decode()).splitlines()
    except UnicodeDecodeError:
        return None
