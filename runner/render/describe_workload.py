"""``describe deploy``, ``describe job`` and so on: one workload and its events in full, for people.

Mirrors describeDeployment, describeReplicaSet, describeReplicationController, describeStatefulSet, describeDaemonSet,
describeJob, describeCronJob and DescribePodTemplate of k8s.io/kubectl/pkg/describe/describe.go.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from runner.core.model import EMPTY, Json
from runner.core.printers.claimcolumns import storage_class
from runner.core.printers.workloadcolumns import selector_text
from runner.core.text.times import human_duration, parse_time
from runner.render.describe import CONTAINER_LISTS, describe_events, describe_group, describe_spread, toleration_lines
from runner.render.describe_container import describe_containers
from runner.render.describe_volume import describe_volumes
from runner.render.layout import Layout, annotation_lines, go_bool, label_lines, long_time

_MOST_INDEXES = 50
"""Characters of a Job's completed indexes after which the next comma is the last."""
_PHASES = ("Running", "Pending", "Succeeded", "Failed")


def describe_workload(value: Json, pods: Sequence[Json], events: Sequence[Json], now: datetime) -> str:
    """The whole description, ending with a newline; ``pods`` are those that it owns."""
    out = Layout()
    metadata, spec, status = (value.get(key) or EMPTY for key in ("metadata", "spec", "status"))
    out.field(0, "Name", metadata.get("name") or "")
    out.field(0, "Namespace", metadata.get("namespace") or "")
    _BY_KIND[str(value["kind"])](out, value, pods)
    if value["kind"] == "CronJob":
        _template(out, (((spec.get("jobTemplate") or EMPTY).get("spec") or EMPTY).get("template")) or EMPTY)
        _last_jobs(out, status)
    else:
        _template(out, spec.get("template") or EMPTY)
    if value["kind"] == "StatefulSet":
        _claims(out, spec.get("volumeClaimTemplates") or ())
    if value["kind"] in ("Deployment", "ReplicaSet", "ReplicationController"):
        _conditions(out, status)
    if value["kind"] == "Deployment":
        _replica_sets(out, value)
    describe_events(out, events, now)
    return out.text()


def _number(holder: Json, name: str) -> int:
    return int(holder.get(name) or 0)


def _labels(out: Layout, value: Json) -> None:
    metadata = value.get("metadata") or EMPTY
    out.lines("Labels", label_lines(metadata.get("labels")))
    out.lines("Annotations", annotation_lines(metadata.get("annotations")))


def _owner(out: Layout, value: Json) -> None:
    owners = (value.get("metadata") or EMPTY).get("ownerReferences") or ()
    owner = next((one for one in owners if one.get("controller")), None)
    if owner:
        out.field(0, "Controlled By", f"{owner.get('kind', '')}/{owner.get('name', '')}")


def _selector(out: Layout, spec: Json) -> None:
    out.field(0, "Selector", selector_text(spec.get("selector") or EMPTY) or "<none>")


def _pods_status(out: Layout, pods: Sequence[Json]) -> None:
    found = Counter((pod.get("status") or EMPTY).get("phase") for pod in pods)
    running, waiting, succeeded, failed = (found[phase] for phase in _PHASES)
    out.field(0, "Pods Status", f"{running} Running / {waiting} Waiting / {succeeded} Succeeded / {failed} Failed")


def _deployment(out: Layout, value: Json, _pods: Sequence[Json]) -> None:
    spec, status = value["spec"], value.get("status") or EMPTY
    strategy = spec.get("strategy") or EMPTY
    out.field(0, "CreationTimestamp", long_time(value["metadata"].get("creationTimestamp")))
    _labels(out, value)
    _selector(out, spec)
    words = {"updated": "updatedReplicas", "total": "replicas", "available": "availableReplicas"}
    counts = [
        f"{_number(spec, 'replicas')} desired",
        *(f"{_number(status, key)} {word}" for word, key in words.items()),
    ]
    out.field(0, "Replicas", " | ".join([*counts, f"{_number(status, 'unavailableReplicas')} unavailable"]))
    out.field(0, "StrategyType", strategy.get("type") or "")
    out.field(0, "MinReadySeconds", _number(spec, "minReadySeconds"))
    rolling = strategy.get("rollingUpdate")
    if rolling:
        text = f"{rolling.get('maxUnavailable')} max unavailable, {rolling.get('maxSurge')} max surge"
        out.field(0, "RollingUpdateStrategy", text)


