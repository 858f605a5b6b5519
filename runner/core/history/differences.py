"""What two attempts of a container differ in: environment, image, command, end, output, and what they changed in volumes."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct

from runner.core.history.attempt import Attempt
from runner.core.history.record import PodRecord, VolumeChange
from runner.core.model import Json

MOST_LINES = 2000
"""Lines of output of each attempt that are compared, the last ones: to compare more takes long."""


class Difference(Struct, frozen=True, kw_only=True):
    """One thing in which they differ. ``left`` and ``right`` are None where one of them has nothing of the kind."""

    what: str
    name: str
    left: str | None
    right: str | None


class Differences(Struct, frozen=True, kw_only=True):
    """All of them; ``output`` is a unified diff of both outputs without their times, line by line."""

    left: Attempt
    right: Attempt
    found: tuple[Difference, ...]
    output: tuple[str, ...]


def differences(record: PodRecord, left: Attempt, right: Attempt) -> Differences:
    """Compare two attempts of one container of a record."""
    name = left.container
    found = [
        *_ends(left, right),
        *_inspected(record.inspections.get((name, left.number)), record.inspections.get((name, right.number))),
        *_volumes(record.volumes.get((name, left.number), ()), record.volumes.get((name, right.number), ())),
    ]
    return Differences(
        left=left,
        right=right,
        found=tuple(found),
        output=tuple(_output(record, left, right)),
    )


def _ends(left: Attempt, right: Attempt) -> Iterator[Difference]:
    yield from _compared("end", "exit code", _text(left.exit_code), _text(right.exit_code))
    yield from _compared("end", "reason", left.reason or None, right.reason or None)
    yield from _compared("end", "message", left.message or None, right.message or None)
    yield from _compared("image", "digest", left.image_id or None, right.image_id or None)


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _inspected(left: Json | None, right: Json | None) -> Iterator[Difference]:
    """What the Engine was told of each; nothing when it is known of one of them alone."""
    if left is None or right is None:
        return
    first, second = _config(left), _config(right)
    yield from _mappings("environment", _environment(first), _environment(second))
    for key in ("Image", "User", "WorkingDir", "Entrypoint", "Cmd"):
        yield from _compared("container", key, _text(first.get(key)), _text(second.get(key)))
    yield from _compared("image", "id", _text(left.get("Image")), _text(right.get("Image")))


def _config(inspected: Json) -> Json:
    found = inspected.get("Config")
    return found if isinstance(found, Mapping) else {}


def _environment(config: Json) -> dict[str, str]:
    given: Any = config.get("Env") or ()
    return dict(str(one).partition("=")[::2] for one in given)


def _volumes(left: tuple[VolumeChange, ...], right: tuple[VolumeChange, ...]) -> Iterator[Difference]:
    yield from _mappings("volume", _said(left), _said(right))


def _said(changes: tuple[VolumeChange, ...]) -> dict[str, str]:
    return {f"{one.volume}/{one.path}": in_words(one) for one in changes}


def in_words(change: VolumeChange) -> str:
    """``added, 4 B, 0644, 0:0``: what became of a file, and how it is then."""
    state = change.after
    if state is None:
        return "removed"
    before = change.before
    texts = [change.what, f"{state.size} B" if state.kind == "file" else str(state.kind)]
    texts += [f"{state.mode:04o}", f"{state.uid}:{state.gid}"]
    if before is not None and before.mode != state.mode:
        texts.append(f"mode was {before.mode:04o}")
    if before is not None and (before.uid, before.gid) != (state.uid, state.gid):
        texts.append(f"owner was {before.uid}:{before.gid}")
    if state.target:
        texts.append(f"→ {state.target}")
    return ", ".join(texts)


def _mappings(what: str, left: Mapping[str, str], right: Mapping[str, str]) -> Iterator[Difference]:
    for name in sorted({*left, *right}):
        yield from _compared(what, name, left.get(name), right.get(name))


def _compared(what: str, name: str, left: str | None, right: str | None) -> Iterator[Difference]:
    if left != right:
        yield Difference(what=what, name=name, left=left, right=right)


def _output(record: PodRecord, left: Attempt, right: Attempt) -> Iterator[str]:
    first, second = (
        [_without_time(line) for line in record.log(one.container, one.number).splitlines()[-MOST_LINES:]]
        for one in (left, right)
    )
    yield from difflib.unified_diff(
        first, second, f"attempt {left.number}", f"attempt {right.number}", lineterm="", n=2
    )


def _without_time(line: bytes) -> str:
    return line.partition(b" ")[2].decode(errors="replace")
