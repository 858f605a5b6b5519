"""``describe pod``: one pod and its events in full, for people.

Mirrors describePod of k8s.io/kubectl/pkg/describe/describe.go with the wording of Kubernetes 1.37.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from runner.core.container.qos import qos_class
from runner.core.model import EMPTY, Json
from runner.core.printers.workloadcolumns import selector_text
from runner.core.status.podstatus import Phase
from runner.render.describe_container import describe_containers, describe_resources, describe_seccomp
from runner.render.describe_volume import describe_volumes
from runner.render.events import age, describe_lines
from runner.render.layout import Layout, annotation_lines, label_lines, long_time

CONTAINER_LISTS = (
    ("Init Containers", "initContainers", "initContainerStatuses"),
    ("Containers", "containers", "containerStatuses"),
    ("Ephemeral Containers", "ephemeralContainers", "ephemeralContainerStatuses"),
)


def describe_pod(pod: Json, events: Sequence[Json], now: datetime) -> str:
    """The whole description, ending with a newline."""
    out = Layout()
    metadata, spec, status = (pod.get(key) or EMPTY for key in ("metadata", "spec", "status"))
    _identity(out, metadata, spec, status)
    out.lines("Labels", label_lines(metadata.get("labels")))
    out.lines("Annotations", annotation_lines(metadata.get("annotations")))
    _phase(out, metadata, status, now)
    describe_seccomp(out, 0, spec.get("securityContext"))
    _addresses(out, status)
    _relations(out, metadata, spec, status)
    for title, spec_key, status_key in CONTAINER_LISTS:
        if spec.get(spec_key) or spec_key == "containers":
            describe_containers(out, title, pod, spec_key, status_key)
    _conditions(out, spec, status)
    describe_volumes(out, spec.get("volumes") or ())
    out.field(0, "QoS Class", status.get("qosClass") or qos_class(pod))
    out.lines("Node-Selectors", label_lines(spec.get("nodeSelector")))
    out.lines("Tolerations", toleration_lines(spec.get("tolerations") or ()))
    describe_spread(out, spec.get("topologySpreadConstraints") or ())
    describe_group(out, spec.get("schedulingGroup"))
    describe_events(out, events, now)
    return out.text()


def _identity(out: Layout, metadata: Json, spec: Json, status: Json) -> None:
    out.field(0, "Name", metadata.get("name") or "")
    out.field(0, "Namespace", metadata.get("namespace") or "")
    if spec.get("priority") is not None:
        out.field(0, "Priority", spec["priority"])
    for label, key in (
        ("Priority Class Name", "priorityClassName"),
        ("Runtime Class Name", "runtimeClassName"),
        ("Service Account", "serviceAccountName"),
    ):
        if spec.get(key):
            out.field(0, label, spec[key])
    node = spec.get("nodeName")
    out.field(0, "Node", f"{node}/{status.get('hostIP') or ''}" if node else "<none>")
    if status.get("startTime"):
        out.field(0, "Start Time", long_time(status["startTime"]))


def _phase(out: Layout, metadata: Json, status: Json, now: datetime) -> None:
    phase = status.get("phase") or ""
    if metadata.get("deletionTimestamp") and phase not in (Phase.FAILED, Phase.SUCCEEDED):
        out.field(0, "Status", f"Terminating (lasts {age(metadata['deletionTimestamp'], now)})")
        out.field(0, "Termination Grace Period", f"{metadata.get('deletionGracePeriodSeconds') or 0}s")
    else:
        out.field(0, "Status", phase)
    for label, key in (("Reason", "reason"), ("Message", "message")):
        if status.get(key):
            out.field(0, label, status[key])


def _addresses(out: Layout, status: Json) -> None:
    out.field(0, "IP", status.get("podIP") or "")
    addresses = status.get("podIPs") or ()
    out.line(0, "IPs:" if addresses else "IPs:\t<none>")
    for address in addresses:
        out.field(1, "IP", address.get("ip") or "")


def _relations(out: Layout, metadata: Json, spec: Json, status: Json) -> None:
    owner = next((o for o in metadata.get("ownerReferences") or () if o.get("controller")), None)
    if owner:
        out.field(0, "Controlled By", f"{owner.get('kind', '')}/{owner.get('name', '')}")
    if status.get("nominatedNodeName"):
        out.field(0, "NominatedNodeName", status["nominatedNodeName"])
    if spec.get("resources") is not None:
        out.line(0, "Resources:")
        describe_resources(out, 1, spec["resources"])


def _conditions(out: Layout, spec: Json, status: Json) -> None:
    conditions = status.get("conditions") or ()
    states = {c.get("type"): c.get("status") for c in reversed(conditions)}
    gates = spec.get("readinessGates") or ()
    if gates:
        out.line(0, "Readiness Gates:")
        out.line(1, "Type\tStatus")
    for gate in gates:
        kind = gate.get("conditionType")
        out.line(1, f"{kind} \t{states.get(kind, '<none>')} ")
    if conditions:
        out.line(0, "Conditions:")
        out.line(1, "Type\tStatus")
    for condition in conditions:
        out.line(1, f"{condition.get('type', '')} \t{condition.get('status', '')} ")


def toleration_lines(tolerations: Sequence[Json]) -> list[str]:
    """Tolerations, one a line, sorted by key."""
    return [_toleration(t) for t in sorted(tolerations, key=lambda t: str(t.get("key") or ""))]


def _toleration(toleration: Json) -> str:
    key, value, effect = (toleration.get(name) or "" for name in ("key", "value", "effect"))
    text = key + (f"={value}" if value else "") + (f":{effect}" if effect else "")
    if toleration.get("operator") == "Exists" and not value:
        text += " op=Exists" if text else "op=Exists"
    if toleration.get("tolerationSeconds") is not None:
        text += f" for {toleration['tolerationSeconds']}s"
    return text


def describe_spread(out: Layout, constraints: Sequence[Json], *, in_template: bool = False) -> None:
    """Add the topology spread constraints, if there are any."""
    lines = []
    for constraint in sorted(constraints, key=lambda c: str(c.get("topologyKey") or "")):
        text = f"{constraint.get('topologyKey')}:{constraint.get('whenUnsatisfiable')} when max skew"
        text += f" {constraint.get('maxSkew')} is exceeded"
        selector = constraint.get("labelSelector")
        if selector is not None:
            text += f" for selector {selector_text(selector) or '<none>'}"
        lines.append(text)
    if lines:
        indent = "  " if in_template else ""
        out.field(0, f"{indent}Topology Spread Constraints", lines[0])
        for line in lines[1:]:
            out.line(0, f"{indent}\t{line}")


def describe_group(out: Layout, group: Json | None, *, in_template: bool = False) -> None:
    """Add the scheduling group, if there is one."""
    if group is not None:
        out.line(0, f"{'  ' if in_template else ''}SchedulingGroup:")
        out.field(1, "PodGroupName", group.get("podGroupName") or "")


def describe_events(out: Layout, events: Sequence[Json], now: datetime) -> None:
    """Add the table of events."""
    if not events:
        out.field(0, "Events", "<none>")
        return
    out.line(0, "Events:")
    for line in describe_lines(events, now):
        out.line(0, line)
