"""Compares what was seen of a pod with what its scenario expects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any

from runner.core.text.times import parse_time
from tests.conformance.marks import Mark, is_between_marks, mark_problems, within
from tests.conformance.reading import Json, condition, differences, field, instances, phase, statuses
from tests.conformance.view import View


def _falls(values: Sequence[Any]) -> bool:
    return any(later < earlier for earlier, later in pairwise(values))


@dataclass
class Judge:
    """Judges one scenario; ``since`` (seconds since boot) is where the marks that count begin."""

    expect: Mapping[str, Any]
    view: View
    since: float = 0.0
    deleted: datetime | None = None
    gone: datetime | None = None

    def marks(self) -> list[Mark]:
        return [mark for mark in self.view.marks() if mark.at >= self.since]

    def problems(self) -> list[str]:
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
        found += mark_problems(expect, self.marks())
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
        if reason and not any(field(one, "waitingReason") == reason for pod in pods for one in statuses(pod).values()):
            found.append(f"never waiting: {reason}")
        return found

    def verdict(self) -> list[str]:
        """What must have held all the time, or by the clock."""
        expect, pods = self.expect, self.view.pods()
        found = [
            f"broken: {text}"
            for text in [*expect.get("never", ()), *expect.get("invariant", ())]
            if self._is_broken(text, pods)
        ]
        if "no_events" in expect:
            # Of a termination, if there is one: before it, a busy machine may well have let a probe time out.
            events = self.view.events(since=self.deleted)
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
                return any(one is not None and field(one, "waitingReason") != "PodInitializing" for one in found)
            case "restartCount never goes down":
                names, shown = self.expect["containers"], [statuses(pod) for pod in pods]
                return any(_falls([one[name]["restartCount"] for one in shown if name in one]) for name in names)
            case "Initialized never goes from True to False":
                return _falls(
                    [condition(p, "Initialized")["status"] == "True" for p in pods if condition(p, "Initialized")]
                )
            case _:
                raise KeyError(f"a scenario has a rule that nobody can check: {text}")

    def _shown(self, pods: Sequence[Json]) -> list[Json]:
        return [statuses(pod)[self._subject] for pod in pods if self._subject in statuses(pod)]
