"""The rows of workloads in ``get deploy``, ``get job`` and so on, from their v1 objects.

Mirrors pkg/printers/internalversion/printers.go (printDeployment, printReplicaSet, printReplicationController,
printStatefulSet, printDaemonSet, printJob, printCronJob).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from operator import itemgetter

from runner.core.model import EMPTY, Json
from runner.core.printers.columns import NONE, age_since, label_pairs
from runner.core.text.times import human_duration, parse_time

Cells = tuple[str, ...]
_IMAGES = ("CONTAINERS", "IMAGES")
_TEMPLATE = (*_IMAGES, "SELECTOR")
_REPLICAS = ("NAME", "DESIRED", "CURRENT", "READY", "AGE")

WORKLOAD_COLUMNS: Mapping[str, Cells] = {
    "Deployment": ("NAME", "READY", "UP-TO-DATE", "AVAILABLE", "AGE"),
    "ReplicaSet": _REPLICAS,
    "ReplicationController": _REPLICAS,
    "StatefulSet": ("NAME", "READY", "AGE"),
    "DaemonSet": ("NAME", "DESIRED", "CURRENT", "READY", "UP-TO-DATE", "AVAILABLE", "NODE SELECTOR", "AGE"),
    "Job": ("NAME", "STATUS", "COMPLETIONS", "DURATION", "AGE"),
    "CronJob": ("NAME", "SCHEDULE", "TIMEZONE", "SUSPEND", "ACTIVE", "LAST SCHEDULE", "AGE"),
}
"""The columns of each kind."""
WIDE_WORKLOAD_COLUMNS: Mapping[str, Cells] = {
    kind: (*columns, *(_IMAGES if kind == "StatefulSet" else _TEMPLATE)) for kind, columns in WORKLOAD_COLUMNS.items()
}
"""The same with those of ``-o wide``."""


def workload_cells(value: Json, now: datetime, *, wide: bool = False) -> Cells:
    """The cells of a workload's row. ``now`` decides ages and durations."""
    kind, metadata = str(value.get("kind")), value.get("metadata") or EMPTY
    middle = _MIDDLE[kind](value, now)
    cells = (str(metadata.get("name") or ""), *middle, age_since(metadata.get("creationTimestamp"), now))
    return (*cells, *_wide(kind, value)) if wide else cells


def _spec(value: Json) -> Json:
    return value.get("spec") or EMPTY


def _status(value: Json) -> Json:
    return value.get("status") or EMPTY


def _count(holder: Json, name: str) -> str:
    return str(holder.get(name) or 0)


def _deployment(value: Json, _now: datetime) -> Cells:
    status = _status(value)
    ready = f"{_count(status, 'readyReplicas')}/{_count(_spec(value), 'replicas')}"
    return ready, _count(status, "updatedReplicas"), _count(status, "availableReplicas")


def _replicas(value: Json, _now: datetime) -> Cells:
    status = _status(value)
    return _count(_spec(value), "replicas"), _count(status, "replicas"), _count(status, "readyReplicas")


def _stateful_set(value: Json, _now: datetime) -> Cells:
    return (f"{_count(_status(value), 'readyReplicas')}/{_count(_spec(value), 'replicas')}",)


def _daemon_set(value: Json, _now: datetime) -> Cells:
    status, pod = _status(value), (_spec(value).get("template") or EMPTY).get("spec") or EMPTY
    names = (
        "desiredNumberScheduled",
        "currentNumberScheduled",
        "numberReady",
        "updatedNumberScheduled",
        "numberAvailable",
    )
    return (*(_count(status, name) for name in names), label_pairs(pod.get("nodeSelector")) or NONE)


def _job(value: Json, now: datetime) -> Cells:
    spec, status = _spec(value), _status(value)
    succeeded, parallelism = _count(status, "succeeded"), int(spec.get("parallelism") or 0)
    if spec.get("completions") is not None:
        completions = f"{succeeded}/{spec['completions']}"
    else:
        completions = f"{succeeded}/1" + (f" of {parallelism}" if parallelism > 1 else "")
    began, over = parse_time(status.get("startTime")), parse_time(status.get("completionTime"))
    return _job_word(value), completions, "" if began is None else human_duration((over or now) - began)


def _job_word(value: Json) -> str:
    """The STATUS cell: the first of these conditions that holds, else Running."""
    held = {one["type"] for one in _status(value).get("conditions") or () if one["status"] == "True"}
    order = ["Complete", "Failed", "Terminating", "Suspended", "FailureTarget", "SuccessCriteriaMet"]
    if (value.get("metadata") or EMPTY).get("deletionTimestamp"):
        held.add("Terminating")
    return next((word for word in order if word in held), "Running")


def _cron_job(value: Json, now: datetime) -> Cells:
    spec, status = _spec(value), _status(value)
    last = status.get("lastScheduleTime")
    return (
        str(spec.get("schedule") or ""),
        str(spec.get("timeZone") or NONE),
        str(bool(spec.get("suspend"))),
        str(len(status.get("active") or ())),
        age_since(last, now) if last else NONE,
    )


def _wide(kind: str, value: Json) -> Cells:
    spec = _spec(value)
    if kind == "CronJob":
        spec = _spec(spec.get("jobTemplate") or EMPTY)
    containers = ((spec.get("template") or EMPTY).get("spec") or EMPTY).get("containers") or ()
    cells = tuple(",".join(str(one.get(key) or "") for one in containers) for key in ("name", "image"))
    if kind == "StatefulSet":
        return cells
    selector = spec.get("selector") or EMPTY
    return (*cells, (label_pairs(selector) if kind == "ReplicationController" else selector_text(selector)) or NONE)


def selector_text(selector: Json) -> str:
    """A label selector as one line, sorted by key (apimachinery/pkg/labels/selector.go); "" when it selects all."""
    found = [(key, f"{key}={text}") for key, text in (selector.get("matchLabels") or {}).items()]
    for one in selector.get("matchExpressions") or ():
        key, listed = str(one["key"]), ",".join(sorted(one.get("values") or ()))
        words = {
            "In": f"{key} in ({listed})",
            "NotIn": f"{key} notin ({listed})",
            "Exists": key,
            "DoesNotExist": f"!{key}",
        }
        found.append((key, words[one["operator"]]))
    return ",".join(text for _, text in sorted(found, key=itemgetter(0)))


_MIDDLE: Mapping[str, Callable[[Json, datetime], Cells]] = {
    "Deployment": _deployment,
    "ReplicaSet": _replicas,
    "ReplicationController": _replicas,
    "StatefulSet": _stateful_set,
    "DaemonSet": _daemon_set,
    "Job": _job,
    "CronJob": _cron_job,
}
