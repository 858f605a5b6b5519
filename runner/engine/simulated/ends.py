"""How runs of simulated containers end: by themselves, by a signal, by a kill, and never while they are paused."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from typing import Final, Protocol

from runner.clock import VirtualClock
from runner.core.labels import TERMINATION_PATH
from runner.core.model import EMPTY
from runner.core.text.times import later
from runner.engine.protocol import EngineState
from runner.engine.simulated.container import SimulatedContainer
from runner.engine.simulated.files import FileTree
from runner.engine.simulated.script import Attempt
from runner.engine.simulated.signals import NUMBERS, signal_name

KILLED: Final = 137


class Emit(Protocol):
    """Tells of something that happened to a container."""

    def __call__(self, container: SimulatedContainer, action: str, attributes: Mapping[str, str] = EMPTY) -> None: ...


class Ends:
    """Plans ends on the clock's agenda and carries them out. ``tree`` finds the files behind a path of a container."""

    def __init__(
        self, clock: VirtualClock, emit: Emit, tree: Callable[[SimulatedContainer, str], tuple[FileTree, str]]
    ) -> None:
        self._clock = clock
        self._emit = emit
        self._tree = tree

    def _plan_exit(self, container: SimulatedContainer, after: float, exit_code: int, *, oom: bool = False) -> None:
        """Let the present run end then, unless it already ends earlier."""
        due = later(self._clock.now(), after)
        if container.expect_end(due):
            self._clock.at(due, partial(self._end, container, container.run, exit_code, oom))

    def _end(self, container: SimulatedContainer, run: int, exit_code: int, oom: bool) -> None:
        """What was planned for this run happens, unless another plan has taken its place."""
        if container.run == run and container.due is not None and container.due <= self._clock.now():
            self._exit(container, exit_code, oom=oom)

    def _exit(self, container: SimulatedContainer, exit_code: int, *, oom: bool = False) -> None:
        container.end(exit_code, oom, self._clock.now())
        path = container.config.labels.get(TERMINATION_PATH, "")
        if path and container.script.termination_message:
            tree, inner = self._tree(container, path)
            tree.write(inner, container.script.termination_message.encode())
        if oom:
            self._emit(container, "oom")
        self._emit(container, "die", {"exitCode": str(exit_code)})
        if container.take_stop():
            self._emit(container, "stop")

    def end(self, container: SimulatedContainer, exit_code: int) -> None:
        """By itself, now."""
        self._exit(container, exit_code)

    def kill(self, container: SimulatedContainer, run: int | None = None) -> None:
        """SIGKILL; of a run that is over by now nothing is left to kill."""
        if run in (None, container.run):
            self._emit(container, "kill", {"signal": "9"})
            self._exit(container, KILLED)

    def pause(self, container: SimulatedContainer) -> None:
        """Its scripted time stands still."""
        container.freeze(self._clock.now())
        if container.stopping and container.remaining is not None and container.patience is not None:
            self._lose_patience(container, container.patience)  # what would have ended in time does not any more
        self._emit(container, "pause")

    def unpause(self, container: SimulatedContainer) -> None:
        """What it still had to run begins now."""
        container.thaw()
        self._emit(container, "unpause")
        if container.remaining is not None and container.attempt is not None:
            exit_code = container.attempt.natural_code
            self._plan_exit(container, container.remaining, exit_code, oom=container.attempt.oom)

    def stop(self, container: SimulatedContainer, timeout: int) -> float:
        """Ask it to end, and let it be killed after so many seconds. Returns how many the caller waits for its end."""
        stop_signal = signal_name(container.config.stop_signal or "SIGTERM")
        self._emit(container, "kill", {"signal": str(NUMBERS.get(stop_signal, 15))})
        now = self._clock.now()
        patience = later(now, timeout)
        container.ask_to_stop(patience)
        if self.obeys_at_once(container):
            return 0.0
        self.plan_term(container)
        end = patience if container.due is None else min(container.due, patience)
        if container.due is None or container.due > patience:
            self._lose_patience(container, patience)
        return (end - now).total_seconds()

    def obeys_at_once(self, container: SimulatedContainer) -> bool:
        """Whether it has ended by its stop signal before the call returns that sends it."""
        assert container.attempt is not None
        term = container.attempt.term()
        if term.after > 0 or term.ignore or container.state is not EngineState.RUNNING:
            return False
        self._exit(container, term.exit_code)
        return True

    def plan_natural(self, container: SimulatedContainer, attempt: Attempt) -> None:
        """Let it end as its script says, if it does by itself."""
        if attempt.after is not None:
            self._plan_exit(container, attempt.after, attempt.natural_code, oom=attempt.oom)

    def plan_term(self, container: SimulatedContainer) -> None:
        """It has got its stop signal."""
        assert container.attempt is not None
        term = container.attempt.term()
        if not term.ignore and container.state is EngineState.RUNNING:
            container.hear_signal()
            self._plan_exit(container, term.after, term.exit_code)

    def _lose_patience(self, container: SimulatedContainer, at: datetime) -> None:
        """Let a process that was asked to stop be killed then, if it is still there."""
        self._clock.at(at, partial(self.kill, container, container.run))
