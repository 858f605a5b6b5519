"""Objects as rows: the ``meta.k8s.io`` Table that ``kubectl get`` prints, with the columns that each kind has.

Mirrors pkg/printers/internalversion/printers.go and k8s.io/apiserver/pkg/endpoints/handlers/response.go.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from runner.core.apimachinery.statuses import invalid
from runner.core.kindwords import WORKLOADS
from runner.core.manifest.paths import FieldPath
from runner.core.manifest.validation.errors import Errors
from runner.core.model import Json
from runner.core.printers.claimcolumns import claim_cells
from runner.core.printers.columns import age_since, pod_row
from runner.core.printers.objectcolumns import object_cells
from runner.core.printers.workloadcolumns import workload_cells

Cells = Sequence[Any]
_NONE: Final = "<none>"
_UNKNOWN: Final = "<unknown>"
_TEMPLATE: Final = "Containers* Images*"
_SELECTED: Final = f"{_TEMPLATE} Selector*"
_REPLICAS: Final = f"Name Desired# Current# Ready# Age {_SELECTED}"
_COLUMNS: Final[Mapping[str, str]] = {
    "ConfigMap": "Name Data Age",
    "Event": "Last_Seen Type Reason Object Subobject* Source* Message First_Seen* Count* Name*",
    "Namespace": "Name Status Age",
    "Node": "Name Status Roles Age Version Internal-IP* External-IP* OS-Image* Kernel-Version* Container-Runtime*",
    "PersistentVolumeClaim": (
        "Name Status Volume Capacity Access_Modes StorageClass VolumeAttributesClass Age VolumeMode*"
    ),
    "Pod": "Name Ready Status Restarts Age IP* Node* Nominated_Node* Readiness_Gates*",
    "ReplicationController": _REPLICAS,
    "Secret": "Name Type Data Age",
    "ServiceAccount": "Name Age",
    "Service": "Name Type Cluster-IP External-IP Port(s) Age Selector*",
    "DaemonSet": f"Name Desired# Current# Ready# Up-to-date# Available# Node_Selector Age {_SELECTED}",
    "Deployment": f"Name Ready Up-to-date Available Age {_SELECTED}",
    "ReplicaSet": _REPLICAS,
    "StatefulSet": f"Name Ready Age {_TEMPLATE}",
    "CronJob": f"Name Schedule Timezone Suspend? Active# Last_Schedule Age {_SELECTED}",
    "Job": f"Name Status Completions Duration Age {_SELECTED}",
}
"""Spaces in names are underscores. A star: wide tables alone have it; #: an integer; ?: a truth value."""
_TYPES: Final = {"#": "integer", "?": "boolean"}


def columns(kind: str) -> list[dict[str, Any]]:
    """The column definitions of a kind that is served."""
    return [_column(word) for word in _COLUMNS[kind].split()]


def _column(word: str) -> dict[str, Any]:
    name = word.rstrip("*#?").replace("_", " ")
    return {
        "name": name,
        "type": _TYPES.get(word[-1], "string"),
        "format": "name" if name == "Name" else "",
        "description": "",
        "priority": int(word.endswith("*")),
    }


def check_include(include: str) -> None:
    """See that includeObject is one of those that there are. Raises StatusError (422)."""
    if include not in ("", "None", "Metadata", "Object"):
        errors = Errors()
        text = "must be 'Metadata', 'Object', 'None', or empty"
        errors.invalid(FieldPath().child("includeObject"), include, text)
        raise invalid("TableOptions", "meta.k8s.io", "", errors.items)


def table(
    kind: str,
    values: Sequence[Json],
    now: datetime,
    *,
    metadata: Json | None = None,
    include: str = "Metadata",
    has_columns: bool = True,
    version: str = "v1",
) -> dict[str, Any]:
    """A Table of objects of a kind. ``metadata`` is the list's; a watch has columns in its first event only.

    ``include``: what each row holds of its object: None, Metadata or Object; "" is Metadata.
    """
    return {
        "kind": "Table",
        "apiVersion": f"meta.k8s.io/{version}",
        "metadata": dict(metadata or {}),
        "columnDefinitions": columns(kind) if has_columns else None,
        "rows": [_row(kind, value, now, include, version) for value in values],
    }


def _row(kind: str, value: Json, now: datetime, include: str, version: str) -> dict[str, Any]:
    row: dict[str, Any] = {"cells": list(cells(kind, value, now))}
    if include == "Object":
        row["object"] = value
    elif include != "None":
        row["object"] = partial(value, version)
    return row


