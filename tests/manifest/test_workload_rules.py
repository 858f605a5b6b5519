"""One row per rule of Deployments, ReplicaSets, DaemonSets and controllers, and what authors of workloads are warned of."""

from __future__ import annotations

from typing import Any

import pytest

from runner.core.manifest import Source, load
from tests.support.manifests import SUBDOMAIN, said
from tests.support.workloadmanifests import (
    ALWAYS,
    BROKEN,
    BROKEN_SAID,
    BROKEN_SHOWN,
    MISMATCH,
    NEGATIVE,
    PERCENT,
    TEMPLATE,
    claim,
    manifest,
    pod,
    rolling,
)

DEPLOYMENTS: list[tuple[dict[str, Any], list[str]]] = [
    ({}, []),
    ({"selector": {}}, ["spec.selector: Invalid value: {}: empty selector is invalid for deployment"]),
    (
        {"selector": BROKEN, "template": pod(restartPolicy="Never")},
        [*BROKEN_SAID, f"spec.selector: Invalid value: {BROKEN_SHOWN}: invalid label selector"],
    ),
    (
        {"selector": "none", "template": {**TEMPLATE, "metadata": {}}},
        [
            "spec.selector: Required value",
            f"spec.template.metadata.labels: Invalid value: null: {MISMATCH}",
        ],
    ),
    (
        {"template": {**TEMPLATE, "metadata": {"labels": {}}}},
        [f"spec.template.metadata.labels: Invalid value: {{}}: {MISMATCH}"],
    ),
    (
        {"replicas": -1, "minReadySeconds": -2, "revisionHistoryLimit": -3, "progressDeadlineSeconds": -4},
        [
            f"spec.replicas: Invalid value: -1: {NEGATIVE}",
            f"spec.minReadySeconds: Invalid value: -2: {NEGATIVE}",
            f"spec.revisionHistoryLimit: Invalid value: -3: {NEGATIVE}",
            f"spec.progressDeadlineSeconds: Invalid value: -4: {NEGATIVE}",
            "spec.progressDeadlineSeconds: Invalid value: -4: must be greater than minReadySeconds",
        ],
    ),
    (
        {"strategy": {"type": "Recreate", "rollingUpdate": {}}},
        ["spec.strategy.rollingUpdate: Forbidden: may not be specified when strategy `type` is 'Recreate'"],
    ),
    ({"strategy": {"type": "Recreate"}}, []),
    (
        {"strategy": rolling("0%", "0%")},
        [
            'spec.strategy.rollingUpdate.maxUnavailable: Invalid value: "0%": may not be 0 when `maxSurge` is 0',
        ],
    ),
    (
        {"strategy": rolling("", "5")},
        [
            f'spec.strategy.rollingUpdate.maxUnavailable: Invalid value: "": {PERCENT}',
            f'spec.strategy.rollingUpdate.maxSurge: Invalid value: "5": {PERCENT}',
        ],
    ),
    (
        {"strategy": rolling("x", 0)},
        [
            f'spec.strategy.rollingUpdate.maxUnavailable: Invalid value: "x": {PERCENT}',
            'spec.strategy.rollingUpdate.maxUnavailable: Invalid value: "x": may not be 0 when `maxSurge` is 0',
        ],
    ),
    (
        {"strategy": rolling(-1, "200%")},
        [f"spec.strategy.rollingUpdate.maxUnavailable: Invalid value: -1: {NEGATIVE}"],
    ),
    (
        {"strategy": rolling("101%", 1)},
        ['spec.strategy.rollingUpdate.maxUnavailable: Invalid value: "101%": must not be greater than 100%'],
    ),
    (
        {"strategy": rolling("50%", kind="Ramped")},
        [
            'spec.strategy: Unsupported value: {"Type":"Ramped","RollingUpdate":{"MaxUnavailable":"50%","MaxSurge":0}}: '
            'supported values: "Recreate", "RollingUpdate"'
        ],
    ),
]


@pytest.mark.parametrize(("spec", "expected"), DEPLOYMENTS)
def test_what_the_server_says_of_a_deployment(spec: dict[str, Any], expected: list[str]) -> None:
    assert said(manifest("Deployment", **spec)) == expected


def test_a_replica_set_hears_of_deployments() -> None:
    text = manifest("ReplicaSet", selector={}, minReadySeconds=-1, template=pod(activeDeadlineSeconds=1))
    assert said(text) == [
        f"spec.minReadySeconds: Invalid value: -1: {NEGATIVE}",
        "spec.selector: Invalid value: {}: empty selector is invalid for deployment",
        "spec.template.spec.activeDeadlineSeconds: Forbidden: activeDeadlineSeconds in ReplicaSet is not Supported",
    ]


