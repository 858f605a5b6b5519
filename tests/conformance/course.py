"""One scenario from creation to clean-up: its steps are done, and what it expects is compared with what was seen."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from runner.errors import EngineError
from tests.conformance.contract import Bed
from tests.conformance.judging import Judge
from tests.conformance.marks import mark_problems
from tests.conformance.reading import Json, brief, field, matches, statuses
from tests.conformance.scenario import Scenario
from tests.conformance.view import View

_PAUSE_SECONDS: Final = 0.3
_TRAP_SECONDS: Final = 30.0
_LAST_LOOK_SECONDS: Final = 5.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a scenario went: what did not hold, and how long it took in seconds."""

    name: str
    problems: Sequence[str]
    seconds: float


class Failed(Exception):
    """A step cannot be done, or what it waits for does not come."""


@dataclass
class Course:
    """One scenario while it runs."""

    bed: Bed
    scenario: Scenario
    view: View = dataclasses.field(init=False)
    judge: Judge = dataclasses.field(init=False)
    cursor: int = 0

    def run(self) -> Outcome:
        """Run the scenario to its end, and remove its pod whatever happens."""
        begun = self.bed.clock.now()
        self.view = self.bed.create(self.scenario.pod, cap=self.scenario.cap)
        self.judge = Judge(self.scenario.expect, self.view)
        try:
            problems = self._run(begun)
        except Failed as failure:
            problems = [str(failure)]
        finally:
            self.bed.remove(self.view)
        if problems:
            problems = [*problems, *self._history(begun)]
        return Outcome(self.scenario.name, problems, (self.bed.clock.now() - begun).total_seconds())

    def _run(self, begun: datetime) -> list[str]:
        for index, step in enumerate(self.scenario.steps):
            ((kind, wanted),) = step.items()
            self._step(kind, wanted)
            if self.scenario.expect.get("order_after_step") == index:
                self.judge.since = self._uptime()
        end = max(begun + timedelta(seconds=self.scenario.budget), self._in(_LAST_LOOK_SECONDS))
        if self.judge.deleted is not None and self.judge.gone is None:
            self._wait_gone(end)
        problems = self.judge.problems()
        while problems and self._now() < end and self.judge.gone is None:
            self.bed.let_pass(self.view, _PAUSE_SECONDS)
            problems = self.judge.problems()
        hold = self._in(self.scenario.expect.get("hold_seconds", 0))
        while not problems and self._now() < hold:
            self.bed.let_pass(self.view, _PAUSE_SECONDS)
            problems = [f"did not hold: {problem}" for problem in self.judge.problems()]
        return [*problems, *self.judge.verdict()]

    # --- steps ---------------------------------------------------------------------------------------------------------

    def _step(self, kind: str, wanted: Any) -> None:
        bed, view = self.bed, self.view
        match kind:
            case "wait":
                if not self._until(lambda pod: matches(pod, wanted), self._in(wanted["within"])):
                    raise Failed(f"waited in vain for {wanted}: {brief(view.last())}")
            case "hold":
                self._hold(wanted)
            case "delete":
                self._let_traps_be_set()
                self.judge.deleted = self._now()
                bed.delete(view, wanted.get("grace"))
            case "wait_gone":
                assert self.judge.deleted is not None
                self._wait_gone(self.judge.deleted + timedelta(seconds=wanted["within"]))
            case "update_image":
                self._let_traps_be_set()
                bed.set_image(view, wanted["container"], wanted["image"])
            case "exec":
                bed.exec(view, wanted["container"], wanted["command"])
            case "sleep":
                bed.let_pass(view, wanted)
            case "stop_sandbox":
                bed.engine.kill_container(bed.sandbox(view), "SIGKILL")
            case "remove_containers":
                for name in wanted["names"]:
                    for container_id in bed.containers(view, name):
                        bed.engine.remove_container(container_id)
            case _:
                raise Failed(f"unknown step {kind}")

    def _hold(self, wanted: Mapping[str, Any]) -> None:
        self.cursor = len(self.view.states) - 1
        names = wanted.get("never_started")

        def is_broken(pod: Json | None) -> bool:
            if names is None:
                return not matches(pod, wanted)
            return pod is None or bool(mark_problems({"never_started": names}, self.judge.marks()))

        end = self._in(wanted["for"])
        if self._until(is_broken, end) or is_broken(self.view.states[-1].pod):
            raise Failed(f"did not hold: {wanted}: {brief(self.view.last())}")

    def _until(self, test: Callable[[Json | None], bool], end: datetime) -> bool:
        """Look at every state from the last one looked at on, until one passes; whether one did in time."""
        while True:
            states = tuple(self.view.states)
            for index in range(self.cursor, len(states)):
                if test(states[index].pod):
                    self.cursor = index
                    return True
            self.cursor = max(self.cursor, len(states) - 1)
            if self._now() >= end:
                return False
            self.view.wait(len(states))

    def _wait_gone(self, end: datetime) -> None:
        if not self._until(lambda pod: pod is None, end):
            raise Failed(f"not gone in time: {brief(self.view.last())}")
        self.judge.gone = self.view.states[-1].at

    def _let_traps_be_set(self) -> None:
        """Containers count as running before their scripts have come far; who is told to end before that ends otherwise."""
        spec = self.scenario.pod["spec"]
        containers = [*spec.get("initContainers", ()), *spec["containers"]]
        waiting = [one["name"] for one in containers if "trap " in str(one.get("command"))]
        end = self._in(_TRAP_SECONDS)
        while self._now() < end:
            running = {name for name, one in statuses(self.view.last()).items() if field(one, "state") == "running"}
            waiting = [name for name in waiting if name in running and not self._catches_term(name)]
            if not waiting:
                return
            self.bed.let_pass(self.view, _PAUSE_SECONDS)

    def _catches_term(self, name: str) -> bool:
        try:
            return self.bed.catches_term(self.view, name)
        except EngineError:
            return True  # It has ended meanwhile.

    # --- small things --------------------------------------------------------------------------------------------------

    def _uptime(self) -> float:
        """The Engine's seconds since boot, as the marks have them."""
        running = next(n for n, one in statuses(self.view.last()).items() if field(one, "state") == "running")
        return float(self.bed.exec(self.view, running, ["cat", "/proc/uptime"]).split()[0])

    def _now(self) -> datetime:
        return self.bed.clock.now()

    def _in(self, seconds: float) -> datetime:
        return self._now() + timedelta(seconds=seconds)

    def _history(self, begun: datetime) -> list[str]:
        """What was seen, to find out why."""
        states = [f"  {(s.at - begun).total_seconds():7.2f} {brief(s.pod)}" for s in tuple(self.view.states)]
        marks = [f"  {mark.at:.2f} {mark.who} {mark.word}" for mark in self.view.marks()]
        return ["states:", *states, "marks:", *marks, "events:", *(f"  {event}" for event in self.view.events())]
