"""Notes every call to an Engine that is made for a pod: when, how long it took and how it ended.

Arguments and texts of errors are not noted: both may hold what is secret.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from msgspec import Struct

from runner.clock import Clock
from runner.engine.seam import Call, Target

T = TypeVar("T")


class Noted(Struct, frozen=True, gc=False):
    """A call that is over; ``began`` and ``ended`` are the steady clock's, in seconds."""

    verb: str
    target: Target
    began: float
    ended: float
    outcome: str


class CallRecord:
    """Passes each call on as a value when it is over. Of a stream that is its opening: what comes in it is not noted."""

    def __init__(self, take: Callable[[Noted], None], clock: Clock) -> None:
        self._take = take
        self._clock = clock

    def around(self, call: Call, proceed: Callable[[], T]) -> T:
        if call.step or not call.target.uid:
            return proceed()
        outcome = "ok"
        try:
            return proceed()
        except BaseException as error:
            outcome = type(error).__name__
            raise
        finally:
            self._take(Noted(call.verb, call.target, call.began, self._clock.steady(), outcome))
