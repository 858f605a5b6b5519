"""Why a pod is not what a test wanted: its status, last events and the ends of its logs, as text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from runner.api.status import Status
from runner.core.events import Event
from runner.core.explain.finding import Certainty
from runner.core.printers.columns import pod_row
from runner.core.text.escaping import escaped
from runner.core.text.times import human_duration
from runner.errors import RunnerError

if TYPE_CHECKING:
    from runner.core.explain.explaining import Explanation


class _Attempt(Protocol):
    @property
    def number(self) -> int: ...

    def logs(self) -> str: ...


class _Container(Protocol):
    @property
    def name(self) -> str: ...

    @property
    def attempts(self) -> Sequence[_Attempt]: ...


class Reported(Protocol):
    """What is told of: a pod's handle."""

    @property
    def status(self) -> Status: ...

    @property
    def containers(self) -> Sequence[_Container]: ...

    def events(self) -> Sequence[Event]: ...

    def explain(self) -> Explanation: ...


EVENTS = 10
"""How many of the last events are told."""
EXPLAINED_LINES = 60
"""How many of the last lines of an instance are looked at for a cause."""
LINES = 10
"""How many of the last lines of each container are told."""
_COLUMNS = ("NAME", "READY", "STATUS", "RESTARTS", "AGE")


def report(pod: Reported, now: datetime) -> str:
    """The whole text, without a line break at its end."""
    parts = [status_table(pod, now), cause_lines(pod), event_lines(pod, now)]
    parts += [log_tail(container) for container in pod.containers]
    return "\n\n".join(part for part in parts if part)


def status_table(pod: Reported, now: datetime) -> str:
    """One pod as ``get po`` shows it."""
    cells = pod_row(pod.status.to_dict(), now).cells(wide=False)
    widths = [max(len(title), len(cell)) for title, cell in zip(_COLUMNS, cells, strict=True)]
    rows = (_COLUMNS, cells)
    return "\n".join(
        "   ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def cause_lines(pod: Reported) -> str:
    """The cause and what to do next; nothing where it is known only that something ended, or still runs."""
    with suppress(RunnerError):
        found = pod.explain().told
        if found is not None:
            sure = "" if found.certainty is Certainty.CERTAIN else f" ({found.certainty})"
            return escaped(f"Cause{sure}: {found.sentence}\nNext: {found.next}")
    return ""


def event_lines(pod: Reported, now: datetime) -> str:
    """The last events, oldest first."""
    found = pod.events()[-EVENTS:]
    if not found:
        return ""
    lines = ["Events:"]
    for event in found:
        count = f" (x{event.count})" if event.count > 1 else ""
        container = event.ref.field_path.partition("{")[2].rstrip("}")
        about = f"{container}: " if container else ""
        lines.append(
            f"  {human_duration(now - event.last):>5} ago  {event.type:<7} {event.reason}{count}  {about}{event.message}"
        )
    return escaped("\n".join(lines))


def last_output(container: _Container) -> Iterator[tuple[_Attempt, list[str]]]:
    """The last lines of a container's newest two instances."""
    for attempt in container.attempts[-2:]:
        with suppress(RunnerError):
            yield attempt, attempt.logs().splitlines()[-EXPLAINED_LINES:]


def log_tail(container: _Container) -> str:
    """The last lines of a container's newest instance; nothing for one that has printed nothing."""
    attempts = container.attempts
    if not attempts:
        return ""
    text = ""
    with suppress(RunnerError):
        text = attempts[-1].logs()
    lines = text.splitlines()
    if not lines:
        return ""
    left_out = f", the last {LINES} of {len(lines)} lines" if len(lines) > LINES else ""
    head = f"Logs of {container.name}, attempt {attempts[-1].number}{left_out}:"
    return "\n".join([head, *(f"  {line}" for line in lines[-LINES:])])