def _replicas(out: Layout, value: Json, pods: Sequence[Json]) -> None:
    spec = value["spec"]
    if value["kind"] == "ReplicationController":
        out.field(0, "Selector", ",".join(label_lines(spec.get("selector"))) or "<none>")
    else:
        _selector(out, spec)
    _labels(out, value)
    _owner(out, value)
    current = _number(value.get("status") or EMPTY, "replicas")
    out.field(0, "Replicas", f"{current} current / {_number(spec, 'replicas')} desired")
    _pods_status(out, pods)


def _stateful_set(out: Layout, value: Json, pods: Sequence[Json]) -> None:
    spec = value["spec"]
    out.field(0, "CreationTimestamp", long_time(value["metadata"].get("creationTimestamp")))
    _selector(out, spec)
    _labels(out, value)
    total = _number(value.get("status") or EMPTY, "replicas")
    out.field(0, "Replicas", f"{_number(spec, 'replicas')} desired | {total} total")
    strategy = spec.get("updateStrategy") or EMPTY
    out.field(0, "Update Strategy", strategy.get("type") or "")
    rolling = strategy.get("rollingUpdate") or EMPTY
    if rolling.get("partition") is not None:
        out.field(1, "Partition", rolling["partition"])
        if rolling.get("maxUnavailable") is not None:
            out.field(1, "MaxUnavailable", rolling["maxUnavailable"])
    _pods_status(out, pods)


def _daemon_set(out: Layout, value: Json, pods: Sequence[Json]) -> None:
    spec, status = value["spec"], value.get("status") or EMPTY
    _selector(out, spec)
    template = (spec.get("template") or EMPTY).get("spec") or EMPTY
    out.field(0, "Node-Selector", ",".join(label_lines(template.get("nodeSelector"))) or "<none>")
    _labels(out, value)
    for label, name in (
        ("Desired Number of Nodes Scheduled", "desiredNumberScheduled"),
        ("Current Number of Nodes Scheduled", "currentNumberScheduled"),
        ("Number of Nodes Scheduled with Up-to-date Pods", "updatedNumberScheduled"),
        ("Number of Nodes Scheduled with Available Pods", "numberAvailable"),
        ("Number of Nodes Misscheduled", "numberMisscheduled"),
    ):
        out.line(0, f"{label}: {_number(status, name)}")
    _pods_status(out, pods)


def _job(out: Layout, value: Json, _pods: Sequence[Json]) -> None:
    spec, status = value["spec"], value.get("status") or EMPTY
    _selector(out, spec)
    _labels(out, value)
    _owner(out, value)
    _how_many(out, spec)
    out.field(0, "Completion Mode", spec.get("completionMode") or "NonIndexed")
    out.field(0, "Suspend", go_bool(spec.get("suspend")))
    out.field(0, "Backoff Limit", spec.get("backoffLimit"))
    if spec.get("ttlSecondsAfterFinished") is not None:
        out.field(0, "TTL Seconds After Finished", spec["ttlSecondsAfterFinished"])
    began, over = parse_time(status.get("startTime")), parse_time(status.get("completionTime"))
    if began is not None:
        out.field(0, "Start Time", long_time(status["startTime"]))
    if over is not None:
        out.field(0, "Completed At", long_time(status["completionTime"]))
    if began is not None and over is not None:
        out.field(0, "Duration", human_duration(over - began))
    if spec.get("activeDeadlineSeconds") is not None:
        out.field(0, "Active Deadline Seconds", f"{spec['activeDeadlineSeconds']}s")
    ready = "" if status.get("ready") is None else f" ({status['ready']} Ready)"
    active = f"{_number(status, 'active')} Active{ready}"
    ended = f"{_number(status, 'succeeded')} Succeeded / {_number(status, 'failed')} Failed"
    out.field(0, "Pods Statuses", f"{active} / {ended}")
    if spec.get("completionMode") == "Indexed":
        out.field(0, "Completed Indexes", _capped(status.get("completedIndexes") or "") or "<none>")


def _capped(indexes: str) -> str:
    """Indexes as far as the first comma after the limit."""
    end = indexes.find(",", _MOST_INDEXES)
    return indexes if end < 0 else f"{indexes[: end + 1]}..."


def _how_many(out: Layout, spec: Json) -> None:
    for label, name in (("Parallelism", "parallelism"), ("Completions", "completions")):
        out.field(0, label, "<unset>" if spec.get(name) is None else spec[name])


