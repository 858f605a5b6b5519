"""One row per rule of what makes pods: Deployments, ReplicaSets, DaemonSets, StatefulSets, controllers, Jobs."""

from __future__ import annotations

import json
from typing import Any

import pytest

from runner.core.manifest import Source, load
from tests.support.manifests import LABEL, NAME_PART, SUBDOMAIN, said

NEGATIVE = "must be greater than or equal to 0"
MISMATCH = "`selector` does not match template `labels`"
ALWAYS = 'supported values: "Always"'
PERCENT = (
    "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex used for "
    "validation is '[0-9]+%')"
)
SELECTOR = {"matchLabels": {"app": "web"}}
TEMPLATE: dict[str, Any] = {
    "metadata": {"labels": {"app": "web"}},
    "spec": {"containers": [{"name": "main", "image": "busybox"}]},
}
LONG = "a" * 64


def manifest(kind: str, metadata: dict[str, Any] | None = None, **spec: Any) -> str:
    version = {"Job": "batch/v1", "ReplicationController": "v1"}.get(kind, "apps/v1")
    given = {"template": TEMPLATE, "selector": SELECTOR, **spec}
    return json.dumps(
        {
            "apiVersion": version,
            "kind": kind,
            "metadata": {"name": "web", **(metadata or {})},
            "spec": {key: value for key, value in given.items() if value != "none"},
        }
    )


def pod(**spec: Any) -> dict[str, Any]:
    return {**TEMPLATE, "spec": {**TEMPLATE["spec"], **spec}}


def rolling(unavailable: object = "none", surge: object = "none", kind: str = "RollingUpdate") -> dict[str, Any]:
    amounts = {"maxUnavailable": unavailable, "maxSurge": surge}
    return {"type": kind, "rollingUpdate": {key: value for key, value in amounts.items() if value != "none"}}


BROKEN = {"matchLabels": {"a b": "c"}, "matchExpressions": [{"key": "d", "operator": "Is"}]}
BROKEN_SHOWN = '{"matchLabels":{"a b":"c"},"matchExpressions":[{"key":"d","operator":"Is"}]}'
BROKEN_SAID = [
    f'spec.selector.matchLabels: Invalid value: "a b": {NAME_PART}',
    'spec.selector.matchExpressions[0].operator: Invalid value: "Is": not a valid selector operator',
]

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


def claim(name: str, **spec: Any) -> dict[str, Any]:
    given = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}, **spec}
    return {"metadata": {"name": name}, "spec": given}


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


