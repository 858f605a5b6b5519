"""What somebody needs who asks why: a pod's status, its last events and the ends of its logs, as text."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from runner.core.printers.columns import pod_row
from runner.core.text.escaping import escaped
from runner.core.text.times import human_duration
from runner.errors import RunnerError

if TYPE_CHECKING:
    from runner.api.pods import ContainerHandle, PodHandle

EVENTS = 10
"""How many of the last events are told."""
LINES = 10
"""How many of the last lines of each container are told."""
_COLUMNS = ("NAME", "READY", "STATUS", "RESTARTS", "AGE")


def report(pod: PodHandle) -> str:
    """The whole text, without a line break at its end."""
    parts = [status_table(pod), event_lines(pod)]
    parts += [log_tail(container) for container in pod.containers]
    return "\n\n".join(part for part in parts if part)


def status_table(pod: PodHandle) -> str:
    """One pod as ``get po`` shows it."""
    cells = pod_row(pod.status.to_dict(), pod.runner.clock.now()).cells(wide=False)
    widths = [max(len(title), len(cell)) for title, cell in zip(_COLUMNS, cells, strict=True)]
    rows = (_COLUMNS, cells)
    return "\n".join(
        "   ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def event_lines(pod: PodHandle) -> str:
    """The last events, oldest first."""
    now = pod.runner.clock.now()
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


def log_tail(container: ContainerHandle) -> str:
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
