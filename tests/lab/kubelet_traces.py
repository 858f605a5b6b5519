"""What a real kubelet published, and how to compare it with a simulation; the rules stand beside the recordings."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from pathlib import Path
from typing import Any

from runner.core.manifest import Source, load
from runner.core.model import Pod
from runner.lab.simulation import Simulation, new_pod

FOLDER = Path("fixtures/conformance/kubelet-traces")
STABLE_SECONDS = 1.0
BURST = 25
"""Events about one pod that a recorder lets through before it begins to drop some."""

_POD_NAME = re.compile(r"pod([= ])\S+\(\S+\)")
_NO_API = re.compile(r"couldn't get configMap default/(\S+), no kubeClient defined")
_EVENT = re.compile(r"\[(\w+)\] (\w+) x(\d+) (\S*): (.*)", re.DOTALL)


def plain(text: str) -> str:
    """A message without what differs from pod to pod; a kubelet without an API server cannot look for configMaps."""
    return _NO_API.sub(r'configmap "\1" not found', _POD_NAME.sub(r"pod\1<pod>", text))


@dataclass(frozen=True, slots=True)
class State:
    """One container at one instant."""

    kind: str
    reason: str
    message: str
    exit_code: int | None
    restarts: int
    ready: bool
    started: bool

    @property
    def is_waiting(self) -> bool:
        return self.kind == "waiting"

    @property
    def run(self) -> tuple[str, int | None, str, int]:
        """What it runs or how it ended, and its restarts."""
        return (self.kind, self.exit_code, self.reason, self.restarts)


@dataclass(frozen=True, slots=True)
class Moment:
    """A pod at one instant, in seconds since it was handed over."""

    at: float
    phase: str
    deleting: bool
    conditions: Mapping[str, str]
    containers: Mapping[str, State]


@dataclass(frozen=True, slots=True)
class Recorded:
    """One event that was recorded or counted up."""

    at: float
    type: str
    reason: str
    about: str
    message: str
    count: int

    @property
    def key(self) -> tuple[str, str, str, str]:
        return (self.type, self.reason, self.about, self.message)


@dataclass(frozen=True)
class Story:
    """A pod's life as a client saw it."""

    moments: tuple[Moment, ...]
    events: tuple[Recorded, ...]

    def runs(self, container: str) -> list[tuple[str, int | None, str, int]]:
        """The distinct states in which a container ran or had ended, in order."""
        states = (m.containers[container] for m in self.moments if container in m.containers)
        return [run for run, _ in groupby(state.run for state in states if not state.is_waiting)]

    def waits(self, container: str) -> list[tuple[str, str]]:
        """The different waiting reasons and messages of a container, in the order in which they came first."""
        states = (m.containers[container] for m in self.moments if container in m.containers)
        return list(dict.fromkeys((s.reason, s.message) for s in states if s.is_waiting))

    @property
    def phases(self) -> list[str]:
        return [phase for phase, _ in groupby(moment.phase for moment in self.moments)]

    @property
    def stable(self) -> Iterator[Moment]:
        """The states in which nothing changed for more than a second; the last one is cut off."""
        for moment, following in zip(self.moments, self.moments[1:], strict=False):
            if following.at - moment.at > STABLE_SECONDS and moment.conditions:
                yield moment

    def gaps(self, container: str) -> list[float]:
        """Seconds from each end of a container to its next start."""
        found, ended = [], None
        for moment in self.moments:
            state = moment.containers.get(container)
            if state is None:
                continue
            if state.kind == "terminated" and ended is None:
                ended = moment.at
            elif state.kind == "running" and ended is not None:
                found.append(moment.at - ended)
                ended = None
        return found

    def until_late_restart(self) -> Story:
        """Up to the first restart that back-off held, without it.

        A kubelet does it late, and in a pod whose probes kill, the next kill then falls elsewhere in the window.
        """
        names = {name for moment in self.moments for name in moment.containers}
        held = dict.fromkeys(names, False)
        for number, moment in enumerate(self.moments):
            for name, state in moment.containers.items():
                if held[name] and state.kind == "running":
                    return Story(self.moments[:number], tuple(e for e in self.events if e.at < moment.at))
                held[name] |= state.reason == "CrashLoopBackOff"
        return self

    def event_order(self) -> list[tuple[str, str, str, str]]:
        """The different events in the order in which they came first; those of one moment's kills have no order."""
        keys = dict.fromkeys(event.key for event in self.events)
        order: list[tuple[str, str, str, str]] = []
        for killing, group in groupby(keys, key=lambda key: key[1] == "Killing"):
            together = list(group)
            order.extend(sorted(together) if killing else together)
        return order

    def repetitions(self) -> list[tuple[str, str]]:
        """Which event came after which, what only tells of another look left out, until some are dropped."""
        told = [(event.reason, event.about) for event in self.events[:BURST] if event.reason != "Killing"]
        again = {"BackOff", "Failed"}
        return [step for step, _ in groupby(told) if step[0] not in again]


