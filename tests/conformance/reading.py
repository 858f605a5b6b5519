"""Reads published pods in the words of the scenarios: ``state``, ``waitingReason``, ``last_exitCode`` and so on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final

from runner.core.text.times import parse_time

Json = Mapping[str, Any]

_LIBRARY: Final = "docker.io/library/"
_WAIT_ONLY: Final = frozenset({"container", "condition", "condition_false", "phase", "all_restarted", "within", "for"})


def statuses(pod: Json | None) -> dict[str, Json]:
    """The statuses of init and app containers by name."""
    status = (pod or {}).get("status") or {}
    return {one["name"]: one for key in ("initContainerStatuses", "containerStatuses") for one in status.get(key) or ()}


def phase(pod: Json | None) -> str:
    return str(((pod or {}).get("status") or {}).get("phase", ""))


def condition(pod: Json | None, kind: str) -> Json:
    """A condition by its type; empty when there is none."""
    conditions: Iterable[Json] = ((pod or {}).get("status") or {}).get("conditions") or ()
    return next((one for one in conditions if one["type"] == kind), {})


def field(status: Json, key: str) -> Any:
    """What a container's status says in the scenarios' words."""
    shown: Json = status.get("state") or {}
    state = next(iter(shown), "waiting")
    inner: Json = shown.get(state) or {}
    last: Json | None = (status.get("lastState") or {}).get("terminated")
    match key:
        case "last_terminated":
            return last is not None
        case _ if key.startswith("last_"):
            return (last or {}).get(key.removeprefix("last_"))
        case "state":
            return state
        case "waitingReason":
            return inner.get("reason") if state == "waiting" else None
        case "exitCode" | "reason":
            return inner.get(key)
        case "message":
            return inner.get("message", "")
        case "ready" | "started":
            return bool(status.get(key))
        case "restartCount" | "restartCount_min":
            return status.get("restartCount", 0)
        case "image":
            return str(status.get("image", "")).removeprefix(_LIBRARY)
        case _:
            raise KeyError(f"a scenario asks for {key} of a container")


def differences(pod: Json | None, name: str, wanted: Json) -> list[str]:
    """How a container differs from what is wanted of it; ``…_min`` is a lower bound."""
    status = statuses(pod).get(name)
    if status is None:
        return [f"{name}: no status"]
    found = []
    for key, value in wanted.items():
        got = field(status, key)
        if not (got >= value if key.endswith("_min") else got == value):
            found.append(f"{name}.{key}: {got!r}, wanted {value!r}")
    return found


def matches(pod: Json | None, wanted: Json) -> bool:
    """Whether a pod is as a step ``wait`` or ``hold`` says; one that is gone is not."""
    if pod is None:
        return False
    of_container = {key: value for key, value in wanted.items() if key not in _WAIT_ONLY}
    found = statuses(pod)
    return all(
        (
            "container" not in wanted or not differences(pod, wanted["container"], of_container),
            "condition" not in wanted or condition(pod, wanted["condition"]).get("status") == "True",
            "condition_false" not in wanted or condition(pod, wanted["condition_false"]).get("status") != "True",
            "phase" not in wanted or phase(pod) == wanted["phase"],
            "all_restarted" not in wanted or (bool(found) and all(one["restartCount"] for one in found.values())),
        )
    )


def instances(pods: Iterable[Json | None], name: str) -> list[tuple[datetime, datetime | None]]:
    """Start and finish (whole seconds) of every instance of a container that was ever shown, in order."""
    found: dict[str, tuple[datetime, datetime | None]] = {}
    for pod in pods:
        status = statuses(pod).get(name, {})
        for place in ("lastState", "state"):
            for kind in ("running", "terminated"):
                shown = (status.get(place) or {}).get(kind) or {}
                start = parse_time(shown.get("startedAt"))
                if start is None:
                    continue
                identity = str(shown.get("containerID") or status.get("containerID"))
                before = found.get(identity, (start, None))
                found[identity] = (start, parse_time(shown.get("finishedAt")) or before[1])
    return list(found.values())


def brief(pod: Json | None) -> str:
    """A pod in one line, for messages."""
    if pod is None:
        return "no pod"
    words = []
    for name, status in statuses(pod).items():
        state = field(status, "waitingReason") or field(status, "state")
        flags = "".join(f" {flag}" for flag in ("ready", "started") if status.get(flag))
        words.append(f"{name} {state} restarts {status.get('restartCount', 0)}{flags}")
    return f"{phase(pod)}; {', '.join(words)}"
