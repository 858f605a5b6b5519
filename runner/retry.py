"""How long to wait before a restart and when to give up, and retries of single Engine calls: the home of tenacity.

A ``RetryPolicy`` is a value made of tenacity's strategies. It never sleeps: the pod's worker asks for a delay, publishes
``CrashLoopBackOff`` and waits on its own clock, so that a delete cuts the wait short and a restarted process goes on where
it was. Mirrors the schedule of pkg/kubelet (kubelet.go MaxCrashLoopBackOff, client-go util/flowcontrol/backoff.go).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final, Literal, TypeVar

from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception,
    stop_after_attempt,
    stop_never,
    wait_chain,
    wait_exponential,
    wait_none,
    wait_random_exponential,
)
from tenacity.stop import StopBaseT
from tenacity.wait import WaitBaseT, wait_base

from runner.clock import Clock
from runner.core.model import RetryScope
from runner.core.text.times import parse_duration
from runner.errors import EngineError, UsageError

INITIAL_SECONDS: Final = 10.0
CAP_SECONDS: Final = 300.0

_CAPPED_BY: Final = 64
"""After so many doublings the kubelet's schedule stays the same."""

ENGINE_FIRST_SECONDS: Final = 0.2
ENGINE_CAP_SECONDS: Final = 5.0
ENGINE_ATTEMPTS: Final = 6

Result = TypeVar("Result")


def kubelet_wait(initial: float = INITIAL_SECONDS, cap: float = CAP_SECONDS) -> wait_base:
    """The kubelet's schedule as a tenacity strategy: at once, then initial, doubled each time up to cap, in seconds."""
    return wait_chain(wait_none(), wait_exponential(multiplier=initial / 2, max=cap))


@dataclass(frozen=True, slots=True, kw_only=True, init=False)
class RetryPolicy:
    """What happens when a container has failed: what runs again, after how long, and how often at most.

    ``RetryPolicy(scope="container", wait=wait_fixed(1), stop=stop_after_attempt(5))``. Without ``wait`` it is the
    kubelet's schedule from ``initial`` to ``cap`` seconds; without ``stop`` it never gives up.
    """

    scope: RetryScope
    wait: WaitBaseT
    stop: StopBaseT
    initial: float
    cap: float
    _known: dict[int, float] | None = field(compare=False, repr=False)
    """Delays of the kubelet's schedule that have been asked for; other strategies may be random."""

    def __init__(
        self,
        *,
        scope: RetryScope | Literal["pod", "container"] = RetryScope.POD,
        wait: WaitBaseT | None = None,
        stop: StopBaseT | None = None,
        initial: float = INITIAL_SECONDS,
        cap: float = CAP_SECONDS,
    ) -> None:
        if not 0 <= initial <= cap:
            raise UsageError(f"a back-off from {initial:g} s to {cap:g} s makes no sense")
        put = object.__setattr__
        put(self, "scope", RetryScope(scope))
        put(self, "wait", kubelet_wait(initial, cap) if wait is None else wait)
        put(self, "stop", stop_never if stop is None else stop)
        put(self, "initial", initial)
        put(self, "cap", cap)
        put(self, "_known", _delays(initial, cap) if wait is None else None)

    @property
    def reset_after(self) -> float:
        """Seconds of running after which a restart counts as the first again: twice the cap, as in the kubelet."""
        return 2 * self.cap

    def delay(self, restart: int) -> float:
        """Seconds to wait before the n-th restart in a row, from 1. Ask once a restart: a strategy may be random."""
        if self._known is None:
            return max(0.0, float(self.wait(_State(restart, 0.0))))
        restart = min(restart, _CAPPED_BY)
        if restart not in self._known:
            self._known[restart] = max(0.0, float(self.wait(_State(restart, 0.0))))
        return self._known[restart]

    @property
    def is_plain(self) -> bool:
        """Whether scope, first and longest wait say all of it: the caller has brought no strategy."""
        return self._known is not None and not self.may_give_up

    @property
    def may_give_up(self) -> bool:
        """Whether ``gives_up`` has to be asked."""
        return self.stop is not stop_never

    def gives_up(self, restart: int, elapsed: float = 0.0) -> bool:
        """Tell whether the n-th restart in a row, from 1, is one too many, ``elapsed`` seconds after the first start.

        As in tenacity: before restart n there were n attempts, so ``stop_after_attempt(5)`` allows four restarts.
        """
        return self.may_give_up and bool(self.stop(_State(restart, elapsed, sleep=self.delay(restart))))


@lru_cache(maxsize=64)
def _delays(_initial: float, _cap: float) -> dict[int, float]:
    """Delays of one kubelet's schedule that some policy has been asked for."""
    return {}


class _State(RetryCallState):
    """A call state as tenacity would have it after that many failed attempts, with our time in place of its clock."""

    def __init__(self, attempt: int, elapsed: float, *, sleep: float = 0.0) -> None:
        super().__init__(retry_object=Retrying(), fn=None, args=(), kwargs={})
        self.set_exception((RuntimeError, RuntimeError("the container has failed"), None))
        self.attempt_number = attempt
        self.start_time, self.outcome_timestamp = 0.0, elapsed
        self.upcoming_sleep = sleep


def parse_backoff(text: str) -> tuple[float, float]:
    """Read ``10s..5m``: seconds of the first wait and of the longest. One duration alone is both. Raises UsageError."""
    first, dots, last = text.partition("..")
    try:
        initial = parse_duration(first)
        cap = parse_duration(last) if dots else initial
    except ValueError as problem:
        raise UsageError(f"{text!r} is no back-off like 10s..5m") from problem
    if not 0 <= initial <= cap:
        raise UsageError(f"back-off {text!r} does not go from a shorter to a longer time")
    return initial, cap


def engine_retry(
    clock: Clock,
    call: Callable[[], Result],
    *,
    attempts: int = ENGINE_ATTEMPTS,
    wait: WaitBaseT | None = None,
    before_sleep: Callable[[EngineError, float], None] | None = None,
) -> Result:
    """Make one Engine call, again while its error ``may_pass``; raises the last error when the attempts are used up.

    Waits at random between 0.2 s and a bound that doubles up to 5 s, so that several callers do not come back together;
    ``before_sleep`` hears the error and the seconds before each wait.
    """

    def tell(state: RetryCallState) -> None:
        problem = state.outcome.exception() if state.outcome is not None else None
        if before_sleep is not None and isinstance(problem, EngineError):
            before_sleep(problem, state.upcoming_sleep)

    retrying = Retrying(
        sleep=clock.sleep,
        stop=stop_after_attempt(attempts),
        wait=wait
        or wait_random_exponential(multiplier=ENGINE_FIRST_SECONDS, min=ENGINE_FIRST_SECONDS, max=ENGINE_CAP_SECONDS),
        retry=retry_if_exception(lambda error: isinstance(error, EngineError) and error.may_pass),
        before_sleep=tell,
        reraise=True,
    )
    return retrying(call)
