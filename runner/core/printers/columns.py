"""The columns of ``kubectl get pods``, from a v1 Pod object.

Mirrors pkg/printers/internalversion/printers.go (printPod).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from msgspec import Struct

from runner.core.model import Json
from runner.core.text.times import human_duration, parse_time

NONE = "<none>"
UNKNOWN_AGE = "<unknown>"


class PodRow(Struct, frozen=True, kw_only=True):
    """One pod as cells of text; the last four belong to the wide table."""

    name: str
    ready: str
    status: str
    restarts: str
    age: str
    ip: str
    node: str
    nominated_node: str
    readiness_gates: str

    def cells(self, *, wide: bool = False) -> tuple[str, ...]:
        """The cells in the order of the columns."""
        narrow = (self.name, self.ready, self.status, self.restarts, self.age)
        return (*narrow, self.ip, self.node, self.nominated_node, self.readiness_gates) if wide else narrow


def pod_row(pod: Json, now: datetime) -> PodRow:
    """Compute the row of a v1 Pod. ``now`` decides the ages."""
    metadata, spec, status = (_mapping(pod.get(key)) for key in ("metadata", "spec", "status"))
    summary = _summarise(pod)
    restarts = str(summary.restarts)
    if summary.restarts and summary.last_restart is not None:
        restarts += f" ({human_duration(now - summary.last_restart)} ago)"
    total = len(_list(spec, "containers")) + len(_sidecars(spec))
    return PodRow(
        name=str(metadata.get("name", "")),
        ready=f"{summary.ready}/{total}",
        status=summary.word,
        restarts=restarts,
        age=age_since(metadata.get("creationTimestamp"), now),
        ip=_pod_ip(status) or NONE,
        node=spec.get("nodeName") or NONE,
        nominated_node=status.get("nominatedNodeName") or NONE,
        readiness_gates=_gates(spec, status),
    )


def age_since(timestamp: object, now: datetime) -> str:
    """An AGE cell for an RFC 3339 instant; nothing and Go's zero time are unknown."""
    instant = parse_time(timestamp)
    return UNKNOWN_AGE if instant is None else human_duration(now - instant)


def label_pairs(labels: Mapping[str, Any] | None) -> str:
    """Labels in one cell, sorted as they are written (apimachinery/pkg/labels/labels.go, Set.String); "" for none."""
    return ",".join(sorted(f"{key}={text}" for key, text in (labels or {}).items()))


def status_word(pod: Json) -> str:
    """The STATUS cell: ``Running``, ``Init:1/2``, ``CrashLoopBackOff`` …"""
    return _summarise(pod).word


