"""Quality of service classes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from runner.core.container.qos import QosClass, qos_class

CASES: list[dict[str, Any]] = json.loads(
    (Path(__file__).parents[2] / "fixtures" / "conformance" / "qos.json").read_text()
)


@pytest.mark.parametrize("row", CASES, ids=[row["name"] for row in CASES])
def test_the_class_is_the_api_servers(row: dict[str, Any]) -> None:
    assert qos_class(row["pod"]) == row["qosClass"]


FULL = {"limits": {"cpu": "1", "memory": "1Gi"}}


def pod(*resources: object, init: object = None, own: object = None) -> dict[str, Any]:
    spec: dict[str, Any] = {"containers": [{"resources": one} for one in resources], "resources": own}
    if init is not None:
        spec["initContainers"] = [{"resources": init}]
    return {"spec": spec}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (pod(None), QosClass.BEST_EFFORT),
        (pod({"requests": {"cpu": "0"}}), QosClass.BEST_EFFORT),
        (pod({"limits": {"example.com/gpu": "1"}}), QosClass.BEST_EFFORT),
        (pod(FULL), QosClass.GUARANTEED),
        (pod({**FULL, "requests": {"cpu": "1000m", "memory": "1024Mi"}}), QosClass.GUARANTEED),
        (pod({**FULL, "requests": {"cpu": "500m"}}), QosClass.BURSTABLE),
        (pod({**FULL, "requests": {"cpu": "0"}}), QosClass.BURSTABLE),
        (pod(FULL, None), QosClass.BURSTABLE),
        (pod(FULL, init=None), QosClass.GUARANTEED),
        (pod(FULL, init={}), QosClass.BURSTABLE),
        (pod(FULL, init=FULL), QosClass.GUARANTEED),
        (pod(None, own=FULL), QosClass.GUARANTEED),
        (pod(FULL, own={"requests": {"cpu": "1"}}), QosClass.BURSTABLE),
        (pod(FULL, own={}), QosClass.GUARANTEED),
        ({}, QosClass.BEST_EFFORT),
    ],
)
def test_the_class_follows_cpu_and_memory_of_all_containers(value: dict[str, Any], expected: QosClass) -> None:
    assert qos_class(value) is expected
