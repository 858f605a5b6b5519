"""One scenario from creation to clean-up: its steps are done, and what it expects is compared with what was seen."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import yaml

from runner.core.backoff import CAP_SECONDS
from runner.core.times import parse_time
from tests.conformance.bed import TestBed, View
from tests.conformance.marks import Mark, is_between_marks, mark_problems, within
from tests.conformance.reading import (
    Json,
    brief,
    condition,
    differences,
    instances,
    matches,
    phase,
    statuses,
)
from tests.conformance.reading import (
    field as said,
)

_PAUSE_SECONDS: Final = 0.3
_LAST_LOOK_SECONDS: Final = 5.0
CONFIGURABLE_CAP: Final = "configurable-max-backoff"


@dataclass(frozen=True, slots=True)
class Scenario:
    """A file of fixtures/conformance/e2e."""

    name: str
    requires: frozenset[str]
    budget: float
    pod: Json
    steps: Sequence[Mapping[str, Any]]
    expect: Mapping[str, Any]

    @classmethod
    def read(cls, path: Path) -> Scenario:
        value = yaml.safe_load(path.read_text())
        return cls(
            name=value["name"],
            requires=frozenset(value["requires"]),
            budget=float(value["time_budget_seconds"]),
            pod=value["pod"],
            steps=tuple(value.get("steps") or ()),
            expect=value["expect"],
        )

    @property
    def cap(self) -> float:
        """The longest back-off in seconds: where it is configured, the longest gap that the scenario expects."""
        if CONFIGURABLE_CAP not in self.requires:
            return CAP_SECONDS
        offsets = self.expect["backoff"]["start_offsets_seconds"]
        return float(max(later - earlier for earlier, later in pairwise(offsets)))


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a scenario went: what did not hold, and how long it took in seconds."""

    name: str
    problems: Sequence[str]
    seconds: float


class Failed(Exception):
    """A step cannot be done, or what it waits for does not come."""


def _falls(values: Sequence[Any]) -> bool:
    return any(later < earlier for earlier, later in pairwise(values))


