"""describe pod against what a real kubectl printed for the same pods and events."""

from __future__ import annotations

import re
from typing import Any

import pytest

from runner.render.describe import describe_pod
from tests.render.prints import instants, recorded

PROBE_1_36 = re.compile(r"#success=(\d+) #failure=(\d+)")


@pytest.mark.parametrize("row", recorded(), ids=lambda row: row["id"])
def test_a_pod_is_described_as_kubectl_does(row: dict[str, Any]) -> None:
    """The 1.37 output where one was recorded, else the 1.36 output with 1.37's probe wording."""
    version = "_1.37" if "describe_1.37" in row else ""
    expected = PROBE_1_36.sub(r"successThreshold=\1 failureThreshold=\2", row[f"describe{version}"])
    outputs = [describe_pod(row["pod_json"], row["events"], now) for now in instants(row[f"now_describe{version}"])]
    assert expected.rstrip("\n") in [output.rstrip("\n") for output in outputs], outputs[0]