def _cron_job(out: Layout, value: Json, _pods: Sequence[Json]) -> None:
    spec = value["spec"]
    job = (spec.get("jobTemplate") or EMPTY).get("spec") or EMPTY
    _labels(out, value)
    out.field(0, "Schedule", spec.get("schedule") or "")
    out.field(0, "Concurrency Policy", spec.get("concurrencyPolicy") or "")
    out.field(0, "Suspend", "<unset>" if spec.get("suspend") is None else bool(spec["suspend"]))
    out.field(0, "Time Zone", "<unset>" if spec.get("timeZone") is None else spec["timeZone"])
    for label, name in (
        ("Successful Job History Limit", "successfulJobsHistoryLimit"),
        ("Failed Job History Limit", "failedJobsHistoryLimit"),
    ):
        out.field(0, label, "<unset>" if spec.get(name) is None else spec[name])
    deadline = spec.get("startingDeadlineSeconds")
    out.field(0, "Starting Deadline Seconds", "<unset>" if deadline is None else f"{deadline}s")
    out.field(0, "Selector", "<unset>" if job.get("selector") is None else selector_text(job["selector"]))
    _how_many(out, job)
    if job.get("activeDeadlineSeconds") is not None:
        out.field(0, "Active Deadline Seconds", f"{job['activeDeadlineSeconds']}s")


def _last_jobs(out: Layout, status: Json) -> None:
    last = status.get("lastScheduleTime")
    out.field(0, "Last Schedule Time", long_time(last) if last else "<unset>")
    out.field(0, "Active Jobs", ", ".join(one["name"] for one in status.get("active") or ()) or "<none>")


def _template(out: Layout, template: Json) -> None:
    """What the pods are made from."""
    metadata, spec = template.get("metadata") or EMPTY, template.get("spec") or EMPTY
    out.line(0, "Pod Template:")
    out.lines("  Labels", label_lines(metadata.get("labels")))
    if metadata.get("annotations"):
        out.lines("  Annotations", annotation_lines(metadata["annotations"]))
    if spec.get("serviceAccountName"):
        out.field(1, "Service Account", spec["serviceAccountName"])
    for title, spec_key, _ in CONTAINER_LISTS:
        if spec.get(spec_key):
            describe_containers(out, title, {"spec": spec}, spec_key, "", in_template=True)
    describe_volumes(out, spec.get("volumes") or (), in_template=True)
    describe_spread(out, spec.get("topologySpreadConstraints") or (), in_template=True)
    if spec.get("priorityClassName"):
        out.field(1, "Priority Class Name", spec["priorityClassName"])
    out.lines("  Node-Selectors", label_lines(spec.get("nodeSelector")))
    out.lines("  Tolerations", toleration_lines(spec.get("tolerations") or ()))
    describe_group(out, spec.get("schedulingGroup"), in_template=True)


def _claims(out: Layout, templates: Sequence[Json]) -> None:
    out.line(0, "Volume Claims:" if templates else "Volume Claims:\t<none>")
    for claim in templates:
        metadata, spec = claim.get("metadata") or EMPTY, claim.get("spec") or EMPTY
        out.field(1, "Name", metadata.get("name") or "")
        out.field(1, "StorageClass", storage_class(claim))
        out.lines("  Labels", label_lines(metadata.get("labels")))
        out.lines("  Annotations", label_lines(metadata.get("annotations")))
        requests = (spec.get("resources") or EMPTY).get("requests") or EMPTY
        out.field(1, "Capacity", requests.get("storage") or "<default>")
        out.field(1, "Access Modes", f"[{' '.join(spec.get('accessModes') or ())}]")


def _conditions(out: Layout, status: Json) -> None:
    conditions = status.get("conditions") or ()
    if conditions:
        out.line(0, "Conditions:")
        out.line(1, "Type\tStatus\tReason")
        out.line(1, "----\t------\t------")
    for one in conditions:
        out.line(1, f"{one.get('type', '')} \t{one.get('status', '')}\t{one.get('reason', '')}")


def _replica_sets(out: Layout, value: Json) -> None:
    """There is one, and it is named in the message about progress."""
    status = value.get("status") or EMPTY
    progress = next((one for one in status.get("conditions") or () if one.get("type") == "Progressing"), EMPTY)
    name = str(progress.get("message") or "").partition('"')[2].partition('"')[0]
    counts = f"{_number(status, 'replicas')}/{_number(value['spec'], 'replicas')} replicas created"
    out.field(0, "OldReplicaSets", "<none>")
    out.field(0, "NewReplicaSet", f"{name} ({counts})" if name else "<none>")


_BY_KIND: Mapping[str, Callable[[Layout, Json, Sequence[Json]], None]] = {
    "Deployment": _deployment,
    "ReplicaSet": _replicas,
    "ReplicationController": _replicas,
    "StatefulSet": _stateful_set,
    "DaemonSet": _daemon_set,
    "Job": _job,
    "CronJob": _cron_job,
}
