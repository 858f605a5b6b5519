"""Goes on while the Engine fails: the same call again and again, ever later, and a sentence when it is more than a moment."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta

from runner.clock import Clock
from runner.core.sync.backoff import pull_schedule
from runner.errors import EngineUnavailable, RunnerError, TooManyFiles
from runner.kubelet.loop.health import EngineHealth
from runner.kubelet.loop.observer import Observer
from runner.kubelet.loop.reporter import Reporter
from runner.kubelet.loop.tasks import Handle, Task, TaskSet, Wait

TROUBLE, UNAVAILABLE = pull_schedule(0.5, 5.0), pull_schedule(0.5, 2.0)
"""Seconds to wait after the n-th failure of the Engine in a row, and after it did not answer at all."""
PATIENCE = 3
"""From so many failures in a row on somebody is told."""
BACK = "the Engine answers again"

_log = logging.getLogger("runner.engine")


class Patience:
    """One pod's dealings with an Engine that fails. ``health`` is shared: one pod of a node says what all of them meet."""

    def __init__(
        self, health: EngineHealth, observer: Observer, reporter: Reporter, tasks: TaskSet, clock: Clock
    ) -> None:
        self._health = health
        self._observer = observer
        self._reporter = reporter
        self._tasks = tasks
        self._clock = clock
        self._return: Handle[None] | None = None

    def begin(self) -> None:
        """One more pod has dealings with the Engine."""
        self._health.join()

    def end(self) -> None:
        """The pod has none any more."""
        if self._health.leave():
            self._reporter.notice(BACK)

    def steadily(self, work: Callable[[], None], trouble: str = "the Engine answers with an error") -> Task[None]:
        """Do something with the Engine, again and again until it is done, ever later while nothing has changed."""
        failures = 0
        while True:
            try:
                work()
            except RunnerError as error:
                if error.is_final:
                    raise
                failures += 1
                yield Wait(until=self.failed(error, failures, trouble))
            else:
                self._is_back()
                return

    def failed(self, error: RunnerError, failures: int, text: str) -> datetime:
        """The Engine failed for the n-th time in a row: say so when it is more than a moment. Returns when to go on."""
        ref = self._reporter.ref
        _log.info("%s_%s(%s): %s", ref.name, ref.namespace, ref.uid, error)
        if isinstance(error, EngineUnavailable):
            self._observer.shake()
            self._complain(error)
        else:
            self._observer.mistrust()
            if failures == PATIENCE:
                self._reporter.notice(f"{text}, trying again: {error.message}")
        schedule = UNAVAILABLE if isinstance(error, EngineUnavailable) else TROUBLE
        return self._clock.now() + timedelta(seconds=schedule(failures))

    def _complain(self, error: EngineUnavailable) -> None:
        """Say that the Engine does not answer, once in a run until it is back."""
        if self._health.failed():
            what = "" if isinstance(error, TooManyFiles) else "the Engine does not answer, "
            self._reporter.notice(f"{what}trying again: {error.message}")

    def _is_back(self) -> None:
        health = self._health
        if not health.is_lost:
            return
        health.answered(self._clock.steady())
        if health.calm_at is not None and (self._return is None or self._return.done):
            self._return = self._tasks.start_alone(self._tell_return(), "watching the Engine")

    def _tell_return(self) -> Task[None]:
        """Say that the Engine is back when it has been for a while, unless another worker does."""
        while (at := self._health.calm_at) is not None:
            left = at - self._clock.steady()
            if left <= 0:
                if self._health.take_return(self._clock.steady()):
                    self._reporter.notice(BACK)
                return
            yield Wait(until=self._clock.now() + timedelta(seconds=left))
