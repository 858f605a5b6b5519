"""What a pod gets on its way in."""

from __future__ import annotations

from typing import Any

import pytest

from runner.core.admission import NO_NODE, admit, identified, on_node, unscheduled, why_unscheduled
from tests.support.pods import at

NOT_READY, UNREACHABLE = (
    {"key": f"node.kubernetes.io/{word}", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300}
    for word in ("not-ready", "unreachable")
)
ADDED = {"priority": 0, "preemptionPolicy": "PreemptLowerPriority", "tolerations": [NOT_READY, UNREACHABLE]}


def admitted(value: dict[str, Any]) -> dict[str, Any]:
    return admit(value, namespace="shop", uid="u-1", suffix="x7f2q", now=at(1.5))


def test_a_new_pod_gets_its_identity() -> None:
    assert admitted({"metadata": {"name": "web", "labels": {"a": "b"}}, "spec": {"x": 1}}) == {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": "web",
            "namespace": "shop",
            "labels": {"a": "b"},
            "uid": "u-1",
            "creationTimestamp": "2000-01-01T00:00:01Z",
            "generation": 1,
        },
        "spec": {"x": 1, **ADDED},
    }


def test_nothing_is_left_of_an_earlier_life_and_the_given_object_stays_as_it_is() -> None:
    earlier = {
        "name": "web",
        "namespace": "own",
        "uid": "old",
        "resourceVersion": "5",
        "generation": 4,
        "creationTimestamp": "1999-01-01T00:00:00Z",
        "deletionTimestamp": "1999-01-01T00:00:00Z",
        "deletionGracePeriodSeconds": 30,
        "managedFields": [{}],
        "ownerReferences": [{"name": "o"}],
    }
    value = {"apiVersion": "v1", "kind": "Pod", "metadata": earlier, "status": {"phase": "Failed"}}
    before = {**value, "metadata": dict(earlier)}
    assert admitted(value) == {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": "web",
            "namespace": "own",
            "uid": "u-1",
            "generation": 1,
            "creationTimestamp": "2000-01-01T00:00:01Z",
            "ownerReferences": [{"name": "o"}],
        },
        "spec": ADDED,
    }
    assert value == before


@pytest.mark.parametrize(
    ("metadata", "name"),
    [
        ({"generateName": "job-"}, "job-x7f2q"),
        ({"name": "", "generateName": "job-"}, "job-x7f2q"),
        ({"name": "own", "generateName": "job-"}, "own"),
        ({"generateName": "a" * 63}, "a" * 58 + "x7f2q"),
        (None, "x7f2q"),
    ],
)
def test_names_are_completed(metadata: dict[str, Any] | None, name: str) -> None:
    assert admitted({"metadata": metadata})["metadata"]["name"] == name


TOLERATIONS: list[tuple[str, list[dict[str, Any]], list[dict[str, Any]]]] = [
    ("none of these", [{"key": "gpu"}], [NOT_READY, UNREACHABLE]),
    ("one of them", [{"key": NOT_READY["key"], "effect": "NoExecute", "operator": "Exists"}], [UNREACHABLE]),
    ("one with another effect", [{"key": NOT_READY["key"], "effect": "NoSchedule"}], [NOT_READY, UNREACHABLE]),
    ("everything", [{"operator": "Exists"}], []),
    ("everything with another effect", [{"operator": "Exists", "effect": "NoSchedule"}], [NOT_READY, UNREACHABLE]),
]


@pytest.mark.parametrize(("given", "added"), [row[1:] for row in TOLERATIONS], ids=[row[0] for row in TOLERATIONS])
def test_a_node_that_is_away_is_borne_for_five_minutes_by_pods_that_tolerate(
    given: list[dict[str, Any]], added: list[dict[str, Any]]
) -> None:
    assert admitted({"metadata": {}, "spec": {"tolerations": given}})["spec"]["tolerations"] == given + added


PRIORITIES: list[tuple[dict[str, Any], int]] = [
    ({}, 0),
    ({"priority": 7}, 7),
    ({"priorityClassName": "system-node-critical"}, 2_000_001_000),
    ({"priorityClassName": "system-cluster-critical"}, 2_000_000_000),
    ({"priorityClassName": "only-a-cluster-knows"}, 0),
]


@pytest.mark.parametrize(("spec", "priority"), PRIORITIES)
def test_every_pod_has_a_priority(spec: dict[str, Any], priority: int) -> None:
    found = admitted({"metadata": {}, "spec": {**spec, "preemptionPolicy": "Never"}})["spec"]
    assert (found["priority"], found["preemptionPolicy"]) == (priority, "Never")


def test_an_object_of_another_kind_gets_its_identity_and_loses_an_earlier_one() -> None:
    earlier = {"generateName": "a-", "uid": "old", "resourceVersion": "5", "generation": 4, "labels": {"a": "b"}}
    value = {"kind": "ConfigMap", "metadata": earlier, "data": {"k": "v"}, "status": {"x": 1}}
    assert identified(value, namespace="shop", uid="u-1", suffix="x7f2q", now=at(1)) == {
        "kind": "ConfigMap",
        "metadata": {
            "generateName": "a-",
            "labels": {"a": "b"},
            "name": "a-x7f2q",
            "namespace": "shop",
            "uid": "u-1",
            "creationTimestamp": "2000-01-01T00:00:01Z",
        },
        "data": {"k": "v"},
    }


def test_a_pod_goes_to_the_node_that_it_names_or_to_the_given_one() -> None:
    assert on_node({"spec": {}}, "here")["spec"] == {"nodeName": "here"}
    assert on_node({"spec": {"nodeName": "there"}}, "here")["spec"] == {"nodeName": "there"}


def test_a_pod_without_a_node_is_pending_and_says_why() -> None:
    status = unscheduled("2000-01-01T00:00:01Z")
    assert status["phase"] == "Pending"
    assert why_unscheduled({"status": status}) == f"Unschedulable: {NO_NODE}"


@pytest.mark.parametrize(
    ("conditions", "why"),
    [
        pytest.param([], "", id="nothing is said"),
        pytest.param([{"type": "PodScheduled", "status": "True"}], "", id="it has a node"),
        pytest.param([{"type": "Ready", "status": "False", "reason": "x"}], "", id="something else is not so"),
        pytest.param([{"type": "PodScheduled", "status": "False"}], "Unschedulable", id="nobody says why"),
        pytest.param(
            [{"type": "PodScheduled", "status": "False", "reason": "SchedulingGated", "message": "gated"}],
            "SchedulingGated: gated",
            id="another reason",
        ),
    ],
)
def test_why_a_pod_has_no_node_is_what_its_condition_says(conditions: list[dict[str, Any]], why: str) -> None:
    assert why_unscheduled({"status": {"conditions": conditions}}) == why
    assert why_unscheduled({}) == ""
