"""Watches a simulated pod and notes every rule of a pod's life that is broken."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from runner.core.labels import CONTAINER_NAME, DOCKER_TYPE, POD_UID, PREPARED, TYPE_SANDBOX, attempt_of
from runner.core.manifest import LoadedObject
from runner.core.model import Pod
from runner.core.narration import Gone, Narration, StatusChanged
from runner.engine.protocol import EngineEvent
from runner.engine.simulated import SimulatedEngine
from runner.kubelet.options import WorkerOptions
from runner.lab.script import SimulationScript
from runner.lab.virtual import Cluster


@dataclass
class Watch:
    """What has happened so far, and what should not have."""

    pod: Pod
    violations: list[str] = field(default_factory=list)
    deaths: dict[str, list[tuple[datetime, int]]] = field(default_factory=dict)
    starts: dict[str, list[datetime]] = field(default_factory=dict)
    live: dict[str, set[str]] = field(default_factory=dict)
    attempts: dict[str, int] = field(default_factory=dict)
    done: set[str] = field(default_factory=set)
    prepared: dict[str, tuple[str, int]] = field(default_factory=dict)
    thrown_away: set[tuple[str, int]] = field(default_factory=set)
    """Containers that were made ahead of their turn, and those that never began: their attempt is not used up."""
    phase: str = "Pending"
    is_gone: bool = False

    def hear(self, narration: Narration) -> None:
        """Listen to the worker."""
        match narration:
            case StatusChanged():
                phase = narration.pod["status"].get("phase", "Pending")
                if self.phase in ("Succeeded", "Failed") and phase != self.phase:
                    self.violations.append(f"the phase went from {self.phase} to {phase}")
                self.phase = phase
                self._counts_fit(narration)
            case Gone():
                self.is_gone = True
            case _:
                pass

    def _counts_fit(self, narration: StatusChanged) -> None:
        for group in ("initContainerStatuses", "containerStatuses"):
            for status in narration.pod["status"].get(group) or ():
                if status.get("started") and self._is_sidecar(status["name"]):
                    self.done.add(status["name"])
                if "running" in status["state"] and status["restartCount"] != self.attempts.get(status["name"]):
                    self.violations.append(
                        f"{status['name']} shows {status['restartCount']} restarts, it is attempt "
                        f"{self.attempts.get(status['name'])}"
                    )

    def see(self, event: EngineEvent) -> None:
        """Listen to the Engine."""
        if CONTAINER_NAME not in event.labels:
            return  # What only gives an image's files is no container of the pod.
        name = event.labels[CONTAINER_NAME]
        is_sandbox = event.labels.get(DOCKER_TYPE) == TYPE_SANDBOX
        match event.action:
            case "create" if not is_sandbox:
                attempt = attempt_of(event.labels)
                again = {attempt for _, attempt in self.thrown_away & {(name, attempt)}}
                if attempt not in {self.attempts.get(name, -1) + 1, *again}:
                    self.violations.append(f"attempt {attempt} of {name} follows {self.attempts.get(name)}")
                self.attempts[name] = attempt
                if PREPARED in event.labels:
                    self.prepared[event.container_id] = (name, attempt)
            case "destroy" if event.container_id in self.prepared:
                self.thrown_away.add(self.prepared.pop(event.container_id))
            case "start":
                self.prepared.pop(event.container_id, None)
                self._start(name, event, is_sandbox)
            case "die":
                self._end(name, event)
            case _:
                pass

    def _start(self, name: str, event: EngineEvent, is_sandbox: bool) -> None:
        live = self.live.setdefault(name, set())
        live.add(event.container_id)
        if len(live) > 1:
            self.violations.append(f"{name} runs {len(live)} times")
        self.starts.setdefault(name, []).append(event.at)
        if is_sandbox:
            return
        order = [container.name for container in self.pod.init_containers]
        position = order.index(name) if name in order else len(order)
        before = set(order[:position])
        if not before <= self.done:
            self.violations.append(f"{name} started before {', '.join(sorted(before - self.done))}")
        container = self.pod.container(name)
        assert container is not None
        if container.is_regular_init:
            # From here on everything that follows has to be done again.
            self.done -= {later for later in order[position:] if not self._is_sidecar(later)}
        elif container.is_sidecar and container.startup is None:
            self.done.add(name)  # else it counts as started when its status says so

    def _is_sidecar(self, name: str) -> bool:
        container = self.pod.container(name)
        return container is not None and container.is_sidecar

    def _end(self, name: str, event: EngineEvent) -> None:
        self.live[name].discard(event.container_id)
        code = int(event.attributes["exitCode"])
        self.deaths.setdefault(name, []).append((event.at, code))
        container = self.pod.container(name)
        if container is not None and container.is_regular_init and code == 0:
            self.done.add(name)

    @property
    def last_death(self) -> datetime | None:
        ends = [at for name, found in self.deaths.items() if name != "POD" for at, _ in found]
        return max(ends, default=None)


@dataclass
class CompanyWatch:
    """Watches every pod of a company, and that no workload has more pods than it asks for."""

    company: Cluster | None = None
    watches: dict[str, Watch] = field(default_factory=dict)
    excesses: list[str] = field(default_factory=list)

    def of(self, objects: Sequence[LoadedObject], script: SimulationScript) -> Cluster:
        """The company of loaded objects, watched."""
        self.company = Cluster(objects, script, WorkerOptions(), listener=self.hear, on_pod=self.see)
        return self.company

    def hear(self, narration: Narration) -> None:
        watch = self.watches.get(narration.ref.uid)
        if watch is not None:
            watch.hear(narration)

    def see(self, company: Cluster, pod: Pod) -> None:
        """A pod was made: its workload has no more of them than it asks for."""
        self.watches[pod.uid] = watch = Watch(pod)
        watched(company.engine, watch)
        for controller in company.controllers:
            active = sum(member.is_active for member in company.node.members(controller))
            if active > controller.workload.most_pods:
                self.excesses.append(f"{controller.workload.source} was given {active} active pods")

    @property
    def violations(self) -> list[str]:
        """What has gone wrong so far."""
        assert self.company is not None
        found = list(self.excesses)
        for controller in self.company.controllers:
            active = sum(member.is_active for member in self.company.node.members(controller))
            if active > (0 if controller.is_over else controller.workload.most_pods):
                found.append(f"{controller.workload.source} has {active} active pods")
        return found + [text for watch in self.watches.values() for text in watch.violations]


def watched(engine: SimulatedEngine, watch: Watch) -> None:
    """Let the Engine's events be seen before the worker acts on them."""
    engine.subscribe({POD_UID: watch.pod.uid}, watch.see)