@dataclass(slots=True)
class _Summary:
    """What the walk over the container statuses has found so far."""

    word: str
    ready: int = 0
    restarts: int = 0
    last_restart: datetime | None = None
    sidecar_restarts: int = 0
    last_sidecar_restart: datetime | None = None
    has_running: bool = False
    error: str = ""

    def look_at_inits(self, spec: Json, status: Json) -> bool:
        """Count and look for the first init container that is not done. Returns whether there is one."""
        sidecars = _sidecars(spec)
        for index, one in enumerate(_list(status, "initContainerStatuses")):
            is_sidecar = one.get("name") in sidecars
            self._count_init(one, is_sidecar=is_sidecar)
            state = _mapping(one.get("state"))
            waiting, ended = state.get("waiting"), state.get("terminated")
            if ended is not None and not ended.get("exitCode"):
                continue
            if is_sidecar and one.get("started"):
                self.ready += bool(one.get("ready"))
                continue
            if ended is not None:
                self.word = f"Init:{_ending(ended)}"
            elif waiting is not None and waiting.get("reason") not in (None, "", "PodInitializing"):
                self.word = f"Init:{waiting['reason']}"
            else:
                self.word = f"Init:{index}/{len(_list(spec, 'initContainers'))}"
            return True
        return False

    def _count_init(self, one: Json, *, is_sidecar: bool) -> None:
        restarts, last = one.get("restartCount") or 0, _last_finished(one)
        self.restarts += restarts
        self.last_restart = _later(self.last_restart, last)
        if is_sidecar:
            self.sidecar_restarts += restarts
            self.last_sidecar_restart = _later(self.last_sidecar_restart, last)

    def look_at_apps(self, status: Json) -> None:
        """Count sidecars and apps, and let the first container in the list that has something to say give the word."""
        self.restarts, self.last_restart = self.sidecar_restarts, self.last_sidecar_restart
        for one in reversed(_list(status, "containerStatuses")):
            self.restarts += one.get("restartCount") or 0
            self.last_restart = _later(self.last_restart, _last_finished(one))
            state = _mapping(one.get("state"))
            waiting, ended = _mapping(state.get("waiting")), state.get("terminated")
            if waiting.get("reason"):
                self.word = waiting["reason"]
            elif ended is not None:
                self.word = _ending(ended)
                if ended.get("exitCode"):
                    self.error = self.word
            elif one.get("ready") and state.get("running") is not None:
                self.has_running = True
                self.ready += 1
        if self.word == "Completed":
            self.word = self._word_of_completed(status)

    def _word_of_completed(self, status: Json) -> str:
        if self.has_running and any(_has(c, "Ready", status="True") for c in _list(status, "conditions")):
            return "Running"
        if self.error:
            return self.error
        return "NotReady" if self.has_running else self.word

    def look_at_deletion(self, status: Json) -> None:
        """It is being deleted: that is what there is to say, unless it has ended."""
        if status.get("reason") == "NodeLost":
            self.word = "Unknown"
        elif status.get("phase") not in ("Succeeded", "Failed"):
            self.word = "Terminating"


def _summarise(pod: Json) -> _Summary:
    metadata, spec, status = (_mapping(pod.get(key)) for key in ("metadata", "spec", "status"))
    is_gated = any(_has(c, "PodScheduled", reason="SchedulingGated") for c in _list(status, "conditions"))
    found = _Summary(word="SchedulingGated" if is_gated else status.get("reason") or status.get("phase") or "")
    initializing = found.look_at_inits(spec, status)
    if not initializing or any(_has(c, "Initialized", status="True") for c in _list(status, "conditions")):
        found.look_at_apps(status)
    if metadata.get("deletionTimestamp"):
        found.look_at_deletion(status)
    return found


def _ending(ended: Json) -> str:
    if ended.get("reason"):
        return str(ended["reason"])
    return f"Signal:{ended['signal']}" if ended.get("signal") else f"ExitCode:{ended.get('exitCode') or 0}"


def _last_finished(status: Json) -> datetime | None:
    last = _mapping(_mapping(status.get("lastState")).get("terminated"))
    return parse_time(last.get("finishedAt"))


def _later(left: datetime | None, right: datetime | None) -> datetime | None:
    return right if left is None or (right is not None and right > left) else left


def _sidecars(spec: Json) -> frozenset[str]:
    inits = _list(spec, "initContainers")
    return frozenset(one.get("name", "") for one in inits if one.get("restartPolicy") == "Always")


def _pod_ip(status: Json) -> str:
    addresses = _list(status, "podIPs")
    return str((addresses[0].get("ip") if addresses else status.get("podIP")) or "")


def _gates(spec: Json, status: Json) -> str:
    gates = [gate.get("conditionType") for gate in _list(spec, "readinessGates")]
    if not gates:
        return NONE
    true = sum(any(_has(c, gate, status="True") for c in _list(status, "conditions")) for gate in gates)
    return f"{true}/{len(gates)}"


def _has(condition: Json, kind: str | None, **fields: str) -> bool:
    return condition.get("type") == kind and all(condition.get(key) == value for key, value in fields.items())


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _list(value: Json, key: str) -> Sequence[Json]:
    return value.get(key) or ()