@dataclass
class Course:
    """One scenario while it runs."""

    bed: TestBed
    scenario: Scenario
    view: View = field(init=False)
    cursor: int = 0
    since: float = 0.0
    deleted: datetime | None = None
    gone: datetime | None = None

    @property
    def expect(self) -> Mapping[str, Any]:
        return self.scenario.expect

    def run(self) -> Outcome:
        """Run the scenario to its end, and remove its pod whatever happens."""
        begun = self.bed.clock.now()
        self.view = self.bed.create(self.scenario.pod, cap=self.scenario.cap)
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
            if self.expect.get("order_after_step") == index:
                self.since = self._uptime()
        end = max(begun + timedelta(seconds=self.scenario.budget), self._in(_LAST_LOOK_SECONDS))
        if self.deleted is not None and self.gone is None:
            self._wait_gone(end)
        problems = self._problems()
        while problems and self._now() < end and self.gone is None:
            self.bed.let_pass(self.view, _PAUSE_SECONDS)
            problems = self._problems()
        hold = self._in(self.expect.get("hold_seconds", 0))
        while not problems and self._now() < hold:
            self.bed.let_pass(self.view, _PAUSE_SECONDS)
            problems = [f"did not hold: {problem}" for problem in self._problems()]
        return [*problems, *self._verdict()]

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
                self.deleted = self._now()
                bed.delete(view, wanted.get("grace"))
            case "wait_gone":
                assert self.deleted is not None
                self._wait_gone(self.deleted + timedelta(seconds=wanted["within"]))
            case "update_image":
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
            return pod is None or bool(mark_problems({"never_started": names}, self._marks()))

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
        self.gone = self.view.states[-1].at

    # --- what is expected ----------------------------------------------------------------------------------------------

    def _problems(self) -> list[str]:
        """What does not hold now but may come to."""
        expect, pod = self.expect, self.view.last()
        if pod is None:
            return ["no pod"]
        found = []
        if expect.get("phase", phase(pod)) != phase(pod):
            found.append(f"phase {phase(pod)}, wanted {expect['phase']}")
        for name, wanted in expect.get("containers", {}).items():
            found += differences(pod, name, wanted)
        for kind, wanted in expect.get("conditions", {}).items():
            shown = condition(pod, kind)
            found += [f"{kind}.{key}: {shown.get(key)!r}" for key, value in wanted.items() if shown.get(key) != value]
        found += mark_problems(expect, self._marks())
        for duration in expect.get("durations", ()):
            if not is_between_marks(duration) and not within(duration, self._measured(duration)):
                found.append(f"duration {duration}: {self._measured(duration)}")
        if "backoff" in expect:
            found += self._backoff(expect["backoff"])
        if "events" in expect and not found:
            events = self.view.events()
            found += [f"no event {text}" for text in expect["events"] if not any(e.startswith(text) for e in events)]
        return found

    def _measured(self, duration: Mapping[str, Any]) -> float | None:
        begin, end = self._moment(duration["from"]), self._moment(duration["to"])
        return None if begin is None or end is None else (end - begin).total_seconds()

    def _moment(self, words: str) -> datetime | None:
        """When something happened that is told in words."""
        if words in ("container started", "container finished"):
            runs = instances(self.view.pods(), self._subject)
            return runs[0][words.endswith("finished")] if runs else None
        if words == "container ready":
            ready = condition(self.view.last(), "Ready")
            return parse_time(ready.get("lastTransitionTime")) if ready.get("status") == "True" else None
        key = words.removesuffix(" becomes true")
        shown = (seen.at for seen in tuple(self.view.states) if statuses(seen.pod).get(self._subject, {}).get(key))
        return next(shown, None)

    @property
    def _subject(self) -> str:
        """The container that the scenario is about."""
        return str(next(iter(self.expect["containers"])))

    def _backoff(self, wanted: Mapping[str, Any]) -> list[str]:
        """Compare the gaps between runs with the nominal ones, within what a kubelet's jitter allows."""
        pods, plan = self.view.pods(), wanted["start_offsets_seconds"]
        runs = instances(pods, self._subject)
        found = [] if len(runs) >= len(plan) else [f"{len(runs)} of {len(plan)} starts"]
        for number, (earlier, later) in enumerate(pairwise(runs[: len(plan)]), start=1):
            nominal = plan[number] - plan[number - 1]
            gap = (later[0] - earlier[1]).total_seconds() if earlier[1] is not None else None
            if gap is None or not nominal - 1 <= gap <= 1.5 * nominal + 5:
                found.append(f"start {number} after {gap} s, wanted {nominal}")
        reason = wanted.get("waiting_seen")
        if reason and not any(said(one, "waitingReason") == reason for pod in pods for one in statuses(pod).values()):
            found.append(f"never waiting: {reason}")
        return found

    def _verdict(self) -> list[str]:
        """What must have held all the time, or by the clock."""
        expect, pods = self.expect, self.view.pods()
        found = [
            f"broken: {text}"
            for text in [*expect.get("never", ()), *expect.get("invariant", ())]
            if self._is_broken(text, pods)
        ]
        if "no_events" in expect:
            events = self.view.events()
            found += [f"event {event}" for event in events for text in expect["no_events"] if text in event]
        if "gone" in expect:
            assert self.deleted is not None
            seconds = None if self.gone is None else (self.gone - self.deleted).total_seconds()
            wanted = expect["gone"]
            if seconds is None or not wanted.get("not_before", 0) <= seconds <= wanted["within"]:
                found.append(f"gone after {seconds} s, wanted {wanted}")
        if "during_termination" in expect:
            found += self._during_termination(expect["during_termination"])
        return found

    def _during_termination(self, wanted: Mapping[str, Any]) -> list[str]:
        assert self.deleted is not None
        pods = [seen.pod for seen in tuple(self.view.states) if seen.pod is not None and seen.at >= self.deleted]
        conditions, containers = wanted.get("condition", {}), wanted.get("containers", {})
        return [
            f"{kind} never {value} while terminating"
            for kind, value in conditions.items()
            if not any(condition(pod, kind).get("status") == value for pod in pods)
        ] + [
            f"{name} never {value} while terminating"
            for name, value in containers.items()
            if all(differences(pod, name, value) for pod in pods)
        ]

    def _is_broken(self, text: str, pods: Sequence[Json]) -> bool:
        """Whether some state breaks a rule that is told in words."""
        match text:
            case "ready becomes true":
                return any(one.get("ready") for one in self._shown(pods))
            case "ready before started":
                return any(one.get("ready") and not one.get("started") for one in self._shown(pods))
            case "phase other than Pending":
                return any(phase(pod) != "Pending" for pod in pods)
            case "run1 or init2 leave state waiting/PodInitializing":
                found = (statuses(pod).get(name) for pod in pods for name in ("run1", "init2"))
                return any(one is not None and said(one, "waitingReason") != "PodInitializing" for one in found)
            case "restartCount never goes down":
                names, shown = self.expect["containers"], [statuses(pod) for pod in pods]
                return any(_falls([one[name]["restartCount"] for one in shown if name in one]) for name in names)
            case "Initialized never goes from True to False":
                return _falls(
                    [condition(p, "Initialized")["status"] == "True" for p in pods if condition(p, "Initialized")]
                )
            case _:
                raise Failed(f"cannot check: {text}")

    def _shown(self, pods: Sequence[Json]) -> list[Json]:
        return [statuses(pod)[self._subject] for pod in pods if self._subject in statuses(pod)]

    # --- small things --------------------------------------------------------------------------------------------------

    def _marks(self) -> list[Mark]:
        return [mark for mark in self.view.marks() if mark.at >= self.since]

    def _uptime(self) -> float:
        """The Engine's seconds since boot, as the marks have them."""
        running = next(n for n, one in statuses(self.view.last()).items() if said(one, "state") == "running")
        return float(self.bed.exec(self.view, running, ["cat", "/proc/uptime"]).split()[0])

    def _now(self) -> datetime:
        return self.bed.clock.now()

    def _in(self, seconds: float) -> datetime:
        return self._now() + timedelta(seconds=seconds)

    def _history(self, begun: datetime) -> list[str]:
        """What was seen, for whoever has to find out why."""
        states = [f"  {(s.at - begun).total_seconds():7.2f} {brief(s.pod)}" for s in tuple(self.view.states)]
        marks = [f"  {mark.at:.2f} {mark.who} {mark.word}" for mark in self.view.marks()]
        return ["states:", *states, "marks:", *marks, "events:", *(f"  {event}" for event in self.view.events())]
