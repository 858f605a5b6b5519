"""Tables of the API: the columns that a real server has, and a row of each kind."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from runner.core.apimachinery import resources, tables
from runner.core.apimachinery.statuses import StatusError

RECORDED = json.loads(
    (Path(__file__).parents[2] / "fixtures" / "conformance" / "apiserver" / "tables.json").read_text()
)
NOW = datetime(2026, 1, 31, 12, 0, 0, tzinfo=UTC)
CREATED = {"creationTimestamp": "2026-01-31T11:55:00Z", "name": "x", "namespace": "default"}
TEMPLATE = {"spec": {"containers": [{"name": "main", "image": "busybox"}]}}
NODE = {
    "metadata": {**CREATED, "labels": {"node-role.kubernetes.io/worker": "", "kubernetes.io/role": "extra"}},
    "spec": {"unschedulable": True},
    "status": {
        "conditions": [{"type": "MemoryPressure", "status": "False"}, {"type": "Ready", "status": "True"}],
        "addresses": [{"type": "Hostname", "address": "x"}, {"type": "InternalIP", "address": "10.0.0.2"}],
        "nodeInfo": {
            "kubeletVersion": "v1.36.2",
            "osImage": "Debian",
            "kernelVersion": "6.1",
            "architecture": "amd64",
            "containerRuntimeVersion": "docker://28.5",
        },
    },
}
EVENT = {
    "metadata": {"name": "x.1"},
    "type": "Normal",
    "reason": "Pulled",
    "involvedObject": {"kind": "Pod", "name": "x", "fieldPath": "spec.containers{main}"},
    "source": {"component": "kubelet", "host": "here"},
    "message": " pulled\n",
    "firstTimestamp": "2026-01-31T11:55:00Z",
    "lastTimestamp": "2026-01-31T11:59:00Z",
    "count": 3,
}


@pytest.mark.parametrize("resource", resources.RESOURCES, ids=lambda one: str(one.name))
def test_a_table_has_the_columns_of_a_real_servers(resource: resources.Resource) -> None:
    mine = [[one["name"], one["type"], one["format"], one["priority"]] for one in tables.columns(resource.kind)]
    assert mine == RECORDED[resource.name]["columns"]


@pytest.mark.parametrize(
    ("kind", "value", "cells"),
    [
        ("Namespace", {"metadata": CREATED, "status": {"phase": "Active"}}, ["x", "Active", "5m"]),
        ("ServiceAccount", {"metadata": CREATED}, ["x", "5m"]),
        ("ConfigMap", {"metadata": CREATED, "data": {"a": "1"}}, ["x", "1", "5m"]),
        ("Secret", {"metadata": CREATED, "type": "Opaque"}, ["x", "Opaque", "0", "5m"]),
        ("Service", {"metadata": CREATED, "spec": {}}, ["x", "ClusterIP", "<none>", "<none>", "<none>", "5m", "<none>"]),
        (
            "PersistentVolumeClaim",
            {"metadata": CREATED},
            ["x", "Pending", "", "", "", "", "<unset>", "5m", "<unset>"],
        ),
        (
            "Pod",
            {"metadata": CREATED, "spec": TEMPLATE["spec"], "status": {"phase": "Pending"}},
            ["x", "0/1", "Pending", "0", "5m", "<none>", "<none>", "<none>", "<none>"],
        ),
        (
            "ReplicaSet",
            {"metadata": CREATED, "spec": {"replicas": 2, "template": TEMPLATE}, "status": {"replicas": 1}},
            ["x", 2, 1, 0, "5m", "main", "busybox", "<none>"],
        ),
        (
            "CronJob",
            {
                "metadata": CREATED,
                "spec": {"schedule": "* * * * *", "suspend": False, "jobTemplate": {"spec": {"template": TEMPLATE}}},
            },
            ["x", "* * * * *", "<none>", False, 0, "<none>", "5m", "main", "busybox", "<none>"],
        ),
        (
            "Node",
            NODE,
            [
                "x",
                "Ready,SchedulingDisabled",
                "extra,worker",
                "5m",
                "v1.36.2",
                "10.0.0.2",
                "<none>",
                "Debian",
                "6.1 (amd64)",
                "docker://28.5",
            ],
        ),
        (
            "Node",
            {"metadata": CREATED, "status": {"conditions": [{"type": "Ready", "status": "Unknown"}]}},
            ["x", "NotReady", "<none>", "5m", "", "<none>", "<none>", "<unknown>", "<unknown>", "<unknown>"],
        ),
        (
            "Node",
            {"metadata": CREATED},
            ["x", "Unknown", "<none>", "5m", "", "<none>", "<none>", "<unknown>", "<unknown>", "<unknown>"],
        ),
        (
            "Event",
            EVENT,
            ["60s", "Normal", "Pulled", "pod/x", "spec.containers{main}", "kubelet, here", "pulled", "5m", 3, "x.1"],
        ),
        (
            "Event",
            {"involvedObject": {"kind": "Node"}, "eventTime": "2026-01-31T11:55:00.000000Z", "reportingComponent": "s"},
            ["5m", "", "", "node", "", "s", "", "5m", 1, ""],
        ),
        (
            "Event",
            {**EVENT, "series": {"lastObservedTime": "2026-01-31T11:58:00.000000Z", "count": 9}},
            ["2m", "Normal", "Pulled", "pod/x", "spec.containers{main}", "kubelet, here", "pulled", "5m", 9, "x.1"],
        ),
    ],
)  # fmt: skip
def test_an_object_is_a_row(kind: str, value: dict[str, Any], cells: list[Any]) -> None:
    assert tables.cells(kind, value, NOW) == cells


def test_a_row_holds_as_much_of_its_object_as_is_asked_for() -> None:
    value = {"kind": "ConfigMap", "apiVersion": "v1", "metadata": CREATED}
    made = tables.table("ConfigMap", [value], NOW, metadata={"resourceVersion": "7"})
    assert made["kind"] == "Table"
    assert made["apiVersion"] == "meta.k8s.io/v1"
    assert made["metadata"] == {"resourceVersion": "7"}
    assert made["rows"][0]["object"] == tables.partial(value)
    assert tables.partial(value)["kind"] == "PartialObjectMetadata"
    assert tables.table("ConfigMap", [value], NOW, include="Object")["rows"][0]["object"] == value
    later = tables.table("ConfigMap", [value], NOW, include="None", has_columns=False, version="v1beta1")
    assert (later["columnDefinitions"], later["rows"]) == (None, [{"cells": ["x", "0", "5m"]}])
    for include in ("", "None", "Metadata", "Object"):
        tables.check_include(include)
    with pytest.raises(StatusError, match="must be 'Metadata', 'Object', 'None', or empty"):
        tables.check_include("All")
