"""SIGINT and SIGTERM while pods run: the first asks for a graceful end, the next one kills."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from types import FrameType
from typing import TYPE_CHECKING

from runner.core.text.times import human_duration

if TYPE_CHECKING:
    from runner.api.options import StopRequest

FIRST = "deleting pods (they have up to {}), Ctrl-C again to kill"
SECOND = "killing"


@contextmanager
def stop_on_signals(stop: StopRequest, note: Callable[[str], None], grace: float) -> Iterator[None]:
    """Handle the signals until the end of the block. Only the main thread can; elsewhere nothing is changed.

    ``grace`` is how long the pods may take to end, in seconds; ``note`` tells of it.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    count = 0

    def handle(_number: int, _frame: FrameType | None) -> None:
        nonlocal count
        count += 1
        # The interrupted thread may hold the very locks that a stop or a line of text needs.
        threading.Thread(target=_answer, args=(stop, note, count, grace), name="stop", daemon=True).start()

    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _answer(stop: StopRequest, note: Callable[[str], None], count: int, grace: float) -> None:
    stop.request()
    if count <= 2:
        note(FIRST.format(human_duration(timedelta(seconds=grace))) if count == 1 else SECOND)
