"""One row per rule of StatefulSets: updates, retention, ordinals, and the volumes of their claims."""

from __future__ import annotations

import json
from typing import Any

import pytest

from runner.core.manifest import Source, load
from tests.support.manifests import LABEL, said
from tests.support.workloadmanifests import (
    ALWAYS,
    BROKEN,
    BROKEN_SAID,
    BROKEN_SHOWN,
    MISMATCH,
    NEGATIVE,
    TEMPLATE,
    claim,
    manifest,
    pod,
)

VOLUMES = "spec.template.spec.volumes"
STATEFUL_SETS: list[tuple[dict[str, Any], list[str]]] = [
    ({}, []),
    (
        {"podManagementPolicy": "Any"},
        ["spec.podManagementPolicy: Invalid value: \"Any\": must be 'OrderedReady' or 'Parallel'"],
    ),
    (
        {"updateStrategy": {"type": "OnDelete", "rollingUpdate": {"partition": 2}}},
        [
            'spec.updateStrategy.rollingUpdate: Invalid value: {"Partition":2,"MaxUnavailable":null}: only allowed for '
            "updateStrategy 'RollingUpdate'"
        ],
    ),
    (
        {"updateStrategy": {"type": "Now", "rollingUpdate": {"maxUnavailable": 1}}},
        [
            'spec.updateStrategy: Invalid value: {"Type":"Now","RollingUpdate":{"Partition":0,"MaxUnavailable":null}}: must be '
            "'RollingUpdate' or 'OnDelete'"
        ],
    ),
    ({"updateStrategy": {"type": "OnDelete"}}, []),
    (
        {"updateStrategy": {"rollingUpdate": {"partition": -1, "maxUnavailable": "0%"}}},
        [f"spec.updateStrategy.rollingUpdate.partition: Invalid value: -1: {NEGATIVE}"],
    ),
    (
        {"persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Keep", "whenScaled": "Drop"}},
        [
            'spec.persistentVolumeClaimRetentionPolicy.whenDeleted: Unsupported value: "Keep": supported values: "Retain", '
            '"Delete"',
            'spec.persistentVolumeClaimRetentionPolicy.whenScaled: Unsupported value: "Drop": supported values: "Retain", '
            '"Delete"',
        ],
    ),
    (
        {"ordinals": {"start": -1}, "replicas": -2, "minReadySeconds": -3, "serviceName": "A"},
        [
            f"spec.replicas: Invalid value: -2: {NEGATIVE}",
            f"spec.minReadySeconds: Invalid value: -3: {NEGATIVE}",
            f"spec.ordinals.start: Invalid value: -1: {NEGATIVE}",
            f'spec.serviceName: Invalid value: "A": {LABEL}',
        ],
    ),
    ({"selector": {}}, ["spec.selector: Invalid value: {}: empty selector is invalid for statefulset"]),
    (
        {"selector": "none"},
        ["spec.selector: Required value", f'spec.template.metadata.labels: Invalid value: {{"app":"web"}}: {MISMATCH}'],
    ),
    (
        {"selector": BROKEN, "template": pod(restartPolicy="Never", activeDeadlineSeconds=1)},
        [
            *BROKEN_SAID,
            f"spec.selector: Invalid value: {BROKEN_SHOWN}",
            f'spec.template.spec.restartPolicy: Unsupported value: "Never": {ALWAYS}',
            "spec.template.spec.activeDeadlineSeconds: Forbidden: activeDeadlineSeconds in StatefulSet is not Supported",
        ],
    ),
    # The pods' volumes are the claims', then the template's others; their host names are the set's.
    (
        {
            "volumeClaimTemplates": [claim("My_Data"), claim("data", accessModes=["RWO"])],
            "template": pod(
                hostname="A_b",
                subdomain="A_b",
                volumes=[
                    {"name": "data", "emptyDir": {}},
                    {"name": "tmp", "emptyDir": {}},
                    {"name": "x", "hostPath": {}},
                ],
            ),
        },
        [
            'spec.volumeClaimTemplates[1].spec.accessModes: Unsupported value: "RWO": supported values: "ReadOnlyMany", '
            '"ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod"',
            f'{VOLUMES}[0].name: Invalid value: "My_Data": {LABEL}',
            f"{VOLUMES}[3].hostPath.path: Required value",
        ],
    ),
    (
        {"volumeClaimTemplates": [claim("")]},
        [
            f"{VOLUMES}[0].persistentVolumeClaim.claimName: Required value",
            f"{VOLUMES}[0].name: Required value",
        ],
    ),
    (
        {
            "volumeClaimTemplates": [
                claim(
                    "data",
                    dataSource={"kind": "Book", "name": "a", "apiGroup": "example.com"},
                    dataSourceRef={"kind": "Book", "name": "a", "apiGroup": "example.com", "namespace": "A"},
                )
            ]
        },
        [
            f'spec.volumeClaimTemplates[0].spec.dataSourceRef.namespace: Invalid value: "A": {LABEL}',
            "spec.volumeClaimTemplates[0].spec: Invalid value: {}: may not be specified when dataSourceRef.namespace is "
            "specified",
        ],
    ),
    # The template's metadata is looked at twice.
    (
        {"template": {**TEMPLATE, "metadata": {"labels": {"app": "web", "x": "a b"}}}},
        ["spec.template.labels", "spec.template.labels"],
    ),
]


@pytest.mark.parametrize(("spec", "expected"), STATEFUL_SETS)
def test_what_the_server_says_of_a_stateful_set(spec: dict[str, Any], expected: list[str]) -> None:
    found = said(manifest("StatefulSet", **spec))
    assert [text[: len(wanted)] for text, wanted in zip(found, expected, strict=True)] == expected


def test_an_error_in_a_claims_volume_points_to_the_template_or_to_its_own_place() -> None:
    volumes = [{"name": "x", "hostPath": {}}]
    text = json.dumps(
        json.loads(manifest("StatefulSet", volumeClaimTemplates=[claim("A")], template=pod(volumes=volumes))), indent=1
    )
    lines = text.splitlines()
    places = [lines[problem.line - 1].strip() for problem in load([Source(name="f", text=text)]).problems]
    assert sorted(places) == ['"hostPath": {}', '"name": "A"']


@pytest.mark.parametrize(
    ("given", "stored"),
    [
        ({}, {"type": "RollingUpdate", "rollingUpdate": {"partition": 0}}),
        ({"type": "RollingUpdate"}, {"type": "RollingUpdate"}),
        (
            {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 2}},
            {"type": "RollingUpdate", "rollingUpdate": {"partition": 0}},
        ),
        ({"type": "OnDelete"}, {"type": "OnDelete"}),
    ],
)
def test_what_the_server_makes_of_a_stateful_sets_strategy(given: dict[str, Any], stored: dict[str, Any]) -> None:
    (found,) = load([Source(name="f", text=manifest("StatefulSet", updateStrategy=given))]).objects
    assert found.value["spec"]["updateStrategy"] == stored
