"""The threads that all pods of a process share: who goes first, and what waits for whom."""

from __future__ import annotations

import threading

from runner.clock import Wakeup
from runner.kubelet.loop.lanes import Lane, Lanes

SECONDS = 30.0


def test_what_goes_on_with_a_pod_comes_before_what_begins_another() -> None:
    lanes, hold, began, over = Lanes(short=1), Wakeup(), Wakeup(), Wakeup()
    done: list[str] = []

    def block() -> None:
        began.set()
        hold.wait(SECONDS)

    lanes.put(Lane.BEGIN, block)
    assert began.wait(SECONDS)
    lanes.put(Lane.BEGIN, lambda: done.append("another"))
    lanes.put(Lane.BEGIN, over.set)
    lanes.put(Lane.PREPARE, lambda: done.append("prepare"))
    lanes.put(Lane.START, lambda: done.append("start"))
    hold.set()
    assert over.wait(SECONDS)
    assert done == ["start", "prepare", "another"]


def test_short_calls_share_few_threads_and_wait_behind_no_call_that_blocks() -> None:
    lanes, hold, over = Lanes(short=2), Wakeup(), Wakeup()
    threads: set[str] = set()

    def block() -> None:
        hold.wait(SECONDS)

    for lane in (Lane.PULL, Lane.EXEC, Lane.KILL):
        for _ in range(10):
            lanes.put(lane, block)
    for _ in range(50):
        lanes.put(Lane.START, lambda: threads.add(threading.current_thread().name))
    lanes.put(Lane.BEGIN, over.set)
    assert over.wait(SECONDS)
    assert len(threads) <= 2
    hold.set()
