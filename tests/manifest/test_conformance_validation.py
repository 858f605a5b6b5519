"""Every pod of the recorded validation cases: complete list of errors, in order, with their texts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from runner.core.manifest import ProblemType, Source, load

CASES: list[dict[str, Any]] = json.loads(
    (Path(__file__).parents[2] / "fixtures" / "conformance" / "validation.json").read_text()
)["cases"]


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_errors_and_warnings_are_the_servers(case: dict[str, Any]) -> None:
    """Types, fields, texts and order agree; strict decoding errors come first and alone."""
    result = load([Source(name="pod.json", text=json.dumps(case["pod"]))])
    in_server_order = sorted(result.problems, key=lambda problem: problem.order)
    decoding = [problem for problem in in_server_order if problem.type is ProblemType.DECODE]
    if case.get("strict_error"):
        found = "strict decoding error: " + ", ".join(problem.detail for problem in decoding)
        assert found == case["strict_error"]
    else:
        assert [(problem.type.value, str(problem.field) + ": " + problem.message) for problem in in_server_order] == [
            (error["type"], error["message"]) for error in case["errors"]
        ]
        assert [problem.detail for problem in in_server_order] == [error["detail"] for error in case["errors"]]
    assert result.ok is case["valid"]
    texts = {f"{warning.field}: {warning.message}" for warning in result.warnings}
    assert texts == set(case.get("warnings", ()))


def test_all_recorded_cases_are_here() -> None:
    """The file is complete: a lost row would go unnoticed otherwise."""
    assert len(CASES) == 111
