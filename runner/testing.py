"""Pods in virtual time, for tests without an Engine: what would a kubelet do with this manifest when init 2 fails three times?

::

    from runner import testing

    life = testing.simulate("pod.yaml", {"containers": {"migrate": {"attempts": [{"exit": 1}, {"exit": 0}]}}})
    assert life.words == ["Pending", "Init:0/1", "Init:Error", "Init:0/1", "PodInitializing", "Running"]
    assert life.init("migrate").attempts[0].exit_code == 1

The product's own worker on the simulated Engine; an hour passes in milliseconds.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Unpack

from runner.api.history import AttemptRecord, PodHistory
from runner.api.inputs import Manifest, sources_of
from runner.api.options import RunOptions
from runner.api.settings import How, Seconds, options_of, overrides_of, seconds_of
from runner.api.simulating import Simulation, checked_faults, new_pod, script_of
from runner.api.simulating import simulate as _simulate
from runner.api.status import Status
from runner.clock import VIRTUAL_START
from runner.core.events import Event
from runner.core.model import Pod
from runner.core.status.podstatus import PodStatus
from runner.errors import ManifestError, UsageError

DEFAULT_SECONDS = 3600.0
"""How long a simulation lasts unless told otherwise."""


@dataclass(frozen=True, slots=True)
class SimulatedContainer:
    """One container of a simulated pod."""

    name: str
    attempts: tuple[AttemptRecord, ...]

    @property
    def restarts(self) -> int:
        return max(0, len(self.attempts) - 1)


class SimulatedLife:
    """What happened to a pod: every status and event, at any second of its life."""

    def __init__(self, simulation: Simulation) -> None:
        self._simulation = simulation
        self._history = PodHistory.of(simulation.pod.manifest)
        for narration in simulation.trace:
            self._history.hear(narration)

    @property
    def pod(self) -> Pod:
        return self._simulation.pod

    @property
    def status(self) -> Status:
        """The last status."""
        return Status(self._history.value, self._history.status)

    @property
    def statuses(self) -> tuple[tuple[float, Status], ...]:
        """Every published status with its second."""
        seconds = self._simulation.seconds
        return tuple((seconds(one.at), Status(one.pod, one.status or PodStatus())) for one in self._simulation.trace)

    @property
    def words(self) -> list[str]:
        """The STATUS column over time, each word as often as it was come to."""
        words: list[str] = []
        for _, status in self.statuses:
            if not words or words[-1] != status.word:
                words.append(status.word)
        return words

    def status_at(self, second: Seconds) -> Status:
        """The status that was to be seen at a second. Raises UsageError for a time before the first."""
        limit = seconds_of(second) or 0.0
        found = [status for at, status in self.statuses if at <= limit]
        if not found:
            raise UsageError(f"there was no status at {limit:g} s yet")
        return found[-1]

    def seconds_until(self, word: str) -> float:
        """When the STATUS column first showed a word. Raises UsageError when it never did."""
        for at, status in self.statuses:
            if status.word == word:
                return at
        raise UsageError(f"the pod was never {word}", hint=f"it was {', '.join(dict.fromkeys(self.words))}")

    def container(self, name: str) -> SimulatedContainer:
        """A container or init container. Raises UsageError when the pod has none of that name."""
        if self.pod.container(name) is None:
            raise UsageError(f"container {name} is not valid for pod {self.pod.name}")
        return SimulatedContainer(name, self._history.attempts(name))

    def init(self, name: str) -> SimulatedContainer:
        """An init container. Raises UsageError when the pod has none of that name."""
        if name not in [one.name for one in self.pod.init_containers]:
            raise UsageError(f"container {name} is no init container of pod {self.pod.name}")
        return self.container(name)

    def events(self) -> list[Event]:
        """Every recording of an event, in order; a repetition comes again with its count."""
        return [one.record for one in self._simulation.events]

    @property
    def gave_up(self) -> str:
        """The container that was restarted too often for ``max_restarts`` or the policy; "" when none was."""
        return self._simulation.gave_up

    @property
    def seconds(self) -> float:
        """How long it lasted."""
        return self._simulation.seconds(self._simulation.ended_at)

    def __repr__(self) -> str:
        ended = timedelta(seconds=self.seconds)
        return f"<SimulatedLife of {self.pod.name}: {' → '.join(self.words)} in {ended}>"


def simulate(
    *manifests: Manifest,
    script: Mapping[str, Any] | None = None,
    seconds: Seconds = DEFAULT_SECONDS,
    namespace: str = "default",
    **how: Unpack[How],
) -> SimulatedLife:
    """Run the one pod of the manifests in virtual time, from 2000-01-01, and return what happened.

    ``script`` is that of ``podrunner simulate --script`` as a dictionary; ``seconds`` how long it lasts (a number or Go's
    duration); the keywords are those of ``Runner.run``. ConfigMaps and Secrets of the manifests are there from the beginning.
    Raises ManifestError with all problems, UsageError.
    """
    from runner.core.manifest import load

    result = load(sources_of(manifests), namespace=namespace, is_admitted=True)
    if not result.ok:
        raise ManifestError(tuple(str(problem) for problem in result.problems))
    options = options_of(how, RunOptions())
    objects = overrides_of(how, {}).apply(result.objects)
    pods = [loaded for loaded in objects if loaded.kind == "Pod"]
    if len(pods) != 1:
        raise UsageError(f"simulate is for one pod, the manifests have {len(pods)}")
    if options.breakpoints:
        raise UsageError("simulate has no breakpoints: a pod in virtual time has no user who lets it go on")
    limit = seconds_of(seconds)
    pod = new_pod(pods[0].value, namespace=pods[0].namespace)
    return SimulatedLife(
        _simulate(
            pod,
            script_of(dict(script or {}), pod),
            options=options.worker,
            for_seconds=DEFAULT_SECONDS if limit is None else limit,
            faults=checked_faults(options.faults, objects),
            objects=_values(loaded for loaded in objects if loaded.kind != "Pod"),
        )
    )


def _values(objects: Iterable[Any]) -> list[Mapping[str, Any]]:
    return [loaded.value for loaded in objects]


__all__ = ["VIRTUAL_START", "SimulatedContainer", "SimulatedLife", "simulate"]