HTTP_PATH = r"[A-Za-z0-9/\-._~%!$&'()*+,;=:]+"
INDEXED: dict[str, Any] = {"completionMode": "Indexed", "completions": 5}
MANY = "when completions are above 100000 and used with backoff limit per index"
JOBS: list[tuple[dict[str, Any], list[str]]] = [
    ({}, []),
    ({"managedBy": "acme.io/jobs"}, []),
    ({"managedBy": ""}, ["spec.managedBy: Required value"]),
    (
        {"managedBy": "acme"},
        ['spec.managedBy: Invalid value: "acme": must be a domain-prefixed path (such as "acme.io/foo")'],
    ),
    (
        {"managedBy": "A_b/x y"},
        [
            f'spec.managedBy: Invalid value: "A_b": {SUBDOMAIN}',
            f"spec.managedBy: Invalid value: \"x y\": Invalid path (regex used for validation is '{HTTP_PATH}')",
        ],
    ),
    ({"managedBy": f"a/{LONG}"}, ["spec.managedBy: Too long: may not be more than 63 bytes"]),
    (
        {"completionMode": "Some"},
        ['spec.completionMode: Unsupported value: "Some": supported values: "NonIndexed", "Indexed"'],
    ),
    (
        {"podFailurePolicy": {"rules": []}, "podReplacementPolicy": "TerminatingOrFailed"},
        ['spec.podReplacementPolicy: Unsupported value: "TerminatingOrFailed": supported values: "Failed"'],
    ),
    (
        {**INDEXED, "backoffLimitPerIndex": 1, "maxFailedIndexes": 6},
        ["spec.maxFailedIndexes: Invalid value: 6: must be less than or equal to completions"],
    ),
    (
        {
            **INDEXED,
            "completions": 200_000,
            "backoffLimitPerIndex": 1,
            "maxFailedIndexes": 100_001,
            "parallelism": 10_001,
        },
        [
            "spec.maxFailedIndexes: Invalid value: 100001: must be less than or equal to 100000",
            f"spec.parallelism: Invalid value: 10001: must be less than or equal to 10000 {MANY}",
            f"spec.maxFailedIndexes: Invalid value: 100001: must be less than or equal to 10000 {MANY}",
        ],
    ),
    (
        {**INDEXED, "completions": 200_000, "backoffLimitPerIndex": 1},
        ["spec.maxFailedIndexes: Required value: must be specified when completions is above 100000"],
    ),
    (
        {"template": pod(restartPolicy="Sometimes")},
        [
            'spec.template.spec.restartPolicy: Unsupported value: "Sometimes": supported values: "Always", "Never", "OnFailure"',
            'spec.template.spec.restartPolicy: Unsupported value: "Sometimes": supported values: "OnFailure", "Never"',
        ],
    ),
    ({"manualSelector": True, "selector": SELECTOR}, []),
    (
        {"manualSelector": True, "selector": BROKEN},
        BROKEN_SAID,
    ),
]


@pytest.mark.parametrize(("spec", "expected"), JOBS)
def test_what_the_server_says_of_a_job(spec: dict[str, Any], expected: list[str]) -> None:
    found = said(manifest("Job", **{"selector": "none", "template": pod(restartPolicy="Never"), **spec}))
    sets = [text.replace('"Always", "OnFailure", "Never"', '"Always", "Never", "OnFailure"') for text in found]
    assert sets == expected


RULE = {"action": "Count", "onExitCodes": {"operator": "In", "values": [1]}}
POLICY_RULES: list[tuple[dict[str, Any], list[str]]] = [
    ({"onExitCodes": {"values": [1]}}, ['.onExitCodes.operator: Required value: valid values: ["In" "NotIn"]']),
    (
        {"onExitCodes": {"operator": "NotIn"}},
        [".onExitCodes.values: Invalid value: null: at least one value is required"],
    ),
    (
        {"onExitCodes": {"operator": "In", "values": [0, 2, 2, 1]}},
        [
            ".onExitCodes.values[0]: Invalid value: 0: must not be 0 for the In operator",
            ".onExitCodes.values[2]: Duplicate value: 2",
            ".onExitCodes.values: Invalid value: [0,2,2,1]: must be ordered",
        ],
    ),
    (
        {"onExitCodes": {"operator": "In", "values": [1], "containerName": "side"}},
        [
            '.onExitCodes.containerName: Invalid value: "side": must be one of the container or initContainer names in the pod '
            "template"
        ],
    ),
    ({"action": "FailIndex"}, ['.action: Invalid value: "FailIndex": requires the backoffLimitPerIndex to be set']),
    (
        {"onExitCodes": None, "onPodConditions": [{"type": "", "status": "Maybe"}]},
        [
            '.onPodConditions[0].type: Invalid value: "": name part must be non-empty',
            f'.onPodConditions[0].type: Invalid value: "": {NAME_PART}',
            '.onPodConditions[0].status: Unsupported value: "Maybe": supported values: "False", "True", "Unknown"',
        ],
    ),
    (
        {"onExitCodes": None, "onPodConditions": [{"type": "A"}] * 21},
        [".onPodConditions: Too many: 21: must have at most 20 items"],
    ),
]