class KubeletTrace:
    """One recording."""

    def __init__(self, path: Path) -> None:
        self.value: dict[str, Any] = json.loads(path.read_text())

    @property
    def case(self) -> str:
        return str(self.value["case"])

    @cached_property
    def pod(self) -> Pod:
        result = load([Source(name=self.case, text=self.value["manifest"])], namespace="default")
        assert not result.problems
        return new_pod(result.objects[0].value)

    @cached_property
    def story(self) -> Story:
        moments = tuple(_kubelet_moment(value) for value in self.value["published"])
        events = tuple(_kubelet_event(value) for value in self.value.get("events", ()))
        restarted_at = _kubelet_restart(events)
        return Story(
            tuple(moment for moment in moments if moment.at < restarted_at),
            tuple(event for event in events if event.at < restarted_at),
        )

    @property
    def is_deleted(self) -> bool:
        return any(moment.deleting for moment in self.story.moments)

    @property
    def before_deletion(self) -> Story:
        return Story(tuple(m for m in self.story.moments if not m.deleting), self.story.events)

    def script(self) -> dict[str, Any]:
        """The script that the recording shows: how each attempt ended, and what a registry said."""
        found = {
            container.name: {"attempts": self._attempts(container.name)} for container in self.pod.all_containers()
        }
        images = {
            container.image: [{"error": message}]
            for container in self.pod.all_containers()
            for reason, message in self.story.waits(container.name)
            if reason == "ErrImagePull"
        }
        return {"containers": found, "images": images}

    def _attempts(self, container: str) -> list[dict[str, Any]]:
        alive = set(self.before_deletion.runs(container))
        attempts: list[dict[str, Any]] = []
        for kind, code, _, restarts in self.story.runs(container):
            if kind != "terminated" or restarts < len(attempts):
                continue
            if code == 137:
                attempts.append({"run": "forever", "onTerm": "ignore"})
            elif (kind, code, _, restarts) in alive:
                attempts.append({"exit": code, "after": "500ms"})
            else:
                attempts.append({"run": "forever", "onTerm": {"exit": code, "after": "1s"}})
        return [*attempts, {"run": "forever", "onTerm": "ignore"}]

    @property
    def has_killing_probes(self) -> bool:
        return any(container.liveness or container.startup for container in self.pod.all_containers())

    def sandbox_killed(self) -> bool:
        """Whether the sandbox went away under a running container of a pod that is not deleted."""
        before = self.before_deletion.moments
        return any(
            m.conditions.get("PodReadyToStartContainers") == "False"
            and m.phase == "Running"
            and any(s.kind == "running" for s in m.containers.values())
            for m in before
        )


def _kubelet_restart(events: Iterable[Recorded]) -> float:
    """When the kubelet was restarted, which forgets back-offs and counts: an event's count begins anew."""
    counts: dict[object, int] = {}
    for event in events:
        if event.count <= counts.get(event.key, 0):
            return event.at - 10
        counts[event.key] = event.count
    return float("inf")


def _kubelet_moment(value: Mapping[str, Any]) -> Moment:
    containers = {
        name: State(
            kind=state["state"],
            reason=state.get("reason", ""),
            message=plain(state.get("message", "")),
            exit_code=state.get("exitCode"),
            restarts=state["restartCount"],
            ready=state["ready"],
            started=bool(state["started"]),
        )
        for name, state in {**value["init"], **value["containers"]}.items()
    }
    return Moment(value["t"], value["phase"], bool(value.get("deleting")), value["conditions"], containers)


def _kubelet_event(value: Mapping[str, Any]) -> Recorded:
    match = _EVENT.fullmatch(value["event"])
    assert match is not None, value
    kind, reason, count, about, message = match.groups()
    return Recorded(value["t"], kind, reason, about, plain(message).strip(), int(count))


def simulated_story(simulation: Simulation) -> Story:
    """A simulation in the recordings' terms; events of the kubelet only."""
    moments = tuple(_moment(simulation.seconds(shown.at), shown.pod) for shown in simulation.trace)
    events = tuple(
        Recorded(
            at=simulation.seconds(told.at),
            type=told.event["type"],
            reason=told.event["reason"],
            about=told.event["involvedObject"].get("fieldPath", ""),
            message=plain(told.event["message"]).strip(),
            count=told.event["count"],
        )
        for told in simulation.events
        if told.event["source"]["component"] == "kubelet"
    )
    return Story(moments, events)


def _moment(at: float, pod: Mapping[str, Any]) -> Moment:
    status = pod["status"]
    listed = [*status.get("initContainerStatuses", ()), *status.get("containerStatuses", ())]
    conditions = {c["type"]: _condition(c) for c in status.get("conditions", ())}
    deleting = "deletionTimestamp" in pod["metadata"]
    return Moment(at, status["phase"], deleting, conditions, {one["name"]: _state(one) for one in listed})


def _condition(condition: Mapping[str, Any]) -> str:
    # Since 1.37 a kubelet tells why there is no sandbox; the recordings are older.
    reasons = () if condition["type"] == "PodReadyToStartContainers" else ("reason", "message")
    return ":".join([condition["status"], *(condition[key] for key in reasons if condition.get(key))])


def _state(status: Mapping[str, Any]) -> State:
    ((kind, value),) = status["state"].items()
    return State(
        kind=kind,
        reason=value.get("reason", ""),
        message=plain(value.get("message", "")),
        exit_code=value.get("exitCode"),
        restarts=status["restartCount"],
        ready=status["ready"],
        started=bool(status.get("started")),
    )


def nominal_wait(restart: int) -> float:
    """Seconds before a restart, counted from 1."""
    return 0.0 if restart == 1 else min(10.0 * 2 ** (restart - 2), 300.0)


def traces() -> Sequence[Path]:
    """The recordings of a kubelet by itself; those of a whole cluster are in ``cluster_traces``."""
    return sorted(path for path in FOLDER.glob("*.json") if not path.name.startswith("cluster"))


def names(pod: Pod) -> Iterable[str]:
    return (container.name for container in pod.all_containers())
