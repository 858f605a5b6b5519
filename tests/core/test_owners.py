"""Pods and the workloads that own them."""

from __future__ import annotations

from typing import Any

import pytest

from runner.core.owners import controller_of, pods_of


def owned(name: str, *owners: dict[str, Any]) -> dict[str, Any]:
    return {"metadata": {"name": name, "uid": f"uid-{name}", **({"ownerReferences": list(owners)} if owners else {})}}


def by(name: str, *, is_controller: bool = True) -> dict[str, Any]:
    return {"uid": f"uid-{name}", "controller": is_controller}


@pytest.mark.parametrize(
    ("value", "uid"),
    [
        pytest.param(owned("a"), "", id="nobody"),
        pytest.param(owned("a", by("x", is_controller=False)), "", id="an owner that is no controller"),
        pytest.param(owned("a", by("x", is_controller=False), by("y")), "uid-y", id="the controller among owners"),
    ],
)
def test_one_owner_controls(value: dict[str, Any], uid: str) -> None:
    assert controller_of(value) == uid


def test_a_workload_owns_pods_directly_and_by_what_it_makes() -> None:
    pods = [owned("a", by("web")), owned("b", by("web-1")), owned("c", by("other-1")), owned("d")]
    between = [owned("web-1", by("web")), owned("other-1", by("other"))]
    assert [pod["metadata"]["name"] for pod in pods_of(owned("web"), pods, between)] == ["a", "b"]
    assert [pod["metadata"]["name"] for pod in pods_of(owned("web"), pods, ())] == ["a"]
