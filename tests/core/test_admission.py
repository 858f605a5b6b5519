"""What a pod gets on its way in."""

from __future__ import annotations

from typing import Any

import pytest

from runner.core.admission import admit
from tests.support.pods import at


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
        "spec": {"x": 1},
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
