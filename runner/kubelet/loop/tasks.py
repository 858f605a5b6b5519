"""Tasks of one pod: generators that say what they wait for, advanced by the one loop that waits.

A kubelet runs one goroutine for the pod, one for each container it kills and one for each probe. Here each of them is a
generator yielding ``Wait`` values; the worker advances whatever is ready and then waits in one place for the earliest
deadline, a finished job, an Engine event or a request. Nothing here blocks, so the same code runs in virtual time.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from datetime import datetime, timedelta
from typing import Any, Generic, TypeVar

from msgspec import Struct

T = TypeVar("T")


def _never() -> bool:
    return False


def _always() -> bool:
    return True


class Wait(Struct, frozen=True):
    """What a task waits for: an instant, a condition, or whichever comes first."""

    until: datetime | None = None
    ready: Callable[[], bool] = _never


Task = Generator[Wait, None, T]


class Handle(Generic[T]):
    """A task that has been started: its result once it is done."""

    def __init__(self, task: Task[T], name: str, *, is_alone: bool = False) -> None:
        self.name = name
        self.done = False
        self.error: Exception | None = None
        self.is_alone = is_alone
        """Whether nobody waits for its result."""
        self.until: datetime | None = None
        """The instant that the task waits for."""
        self._task = task
        self._result: T | None = None
        self._is_ready = _always

    @property
    def result(self) -> T:
        """What the task returned; raises what it raised."""
        assert self.done, f"task {self.name} is not done"
        if self.error is not None:
            raise self.error
        return self._result  # type: ignore[return-value]

    def advance(self, now: datetime) -> bool:
        """Go on if what the task waits for is over. Returns whether it did."""
        if self.done:
            return False
        if (self.until is None or self.until > now) and not self._is_ready():
            return False
        try:
            wait = next(self._task)
            self.until, self._is_ready = wait.until, wait.ready
        except StopIteration as end:
            self._end()
            self._result = end.value
        except Exception as error:
            self._end()
            self.error = error
        return True

    def move(self, by: timedelta) -> None:
        """The clock was set by so much: what the task waits for comes that much later by the clock."""
        if self.until is not None:
            self.until += by

    def cancel(self) -> None:
        """End the task where it waits; its ``finally`` blocks run."""
        if not self.done:
            self._end()
            self._task.close()

    def _end(self) -> None:
        self.done, self.until = True, None


class TaskSet:
    """All running tasks of one worker."""

    def __init__(self) -> None:
        self._handles: list[Handle[Any]] = []

    def start(self, task: Task[T], name: str, *, is_alone: bool = False) -> Handle[T]:
        handle = Handle(task, name, is_alone=is_alone)
        self._handles.append(handle)
        return handle

    def start_alone(self, task: Task[None], name: str) -> Handle[None]:
        """Start a task for whose result nobody waits: ``advance`` raises what ends it."""
        return self.start(task, name, is_alone=True)

    def advance(self, now: datetime) -> bool:
        """Advance every task whose wait is over by one step. Returns whether anything moved."""
        moved = has_ended = False
        problem: Exception | None = None
        for handle in tuple(self._handles):
            if handle.advance(now):
                moved = True
            if handle.done:
                has_ended = True
                if handle.is_alone:
                    problem = problem or handle.error
        if has_ended:
            self._handles = [handle for handle in self._handles if not handle.done]
        if problem is not None:
            raise problem
        return moved

    def move(self, by: timedelta) -> None:
        """Move every instant that a task waits for, as the clock was set by so much."""
        for handle in self._handles:
            handle.move(by)

    @property
    def names(self) -> tuple[str, ...]:
        """What is going on."""
        return tuple(handle.name for handle in self._handles if not handle.done)

    def next_deadline(self) -> datetime | None:
        """The earliest instant that some task waits for."""
        earliest: datetime | None = None
        for handle in self._handles:
            until = handle.until
            if until is not None and (earliest is None or until < earliest):
                earliest = until
        return earliest

    def cancel_all(self) -> None:
        for handle in self._handles:
            handle.cancel()
        self._handles.clear()


def all_of(tasks: TaskSet, children: Sequence[tuple[str, Task[T]]]) -> Task[list[T]]:
    """Run tasks side by side and return their results in order; the first error is raised when all have ended."""
    handles = [tasks.start(child, name) for name, child in children]
    try:
        yield Wait(ready=lambda: all(handle.done for handle in handles))
    except GeneratorExit:
        for handle in handles:
            handle.cancel()
        raise
    return [handle.result for handle in handles]