def partial(value: Json, version: str = "v1") -> dict[str, Any]:
    """The PartialObjectMetadata of an object."""
    return {
        "kind": "PartialObjectMetadata",
        "apiVersion": f"meta.k8s.io/{version}",
        "metadata": value.get("metadata") or {},
    }


def cells(kind: str, value: Json, now: datetime) -> Cells:
    """The cells of one object's row, the wide ones too."""
    texts: Cells = _printer(kind)(value, now)
    words = _COLUMNS[kind].split()
    return [_typed(text, word[-1]) for text, word in zip(texts, words, strict=True)]


def _typed(text: Any, mark: str) -> Any:
    if mark == "#":
        return int(text)
    return text in ("True", "true", True) if mark == "?" else text


def _printer(kind: str) -> Callable[[Json, datetime], Cells]:
    if kind in WORKLOADS:
        return lambda value, now: workload_cells({**value, "kind": kind}, now, wide=True)
    if kind in ("Service", "ConfigMap", "Secret"):
        return lambda value, now: object_cells({**value, "kind": kind}, now, wide=True)
    return _PRINTERS[kind]


def _name(value: Json) -> str:
    return str((value.get("metadata") or {}).get("name") or "")


def _age(value: Json, now: datetime) -> str:
    return age_since((value.get("metadata") or {}).get("creationTimestamp"), now)


def _pod(value: Json, now: datetime) -> Cells:
    return pod_row(value, now).cells(wide=True)


def _claim(value: Json, now: datetime) -> Cells:
    return claim_cells(value, now, wide=True)


def _namespace(value: Json, now: datetime) -> Cells:
    return _name(value), str((value.get("status") or {}).get("phase") or ""), _age(value, now)


def _account(value: Json, now: datetime) -> Cells:
    return _name(value), _age(value, now)


_ROLE: Final = "node-role.kubernetes.io/"


def _node(value: Json, now: datetime) -> Cells:
    status = value.get("status") or {}
    info = status.get("nodeInfo") or {}
    kernel = str(info.get("kernelVersion") or _UNKNOWN)
    if info.get("architecture"):
        kernel += f" ({info['architecture']})"
    return (
        _name(value),
        _node_status(value),
        _roles(value),
        _age(value, now),
        str(info.get("kubeletVersion") or ""),
        _address(status, "InternalIP"),
        _address(status, "ExternalIP"),
        str(info.get("osImage") or _UNKNOWN),
        kernel,
        str(info.get("containerRuntimeVersion") or _UNKNOWN),
    )


def _node_status(value: Json) -> str:
    conditions = (value.get("status") or {}).get("conditions") or ()
    ready = [one.get("status") == "True" for one in conditions if one.get("type") == "Ready"]
    word = ("Ready" if ready[-1] else "NotReady") if ready else "Unknown"
    is_closed = (value.get("spec") or {}).get("unschedulable")
    return f"{word},SchedulingDisabled" if is_closed else word


def _roles(value: Json) -> str:
    labels = (value.get("metadata") or {}).get("labels") or {}
    roles = {key.removeprefix(_ROLE) for key in labels if key.startswith(_ROLE) and key != _ROLE}
    if labels.get("kubernetes.io/role"):
        roles.add(labels["kubernetes.io/role"])
    return ",".join(sorted(roles)) or _NONE


def _address(status: Json, kind: str) -> str:
    found = (one.get("address") for one in status.get("addresses") or () if one.get("type") == kind)
    return str(next(found, _NONE))


def _event(value: Json, now: datetime) -> Cells:
    about, source, series = value.get("involvedObject") or {}, value.get("source") or {}, value.get("series")
    first = age_since(value.get("firstTimestamp") or value.get("eventTime"), now)
    last = age_since(value["lastTimestamp"], now) if value.get("lastTimestamp") else first
    count = value.get("count") or 1
    if series:
        last, count = age_since(series.get("lastObservedTime"), now), series.get("count") or 0
    name, kind = about.get("name"), str(about.get("kind") or "").lower()
    component = source.get("component") or value.get("reportingComponent") or ""
    host = source.get("host") or value.get("reportingInstance") or ""
    return (
        last,
        str(value.get("type") or ""),
        str(value.get("reason") or ""),
        f"{kind}/{name}" if name else kind,
        str(about.get("fieldPath") or ""),
        f"{component}, {host}" if host else component,
        str(value.get("message") or "").strip(),
        first,
        count,
        _name(value),
    )


_PRINTERS: Final[Mapping[str, Callable[[Json, datetime], Cells]]] = {
    "Pod": _pod,
    "PersistentVolumeClaim": _claim,
    "Namespace": _namespace,
    "ServiceAccount": _account,
    "Node": _node,
    "Event": _event,
}
