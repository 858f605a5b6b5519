"""What is wrong with the completion modes and policies of Jobs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from tests.support.manifests import said

EXIT = {"operator": "In", "values": [1]}


def complaints(**spec: Any) -> list[str]:
    template = {"spec": {"restartPolicy": "Never", "containers": [{"name": "main", "image": "busybox"}]}}
    value = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "pi"},
        "spec": {"template": template, **spec},
    }
    return [text.removeprefix("spec.") for text in said(json.dumps(value))]


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        (
            {"completionMode": "Indexed", "parallelism": 1},
            ["completions: Required value: when completion mode is Indexed"],
        ),
        (
            {"completionMode": "Indexed", "completions": 1, "parallelism": 100_001},
            [
                "parallelism: Invalid value: 100001: must be less than or equal to 100000 when completion mode is "
                "Indexed"
            ],
        ),
        ({"backoffLimitPerIndex": 1}, ["backoffLimitPerIndex: Invalid value: 1: requires indexed completion mode"]),
        (
            {"completionMode": "Indexed", "completions": 1, "maxFailedIndexes": 1},
            ["backoffLimitPerIndex: Required value: when maxFailedIndexes is specified"],
        ),
        (
            {"podReplacementPolicy": "Never"},
            [
                'podReplacementPolicy: Unsupported value: "Never": supported values: "Failed", "TerminatingOrFailed"',
            ],
        ),
        (
            {"successPolicy": {"rules": []}},
            ['successPolicy: Invalid value: {"Rules":[]}: requires indexed completion mode'],
        ),
    ],
)
def test_fields_that_need_each_other_are_asked_for(spec: Mapping[str, Any], expected: list[str]) -> None:
    assert complaints(**spec) == expected


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ({"onExitCodes": EXIT}, 'action: Required value: valid values: ["Count" "FailIndex" "FailJob" "Ignore"]'),
        (
            {"action": "FailIndex", "onExitCodes": EXIT},
            'action: Invalid value: "FailIndex": requires the backoffLimitPerIndex to be set',
        ),
        (
            {"action": "Stop", "onExitCodes": EXIT},
            'action: Unsupported value: "Stop": supported values: "Count", "FailIndex", "FailJob", "Ignore"',
        ),
        (
            {"action": "Count"},
            "Invalid value: specifying one of OnExitCodes and OnPodConditions is required",
        ),
        (
            {"action": "Count", "onExitCodes": EXIT, "onPodConditions": [{"type": "A"}]},
            "Invalid value: specifying both OnExitCodes and OnPodConditions is not supported",
        ),
        (
            {"action": "Count", "onPodConditions": [{"type": "A", "status": "Maybe"}]},
            'onPodConditions[0].status: Unsupported value: "Maybe": supported values: "False", "True", "Unknown"',
        ),
        (
            {"action": "Count", "onExitCodes": {"operator": "Is", "values": [1]}},
            'onExitCodes.operator: Unsupported value: "Is": supported values: "In", "NotIn"',
        ),
        (
            {"action": "Count", "onExitCodes": {**EXIT, "containerName": "side"}},
            'onExitCodes.containerName: Invalid value: "side": must be one of the container or initContainer names in '
            "the pod template",
        ),
        (
            {"action": "Count", "onExitCodes": {"operator": "In", "values": []}},
            "onExitCodes.values: Invalid value: []: at least one value is required",
        ),
        (
            {"action": "Count", "onExitCodes": {"operator": "In", "values": [2, 1]}},
            "onExitCodes.values: Invalid value: [2,1]: must be ordered",
        ),
        (
            {"action": "Count", "onExitCodes": {"operator": "In", "values": [0, 1]}},
            "onExitCodes.values[0]: Invalid value: 0: must not be 0 for the In operator",
        ),
        (
            {"action": "Count", "onExitCodes": {"operator": "In", "values": list(range(1, 257))}},
            "onExitCodes.values: Too many: 256: must have at most 255 items",
        ),
    ],
)
def test_a_failure_rule_must_make_sense(rule: Mapping[str, Any], expected: str) -> None:
    found = [text.removeprefix("podFailurePolicy.rules[0]").lstrip(".: ") for text in complaints(**policy(rule))]
    assert found == [expected]


def policy(*rules: Mapping[str, Any]) -> dict[str, Any]:
    return {"podFailurePolicy": {"rules": list(rules)}}


def test_there_may_be_twenty_rules_of_each_kind() -> None:
    rule = {"action": "Count", "onExitCodes": EXIT}
    assert complaints(**policy(*[rule] * 20)) == []
    assert complaints(**policy(*[rule] * 21)) == ["podFailurePolicy.rules: Too many: 21: must have at most 20 items"]
    rules = [{"succeededCount": 1}] * 21
    assert complaints(**indexed(*rules)) == ["successPolicy.rules: Too many: 21: must have at most 20 items"]


def indexed(*rules: Mapping[str, Any]) -> dict[str, Any]:
    return {"completionMode": "Indexed", "completions": 5, "successPolicy": {"rules": list(rules)}}


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ({"succeededIndexes": "0,2-4", "succeededCount": 4}, []),
        ({"succeededIndexes": ""}, []),
        ({}, ["Required value: at least one of succeededCount or succeededIndexes must be specified"]),
        (
            {"succeededIndexes": "a"},
            [
                'succeededIndexes: Invalid value: "a": error parsing succeededIndexes: cannot convert string to integer '
                'for index: "a"'
            ],
        ),
        (
            {"succeededIndexes": "3-2"},
            [
                'succeededIndexes: Invalid value: "3-2": error parsing succeededIndexes: non-increasing order, '
                "previous: 3, current: 2"
            ],
        ),
        (
            {"succeededIndexes": "2,1"},
            [
                'succeededIndexes: Invalid value: "2,1": error parsing succeededIndexes: non-increasing order, '
                "previous: 2, current: 1"
            ],
        ),
        (
            {"succeededIndexes": "5"},
            [
                'succeededIndexes: Invalid value: "5": error parsing succeededIndexes: too large index: "5"',
            ],
        ),
        ({"succeededCount": -1}, ["succeededCount: Invalid value: -1: must be greater than or equal to 0"]),
        (
            {"succeededCount": 6},
            [
                "succeededCount: Invalid value: 6: must be less than or equal to 5 (the number of specified completions)",
            ],
        ),
        (
            {"succeededIndexes": "0-1", "succeededCount": 3},
            [
                "succeededCount: Invalid value: 3: must be less than or equal to 2 (the number of indexes in the "
                "specified succeededIndexes field)"
            ],
        ),
    ],
)
def test_a_success_rule_must_make_sense(rule: Mapping[str, Any], expected: list[str]) -> None:
    found = [text.removeprefix("successPolicy.rules[0]").lstrip(".: ") for text in complaints(**indexed(rule))]
    assert found == expected


def test_a_success_policy_needs_a_rule() -> None:
    assert complaints(**indexed()) == [
        "successPolicy.rules: Required value: at least one rules must be specified when the successPolicy is specified"
    ]
