"""Notices when the readers of the standard streams go, also while podrunner writes nothing."""

from __future__ import annotations

import os
import select
import stat
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from runner.render.streams import Output


@contextmanager
def watched_readers(outputs: Sequence[Output]) -> Iterator[None]:
    """Until the end of the block tell outputs, pipes and sockets alone, when their reader goes."""
    watched = {number: output for output in outputs if (number := _descriptor(output)) is not None}
    if not watched or not hasattr(select, "poll"):
        yield
        return
    ending, end = os.pipe()
    thread = threading.Thread(target=_watch, args=(watched, ending), name="readers", daemon=True)
    thread.start()
    try:
        yield
    finally:
        os.close(end)
        thread.join()
        os.close(ending)


def _watch(watched: dict[int, Output], ending: int) -> None:
    poll = select.poll()
    poll.register(ending, select.POLLIN)
    for number in watched:
        poll.register(number, 0)  # errors and hang-ups are told in any case
    while True:
        for number, _ in poll.poll():
            if number == ending:
                return
            poll.unregister(number)
            watched[number].reader_left()


def _descriptor(output: Output) -> int | None:
    """The file descriptor of a pipe or socket; None for what has no reader that could go."""
    try:
        number = output.stream.fileno()
        mode = os.fstat(number).st_mode
    except (OSError, ValueError):
        return None
    return number if stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode) else None
