"""Blocking Engine work (pulls, execs, probes over the network) away from the worker's loop.

``ThreadJobs`` runs it in threads and wakes the worker when it is over. ``InlineJobs`` runs it at once and delivers the
result when its scripted duration has passed on the virtual clock.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from typing import Any, Generic, Protocol, TypeVar

from runner.clock import VirtualClock, Wakeup
from runner.kubelet.loop.lanes import SHARED, Lane, Lanes
from runner.kubelet.loop.tasks import Task, Wait

T = TypeVar("T")


class Job(Protocol[T]):  # type: ignore[misc]
    """Work that goes on elsewhere."""

    @property
    def done(self) -> bool: ...

    def result(self) -> T:
        """What the work returned; raises what it raised. Only when done."""
        ...


class Jobs(Protocol):
    """Starts jobs."""

    def submit(self, work: Callable[[], T], lane: Lane = Lane.PREPARE) -> Job[T]: ...

    def close(self) -> None:
        """Wait for nothing, take no more work."""
        ...


class _ThreadJob(Generic[T]):
    def __init__(self, future: Future[T]) -> None:
        self._future = future

    @property
    def done(self) -> bool:
        return self._future.done()

    def result(self) -> T:
        return self._future.result(timeout=0)


class ThreadJobs:
    """The jobs of one pod, in the threads that all pods of the process share."""

    def __init__(self, wakeup: Wakeup, lanes: Lanes = SHARED) -> None:
        self._wakeup = wakeup
        self._lanes = lanes
        self._waiting: set[Future[Any]] = set()
        self._lock = threading.Lock()
        self._is_closed = False

    def submit(self, work: Callable[[], T], lane: Lane = Lane.PREPARE) -> Job[T]:
        future: Future[T] = Future()
        future.add_done_callback(lambda _: self._wakeup.set())
        with self._lock:
            if self._is_closed:
                raise RuntimeError("no more jobs are taken")
            self._waiting.add(future)
        self._lanes.put(lane, partial(self._do, future, work))
        return _ThreadJob(future)

    def _do(self, future: Future[T], work: Callable[[], T]) -> None:
        with self._lock:
            self._waiting.discard(future)
        if not future.set_running_or_notify_cancel():
            return
        try:
            result = work()
        except BaseException as error:
            future.set_exception(error)
        else:
            future.set_result(result)

    def close(self) -> None:
        with self._lock:
            self._is_closed = True
            waiting, self._waiting = self._waiting, set()
        for future in waiting:
            future.cancel()


class Meter(Protocol):
    """Whoever does the work of jobs in virtual time."""

    def take_elapsed(self) -> float:
        """Seconds that the work since the last time would have taken."""
        ...


class _DoneJob(Generic[T]):
    """A job that took no time."""

    done = True

    def __init__(self, value: T | None, error: Exception | None) -> None:
        self._value = value
        self._error = error

    def result(self) -> T:
        if self._error is not None:
            raise self._error
        return self._value  # type: ignore[return-value]


class _InlineJob(Generic[T]):
    def __init__(self, value: T | None, error: Exception | None, wakeup: Wakeup) -> None:
        self.done = False
        self._value = value
        self._error = error
        self._wakeup = wakeup

    def end(self) -> None:
        self.done = True
        self._wakeup.set()

    def result(self) -> T:
        if self._error is not None:
            raise self._error
        return self._value  # type: ignore[return-value]


class InlineJobs:
    """Jobs in virtual time; the ``meter`` tells how long each would have taken."""

    def __init__(self, clock: VirtualClock, wakeup: Wakeup, meter: Meter) -> None:
        self._clock = clock
        self._wakeup = wakeup
        self._meter = meter

    def submit(self, work: Callable[[], T], lane: Lane = Lane.PREPARE) -> Job[T]:  # noqa: ARG002 - nobody waits for a turn
        self._meter.take_elapsed()
        value: T | None = None
        error: Exception | None = None
        try:
            value = work()
        except Exception as raised:
            error = raised
        elapsed = self._meter.take_elapsed()
        if elapsed <= 0:
            return _DoneJob(value, error)
        job = _InlineJob(value, error, self._wakeup)
        self._clock.after(elapsed, job.end)
        return job

    def close(self) -> None:
        """Nothing to give back."""


def run_job(jobs: Jobs, work: Callable[[], T], lane: Lane = Lane.PREPARE) -> Task[T]:
    """Do blocking work as part of a task."""
    job = jobs.submit(work, lane)
    if not job.done:
        yield Wait(ready=lambda: job.done)
    return job.result()
