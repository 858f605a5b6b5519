"""Probes and hooks of a simulated pod: they do what the script says, in virtual time."""

from __future__ import annotations

from collections.abc import Mapping

from runner.core.model import Handler
from runner.core.sync.probing import ProbeRun
from runner.engine.simulated import SimulatedEngine
from runner.kubelet.prober.handlers.contract import HookOutcome, Target
from runner.lab.script import HookScript

_DONE = HookScript()


class SimulatedHandlers:
    """``Handlers`` of the simulation; what they take is added to what the Engine's own verbs take.

    ``hooks`` go by container and hook, for every pod to which none were assigned.
    """

    def __init__(self, engine: SimulatedEngine, hooks: Mapping[tuple[str, str], HookScript]) -> None:
        self._engine = engine
        self._hooks = hooks
        self._of_pods: dict[str, Mapping[tuple[str, str], HookScript]] = {}

    def assign(self, uid: str, hooks: Mapping[tuple[str, str], HookScript]) -> None:
        """Have the hooks of one pod do this."""
        self._of_pods[uid] = hooks

    def forget(self, uid: str) -> None:
        """Remember nothing of a pod that is gone."""
        self._of_pods.pop(uid, None)

    def probe(self, target: Target, handler: Handler, *, timeout: int) -> ProbeRun:  # noqa: ARG002 - the script answers
        assert target.probe is not None
        return self._engine.probe(target.container_id, target.probe)

    def hook(self, target: Target, handler: Handler, *, timeout: float | None) -> HookOutcome:  # noqa: ARG002
        name = "preStop" if handler is target.container.pre_stop else "postStart"
        hooks = self._of_pods.get(target.pod.uid, self._hooks)
        script = hooks.get((target.container.name, name), _DONE)
        self._engine.block(script.took)
        return HookOutcome(ok=not script.error, message=script.error)