DAEMON_SETS: list[tuple[dict[str, Any], list[str]]] = [
    ({}, []),
    ({"selector": "none"}, [f'spec.template.metadata.labels: Invalid value: {{"app":"web"}}: {MISMATCH}']),
    ({"selector": {}}, ["spec.selector: Invalid value: {}: empty selector is invalid for daemonset"]),
    ({"selector": BROKEN}, BROKEN_SAID),
    (
        {"template": pod(restartPolicy="OnFailure", activeDeadlineSeconds=1), "revisionHistoryLimit": -1},
        [
            f'spec.template.spec.restartPolicy: Unsupported value: "OnFailure": {ALWAYS}',
            "spec.template.spec.activeDeadlineSeconds: Forbidden: activeDeadlineSeconds in DaemonSet is not Supported",
            f"spec.revisionHistoryLimit: Invalid value: -1: {NEGATIVE}",
        ],
    ),
    ({"updateStrategy": {"type": "OnDelete"}}, []),
    (
        {"updateStrategy": {"type": "Now"}},
        [
            'spec.updateStrategy: Unsupported value: {"Type":"Now","RollingUpdate":null}: supported values: "RollingUpdate", '
            '"OnDelete"'
        ],
    ),
    (
        {"updateStrategy": rolling(0)},
        ["spec.updateStrategy.rollingUpdate.maxUnavailable: Required value: cannot be 0 when maxSurge is 0"],
    ),
    (
        {"updateStrategy": rolling(surge="150%")},
        [
            'spec.updateStrategy.rollingUpdate.maxSurge: Invalid value: "150%": must not be greater than 100%',
            'spec.updateStrategy.rollingUpdate.maxSurge: Invalid value: "150%": may not be set when maxUnavailable is non-zero',
        ],
    ),
]


@pytest.mark.parametrize(("spec", "expected"), DAEMON_SETS)
def test_what_the_server_says_of_a_daemon_set(spec: dict[str, Any], expected: list[str]) -> None:
    assert said(manifest("DaemonSet", **spec)) == expected


@pytest.mark.parametrize(
    ("metadata", "spec", "expected"),
    [
        ({}, {"selector": {"app": "web"}}, []),
        ({}, {"selector": "none"}, []),
        (
            {},
            {"selector": "none", "template": "none"},
            ["spec.selector: Required value", "spec.template: Required value"],
        ),
        (
            {},
            {"selector": {"app": "x"}, "replicas": -1, "template": pod(activeDeadlineSeconds=1)},
            [
                f"spec.replicas: Invalid value: -1: {NEGATIVE}",
                f'spec.template.metadata.labels: Invalid value: {{"app":"web"}}: {MISMATCH}',
                "spec.template.spec.activeDeadlineSeconds: Forbidden: activeDeadlineSeconds in ReplicationController is not "
                "Supported",
            ],
        ),
        (
            {"name": "", "generateName": "A_"},
            {"selector": "none"},
            [f'metadata.name: Invalid value: "A_xxxxx": {SUBDOMAIN}'],
        ),
        (
            {"name": "a" * 254},
            {"selector": "none"},
            [f'metadata.name: Invalid value: "{"a" * 254}": must be no more than 253 bytes'],
        ),
    ],
)
def test_what_the_server_says_of_a_replication_controller(
    metadata: dict[str, Any], spec: dict[str, Any], expected: list[str]
) -> None:
    assert said(manifest("ReplicationController", metadata, **spec)) == expected


@pytest.mark.parametrize(
    ("kind", "metadata", "spec", "expected"),
    [
        (
            "Deployment",
            {"name": "a.b"},
            {},
            [
                "metadata.name: this is used in Pod names and hostnames, which can result in surprising behavior; a DNS label "
                "is recommended: [must not contain dots]"
            ],
        ),
        ("DaemonSet", {"name": "a.b"}, {}, []),
        (
            "StatefulSet",
            {},
            {
                "revisionHistoryLimit": -1,
                "volumeClaimTemplates": [
                    claim("a", resources={"limits": {"storage": "2500m"}, "requests": {"storage": "1500m"}})
                ],
            },
            [
                'spec.volumeClaimTemplates[0].resources.requests[storage]: fractional byte value "1500m" is invalid, must be '
                "an integer",
                'spec.volumeClaimTemplates[0].resources.limits[storage]: fractional byte value "2500m" is invalid, must be an '
                "integer",
                "spec.revisionHistoryLimit: a negative value retains all historical revisions; a value >= 0 is recommended",
            ],
        ),
        (
            "Job",
            {},
            {
                "selector": "none",
                "template": pod(restartPolicy="Never"),
                "completionMode": "Indexed",
                "completions": 100_001,
                "parallelism": 10_001,
            },
            [
                "spec: In Indexed Jobs with a number of completions higher than 10^5 and a parallelism higher than 10^4, "
                "Kubernetes might not be able to track completedIndexes when a big number of indexes fail"
            ],
        ),
    ],
)
def test_what_a_workloads_author_is_warned_of(
    kind: str, metadata: dict[str, Any], spec: dict[str, Any], expected: list[str]
) -> None:
    result = load([Source(name="f", text=manifest(kind, metadata, **spec))])
    assert result.ok
    assert sorted(f"{one.field}: {one.message}" for one in result.warnings) == sorted(expected)


@pytest.mark.parametrize(("given", "stored"), [({}, "1"), ({"a": "b"}, "1"), ("0", "1"), ("x", "1"), ("7", "7")])
def test_a_daemon_sets_template_has_a_generation(given: dict[str, str] | str, stored: str) -> None:
    name = "deprecated.daemonset.template.generation"
    annotations = {name: given} if isinstance(given, str) else given
    (found,) = load([Source(name="f", text=manifest("DaemonSet", {"annotations": annotations}))]).objects
    assert found.value["metadata"]["annotations"] == {**annotations, name: stored}
