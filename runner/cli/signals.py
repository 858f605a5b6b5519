"""SIGINT and SIGTERM while pods run: the first asks for a graceful end, the next one kills. Pods that are kept run on."""

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

KEEPING = ("the pods are kept, and run on; Ctrl-C again to wait for nothing", "leaving")
"""What is said of the first and the second signal when the pods stay."""


def deleting(grace: float) -> tuple[str, str]:
    """What is said of them when the pods have up to so many seconds to end."""
    return (
        f"deleting pods (they have up to {human_duration(timedelta(seconds=grace))}), Ctrl-C again to kill",
        "killing",
    )


@contextmanager
def stop_on_signals(stop: StopRequest, note: Callable[[str], None], words: tuple[str, str]) -> Iterator[None]:
    """Handle the signals until the end of the block. Only the main thread can; elsewhere nothing is changed.

    ``note`` is told the ``words`` for the first and the second signal.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    unsaid = iter(words)

    def handle(_number: int, _frame: FrameType | None) -> None:
        text = next(unsaid, "")
        # The interrupted thread may hold the very locks that a stop or a line of text needs.
        threading.Thread(target=_answer, args=(stop, note, text), name="stop", daemon=True).start()

    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _answer(stop: StopRequest, note: Callable[[str], None], text: str) -> None:
    stop.request()
    if text:
        note(text)
