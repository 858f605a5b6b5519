"""Recordings of a whole cluster: pods that are acted upon, followed to their removal, with what kubectl printed meanwhile.

How long processes ran, when probes began to fail and hooks failed is read off the recording, and becomes the script.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from runner.core.printers.columns import pod_row
from runner.lab.simulation import Simulation
from tests.lab.kubelet_traces import FOLDER, KubeletTrace, Moment, Recorded, Story

_PROBE = re.compile(r"(\w+) probe failed: (.*)", re.DOTALL)
_SHORTEST = 0.5
"""Seconds: what ends faster was not seen to run."""

Row = tuple[str, str, str]
"""READY, STATUS and the number of RESTARTS."""


class ClusterTrace(KubeletTrace):
    """One recording of a pod in a cluster."""

    @cached_property
    def story(self) -> Story:
        # The scheduler's event is none of the kubelet's.
        told = super().story
        return Story(told.moments, tuple(event for event in told.events if event.reason != "Scheduled"))

    @property
    def deleted_at(self) -> float:
        """When the deletion was asked for, in seconds."""
        return float(next(one["t"] for one in self.value["actions"] if "delete pod" in one["cmd"]))

    @property
    def restarts_all(self) -> bool:
        return "RestartAllContainers" in self.value["manifest"]

    def script(self) -> dict[str, Any]:
        script = super().script()
        for name, one in script["containers"].items():
            one["attempts"] = self._attempts_of(name)
            one["probes"] = self._probes(name)
            if any(event.reason == "FailedPostStartHook" for event in self._about(name)):
                one["hooks"] = {"postStart": {"error": "no"}}
        return script

    def _about(self, name: str) -> list[Recorded]:
        return [event for event in self.story.events if event.about.endswith(f"{{{name}}}")]

    def _attempts_of(self, name: str) -> list[dict[str, Any]]:
        """How each attempt ended: not at all, by itself, by a user's signal, or it could not start."""
        found: dict[int, dict[str, Any]] = {}
        began: dict[int, float] = {}
        for moment in self.story.moments:
            state = moment.containers.get(name)
            if state is None:
                continue
            if state.kind == "running":
                began.setdefault(state.restarts, moment.at)
            elif state.reason == "RunContainerError":
                found.setdefault(state.restarts, {"startError": state.message})
            elif state.kind == "terminated" and state.reason != "ContainerStatusUnknown":
                found.setdefault(state.restarts, self._ending(name, moment, began.get(state.restarts)))
        forever = {"run": "forever", "onTerm": "ignore"}
        return [*(found.get(number, forever) for number in range(max(found, default=-1) + 1)), forever]

    def _ending(self, name: str, moment: Moment, began: float | None) -> dict[str, Any]:
        state = moment.containers[name]
        started = [event.at for event in self._about(name) if event.reason == "Started" and event.at <= moment.at]
        since = began if began is not None else max(started, default=moment.at)
        took = max(moment.at - since, _SHORTEST)
        killed = [event.at for event in self._about(name) if event.reason == "Killing" and since - 1 <= event.at]
        container = self.pod.container(name)
        if container is not None and container.is_sidecar and moment.conditions.get("Ready") == "False:PodCompleted":
            killed.append(moment.at)  # the event may have been one too many for the recorder
        if killed and min(killed) <= moment.at:
            if state.exit_code == 137:
                return {"run": "forever", "onTerm": "ignore"}
            after = max(moment.at - min(killed), 0.0)
            return {"run": "forever", "onTerm": {"exit": state.exit_code, "after": f"{after:.3f}s"}}
        if state.reason == "OOMKilled":
            return {"oom": True, "after": f"{took:.3f}s"}
        return {"exit": state.exit_code, "after": f"{took:.3f}s"}

    def _probes(self, name: str) -> dict[str, list[dict[str, Any]]]:
        """From when on after its start a container's probes failed."""
        found: dict[str, list[dict[str, Any]]] = {}
        for event in self._about(name):
            match = _PROBE.fullmatch(event.message) if event.reason == "Unhealthy" else None
            if match is None or match[1].lower() in found:
                continue
            running = [m.at for m in self.story.moments if m.at <= event.at and self._runs_at(m, name)]
            at = max(event.at - min(running) - 0.5, 0.0)
            found[match[1].lower()] = [{"at": f"{at:.3f}s", "result": "failure", "output": match[2] + "\n"}]
        return found

    def _runs_at(self, moment: Moment, name: str) -> bool:
        state = moment.containers.get(name)
        return state is not None and state.kind == "running"

    @cached_property
    def rows(self) -> list[Row]:
        """What ``kubectl get pod`` printed, one after the other, until the pod was gone."""
        return list(_distinct(self._printed()))

    def _printed(self) -> Iterator[Row]:
        for printed in self.value["prints"]:
            if printed["cmd"] != f"kubectl get pod {self.case}" or printed["rc"]:
                continue
            _, ready, word, restarts, *_ = printed["stdout"].splitlines()[1].split()
            yield ready, word, restarts


def _distinct(rows: Iterator[Row]) -> Iterator[Row]:
    before = None
    for row in rows:
        if row != before:
            yield row
        before = row


def printed_rows(simulation: Simulation) -> list[Row]:
    """The same from a simulation: every row that a user could have seen."""
    cells = (pod_row(shown.pod, shown.at) for shown in simulation.trace)
    return list(_distinct((row.ready, row.status, row.restarts.split()[0]) for row in cells))


def cluster_traces() -> list[Path]:
    return sorted(FOLDER.glob("cluster36-*.json"))


def last_states(value: Mapping[str, Any]) -> dict[str, tuple[str, int] | None]:
    """How the instance before ended, by container, as a recording's moment or our status has it."""
    return {
        name: (state["last"]["reason"], state["last"]["exitCode"]) if "last" in state else None
        for name, state in {**value["init"], **value["containers"]}.items()
    }
