"""One row per rule of Jobs, in the server's words: modes, managers, policies, and the selector that the server makes."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.manifests import NAME_PART, SUBDOMAIN, said
from tests.support.workloadmanifests import BROKEN, BROKEN_SAID, LONG, SELECTOR, manifest, pod

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


@pytest.mark.parametrize(
    ("own", "paths"),
    [
        pytest.param(
            {}, ["metadata.labels", "spec.template.labels"], id="none of its own: its pods' are the Job's too"
        ),
        pytest.param({"a": "b"}, ["spec.template.labels"], id="with its own, they are its pods' alone"),
    ],
)
def test_a_jobs_labels_are_those_of_its_pods(own: dict[str, str], paths: list[str]) -> None:
    template = {**pod(restartPolicy="Never"), "metadata": {"labels": {"app": "$(X)"}}}
    found = said(manifest("Job", {"labels": own}, selector="none", template=template))
    assert [one.partition(": ")[0] for one in found] == paths


def test_a_job_with_a_selector_that_cannot_be_read_hears_only_that() -> None:
    template = pod(restartPolicy="Never")
    assert said(manifest("Job", selector=BROKEN, template=template)) == BROKEN_SAID
