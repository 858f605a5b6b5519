"""``logs`` of a pod that is over: out of its record."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from runner.cli.commands.history import find_record, recorded
from runner.cli.loglimits import EVERY, LogLimits
from runner.core.text.times import later, parse_time
from runner.errors import UsageError

if TYPE_CHECKING:
    from datetime import datetime

    from runner.cli.app import App
    from runner.core.history.record import PodRecord


def print_recorded(
    app: App, word: str, namespace: str, container: str | None, limits: LogLimits, flags: dict[str, Any]
) -> int:
    """Print what attempts wrote; the newest one's unless ``--attempt`` or ``--previous`` says another."""
    record = find_record(app, word, namespace)
    for name in _containers(app, record, container, everything=flags["all_containers"]):
        recorded(app, word, namespace, name)  # Complains about a container that is none.
        for number in _numbers(record, name, limits.attempt, is_previous=flags["previous"]):
            if limits.attempt == EVERY:
                app.say(f"==> {name}, attempt {number} <==")
            lines = record.log(name, number).splitlines(keepends=True)
            app.out.put_bytes(b"".join(_shown(lines, limits, app.clock.now(), with_time=flags["timestamps"])))
    return 0


def _containers(app: App, record: PodRecord, named: str | None, *, everything: bool) -> list[str]:
    spec = record.pod.get("spec") or {}
    inits, apps = ([str(one["name"]) for one in spec.get(key) or ()] for key in ("initContainers", "containers"))
    if named:
        return [named]
    if everything:
        return [*inits, *apps]
    # Of a pod that never came to its containers the last one that wrote says most.
    wrote = [name for name, _ in record.outputs]
    chosen = next((name for name in (*apps, *reversed(inits)) if name in wrote), (apps or inits or [""])[0])
    if len(inits) + len(apps) > 1:
        marked = [*apps, *(f"{name} (init)" for name in inits)]
        app.say(f'Defaulted container "{chosen}" out of: {", ".join(marked)}')
    return [chosen]


def _numbers(record: PodRecord, container: str, asked: int | str | None, *, is_previous: bool) -> Sequence[int]:
    known = sorted(number for name, number in record.outputs if name == container)
    if asked == EVERY:
        return known
    if isinstance(asked, int):
        if asked not in known:
            has = f"it wrote something in {', '.join(map(str, known))}" if known else "it wrote nothing"
            raise UsageError(f"container {container} has no output of attempt {asked}", hint=has)
        return [asked]
    if is_previous:
        if len(known) < 2:
            raise UsageError(f'previous terminated container "{container}" in pod "{record.name}" not found')
        return [known[-2]]
    return known[-1:]


def _shown(lines: Sequence[bytes], limits: LogLimits, now: datetime, *, with_time: bool) -> Sequence[bytes]:
    """The part of an output that is asked for, with or without the times of its lines."""
    since = limits.since
    if since is not None:
        begin = later(now, -since) if isinstance(since, int | float) else since
        lines = [line for line in lines if (parse_time(line.partition(b" ")[0].decode("latin-1")) or begin) >= begin]
    if limits.tail is not None:
        lines = lines[-limits.tail :] if limits.tail else []
    texts = lines if with_time else [line.partition(b" ")[2] for line in lines]
    if not limits.most:
        return texts
    return [b"".join(texts)[: limits.most]]
