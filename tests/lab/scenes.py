"""Short ways to simulate a pod in tests and to look at what happened, in seconds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from itertools import pairwise
from typing import Any

from runner.clock import VIRTUAL_START, NothingWillHappen
from runner.core.history.attempts import Attempt, Doing
from runner.core.labels import CONTAINER_NAME
from runner.core.model import Json, Pod
from runner.kubelet.options import WorkerOptions
from runner.lab import Simulation, new_pod, parse_script, simulate
from runner.lab.records import timeline
from runner.lab.script import script_of
from runner.retry import RetryPolicy

CONTAINER = WorkerOptions(retry=RetryPolicy(scope="container"))
POD = WorkerOptions(retry=RetryPolicy(scope="pod"))


def pod(
    inits: Sequence[str | Mapping[str, Any]] = (), apps: Sequence[str | Mapping[str, Any]] = ("main",), **spec: Any
) -> Pod:
    """A pod of busybox containers; a container is a name, or a mapping with more fields."""
    value = {
        "metadata": {"name": "web"},
        "spec": {
            "restartPolicy": "Always",
            "terminationGracePeriodSeconds": 30,
            "initContainers": [_container(one) for one in inits],
            "containers": [_container(one) for one in apps],
            **spec,
        },
    }
    return new_pod(value)


def _container(given: str | Mapping[str, Any]) -> dict[str, Any]:
    base = {"image": "busybox:1.36", "imagePullPolicy": "IfNotPresent"}
    return {**base, "name": given} if isinstance(given, str) else {**base, **given}


def sidecar(name: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "restartPolicy": "Always", **more}


def run(
    what: Pod,
    script: str | Mapping[str, Any] = "",
    *,
    options: WorkerOptions = CONTAINER,
    seconds: float = 3600,
    objects: Iterable[Json] = (),
) -> Simulation:
    """Simulate a pod by a script, YAML or plain values."""
    parsed = parse_script(script, what) if isinstance(script, str) else script_of(dict(script), what)
    return simulate(what, parsed, options=options, for_seconds=seconds, objects=objects)


def attempts(simulation: Simulation, container: str) -> list[Attempt]:
    return [lane.attempt for lane in timeline(simulation).lanes if lane.attempt.container == container]


def runs(simulation: Simulation, container: str) -> list[tuple[float, float]]:
    """From when until when each attempt of a container ran."""
    return [
        (part.begin, part.end)
        for line in attempts(simulation, container)
        for part in line.stretches
        if part.doing is Doing.RUNNING
    ]


def starts(simulation: Simulation, container: str) -> list[float]:
    return [begin for begin, _ in runs(simulation, container)]


def ends(simulation: Simulation, container: str) -> list[float]:
    return [end for _, end in runs(simulation, container)]


def deaths(simulation: Simulation, container: str) -> list[float]:
    """When processes of a container really ended, which a terminating pod publishes only when all of them have."""
    found: list[float] = []
    with suppress(NothingWillHappen):
        stream = simulation.engine.events({CONTAINER_NAME: container}, since=VIRTUAL_START)
        found.extend(simulation.seconds(event.at) for event in stream if event.action == "die")
    return found


def gaps(simulation: Simulation, container: str) -> list[float]:
    """Seconds from each end of a container to its next start."""
    return [following[0] - before[1] for before, following in pairwise(runs(simulation, container))]


def events(simulation: Simulation, reason: str) -> list[tuple[float, str, str]]:
    """When each event of a reason came, about which container ("" for the pod), and its text."""
    return [
        (
            simulation.seconds(told.at),
            told.event["involvedObject"].get("fieldPath", "").partition("{")[2].rstrip("}"),
            told.event["message"],
        )
        for told in simulation.events
        if told.event["reason"] == reason
    ]


def last(simulation: Simulation) -> dict[str, Any]:
    """The status published last."""
    status: dict[str, Any] = dict(simulation.trace[-1].pod["status"])
    return status


def container_status(simulation: Simulation, name: str, at: float | None = None) -> dict[str, Any]:
    """A container's status as it was at an instant, or at the end."""
    shown = [one for one in simulation.trace if at is None or simulation.seconds(one.at) <= at][-1]
    status = shown.pod["status"]
    listed = [*status.get("initContainerStatuses", ()), *status.get("containerStatuses", ())]
    found: dict[str, Any] = next(one for one in listed if one["name"] == name)
    return found


def phases(simulation: Simulation) -> list[tuple[float, str]]:
    """When each phase began."""
    found: list[tuple[float, str]] = []
    for shown in simulation.trace:
        phase = shown.pod["status"]["phase"]
        if not found or found[-1][1] != phase:
            found.append((simulation.seconds(shown.at), phase))
    return found


def changes(simulation: Simulation, condition: str) -> list[tuple[float, str]]:
    """When each status of a condition began."""
    found: list[tuple[float, str]] = []
    for shown in simulation.trace:
        for one in shown.pod["status"].get("conditions", ()):
            if one["type"] == condition and (not found or found[-1][1] != one["status"]):
                found.append((simulation.seconds(shown.at), one["status"]))
    return found


def remains(simulation: Simulation) -> list[str]:
    """What the Engine still holds, containers and volumes."""
    engine = simulation.engine
    return [one.name for one in engine.list_containers({})] + [one.name for one in engine.list_volumes({})]