@pytest.mark.parametrize(("rule", "expected"), POLICY_RULES)
def test_what_the_server_says_of_a_failure_rule(rule: dict[str, Any], expected: list[str]) -> None:
    text = manifest(
        "Job", selector="none", template=pod(restartPolicy="Never"), podFailurePolicy={"rules": [{**RULE, **rule}]}
    )
    assert said(text) == [f"spec.podFailurePolicy.rules[0]{one}" for one in expected]


SUCCESS_RULES: list[tuple[dict[str, Any], list[str]]] = [
    ({"succeededIndexes": "0,+2-4", "succeededCount": 4}, []),
    (
        {"succeededIndexes": "1-2-3"},
        [
            '.succeededIndexes: Invalid value: "1-2-3": error parsing succeededIndexes: the fragment "1-2-3" violates the '
            "requirement that an index interval can have at most two parts separated by '-'"
        ],
    ),
    (
        {"succeededIndexes": "1-x"},
        [
            '.succeededIndexes: Invalid value: "1-x": error parsing succeededIndexes: cannot convert string to integer for '
            'index: "x"'
        ],
    ),
    (
        {"succeededIndexes": "0-5", "succeededCount": 6},
        [
            '.succeededIndexes: Invalid value: "0-5": error parsing succeededIndexes: too large index: "5"',
            ".succeededCount: Invalid value: 6: must be less than or equal to 5 (the number of specified completions)",
            ".succeededCount: Invalid value: 6: must be less than or equal to 0 (the number of indexes in the specified "
            "succeededIndexes field)",
        ],
    ),
    (
        {"succeededIndexes": "2-2"},
        [
            '.succeededIndexes: Invalid value: "2-2": error parsing succeededIndexes: non-increasing order, previous: 2, '
            "current: 2"
        ],
    ),
]


@pytest.mark.parametrize(("rule", "expected"), SUCCESS_RULES)
def test_what_the_server_says_of_a_success_rule(rule: dict[str, Any], expected: list[str]) -> None:
    policy: dict[str, Any] = {"successPolicy": {"rules": [rule]}}
    text = manifest("Job", selector="none", template=pod(restartPolicy="Never"), **INDEXED, **policy)
    assert said(text) == [f"spec.successPolicy.rules[0]{one}" for one in expected]


def test_indexes_of_a_success_rule_have_a_longest_text() -> None:
    policy: dict[str, Any] = {"successPolicy": {"rules": [{"succeededIndexes": "0" * (64 * 1024 + 1)}]}}
    found = said(manifest("Job", selector="none", template=pod(restartPolicy="Never"), **INDEXED, **policy))
    assert found[0] == "spec.successPolicy.rules[0].succeededIndexes: Too long: may not be more than 65536 bytes"


def test_a_success_policy_is_for_indexed_jobs() -> None:
    policy: dict[str, Any] = {"successPolicy": {"rules": [{"succeededCount": 1}]}}
    assert said(manifest("Job", selector="none", template=pod(restartPolicy="Never"), **policy)) == [
        'spec.successPolicy: Invalid value: {"Rules":[{"SucceededIndexes":null,"SucceededCount":1}]}: requires indexed '
        "completion mode"
    ]


def test_an_indexed_jobs_pods_need_names_that_hosts_can_have() -> None:
    text = manifest("Job", {"name": "a.b"}, selector="none", template=pod(restartPolicy="Never"), **INDEXED)
    assert said(text) == [
        'metadata.name: Invalid value: "a.b": will not able to create pod with invalid DNS label: a.b-4',
    ]


def test_a_jobs_own_labels_must_not_take_the_place_of_the_servers() -> None:
    template = {**pod(restartPolicy="Never"), "metadata": {"labels": {"job-name": "other"}}}
    (found,) = said(manifest("Job", selector="none", template=template))
    assert found.startswith("spec.template.metadata.labels[job-name]: Invalid value: {")
    assert found.endswith("}: must be 'web'")


def test_a_job_with_a_selector_that_cannot_be_read_hears_only_that() -> None:
    template = pod(restartPolicy="Never")
    assert said(manifest("Job", selector=BROKEN, template=template)) == BROKEN_SAID


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
