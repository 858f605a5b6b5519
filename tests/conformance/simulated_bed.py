"""The test bed in virtual time: one pod on the simulated Engine, whose processes do what their scripts say."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Any, Final

from runner.clock import VIRTUAL_START, VirtualClock
from runner.core.labels import CONTAINER_NAME, DOCKER_TYPE, POD_UID, TYPE_SANDBOX
from runner.core.manifest import Source, load
from runner.core.sync.backoff import CAP_SECONDS
from runner.engine.simulated import PullStep, SimulatedEngine
from runner.kubelet.options import WorkerOptions
from runner.lab import SimulationScript, new_pod
from runner.lab import steps as doing
from runner.lab.simulation import End, SimulatedRun
from runner.lab.steps import Action, Step
from runner.retry import INITIAL_SECONDS, RetryPolicy
from tests.conformance.marks import Mark
from tests.conformance.processes import Processes, ProcessHandlers
from tests.conformance.scenario import Scenario
from tests.conformance.shell import Unknown
from tests.conformance.view import LOOK_SECONDS, View

NEEDS_PROCESSES: Final = frozenset({"engine-restart", "http-probe", "tcp-probe", "busybox-httpd-cgi"})
_NO_REGISTRY: Final = "invalid."
_REMOVAL_SECONDS: Final = 60.0


def pod_of(manifest: Mapping[str, Any]) -> Mapping[str, Any]:
    """A manifest's pod with its defaults."""
    loaded = load([Source(name="pod.json", text=json.dumps(manifest))])
    assert not loaded.problems, loaded.problems
    (found,) = loaded.objects
    return found.value


def needs_processes(scenario: Scenario) -> str:
    """Why a scenario cannot be simulated; "" when it can."""
    if tags := sorted(scenario.requires & NEEDS_PROCESSES):
        return tags[0]
    try:
        Processes(new_pod(pod_of(scenario.pod)))
    except Unknown as reason:
        return str(reason)
    return ""


@dataclass
class SimulatedView(View):
    """What is seen of a simulated pod; to wait is to let virtual time pass."""

    bed: SimulatedBed = field(kw_only=True)

    def marks(self) -> list[Mark]:
        return self.bed.processes.marks(VIRTUAL_START)

    def wait(self, known: int) -> None:
        if len(self.states) <= known:
            self.bed.let_pass(self, LOOK_SECONDS)


class SimulatedBed:
    """Runs one scenario's pod."""

    processes: Processes
    run: SimulatedRun

    def __init__(self) -> None:
        self.clock = VirtualClock()

    @property
    def engine(self) -> SimulatedEngine:
        return self.run.engine

    def create(self, manifest: Mapping[str, Any], *, cap: float = CAP_SECONDS) -> View:
        """Start the pod of a manifest, whose restarts wait at most ``cap`` seconds."""
        pod = new_pod(pod_of(manifest))
        self.processes = Processes(pod)
        images = {c.image: (PullStep(error="no such host"),) for c in pod.all_containers() if _is_nowhere(c.image)}
        view = SimulatedView(uid=pod.uid, name=pod.name, store=None, bed=self)  # type: ignore[arg-type]
        self.run = SimulatedRun(
            pod,
            SimulationScript(containers=self.processes.scripts(), images=images),
            WorkerOptions(retry=RetryPolicy(scope="container", initial=min(INITIAL_SECONDS, cap), cap=cap)),
            listener=view.hear,
            handlers=partial(ProcessHandlers, processes=self.processes),
        )
        view.store, self.clock = self.run.store, self.run.clock
        self.processes.watch(self.engine)
        return view

    # --- what is done to the pod ---------------------------------------------------------------------------------------

    def _do(self, action: Action) -> None:
        self.run.do(Step(at=0.0, action=action))

    def delete(self, view: View, grace: int | None = None) -> None:  # noqa: ARG002 - there is but one
        self._do(doing.delete(grace))

    def set_image(self, view: View, container: str, image: str) -> None:  # noqa: ARG002
        self._do(doing.update_image(container, image))

    def containers(self, view: View, name: str) -> list[str]:
        labels = {POD_UID: view.uid, CONTAINER_NAME: name}
        return [summary.id for summary in self.engine.list_containers(labels)]

    def sandbox(self, view: View) -> str:
        return self.engine.list_containers({POD_UID: view.uid, DOCKER_TYPE: TYPE_SANDBOX})[0].id

    def exec(self, view: View, container: str, command: list[str]) -> str:
        """Only the uptime can be asked for."""
        assert self.containers(view, container)
        assert command == ["cat", "/proc/uptime"], command
        return f"{(self.clock.now() - VIRTUAL_START).total_seconds():.2f} 0.00"

    def catches_term(self, view: View, container: str) -> bool:  # noqa: ARG002
        """A script sets its trap as it starts."""
        return True

    def let_pass(self, view: View, seconds: float) -> None:  # noqa: ARG002
        self._go_on(seconds)

    def _go_on(self, seconds: float) -> End:
        until = self.clock.now() + timedelta(seconds=seconds)
        end = self.run.advance((until - VIRTUAL_START).total_seconds())
        self.clock.advance(until)
        return end

    def remove(self, view: View) -> None:
        """Delete the pod at once; nothing of it may be left."""
        self.delete(view, 0)
        if view.states[-1].pod is not None:
            assert self._go_on(_REMOVAL_SECONDS) is End.GONE
        assert not self.engine.list_containers({POD_UID: view.uid})


def _is_nowhere(image: str) -> bool:
    return image.startswith(_NO_REGISTRY)
