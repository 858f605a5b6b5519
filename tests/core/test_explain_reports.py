"""What ``explain`` finds for failing pods of public reports, whose causes were written down first (fixtures/explain)."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from runner.core.explain.explaining import Explanation, explain
from runner.core.explain.finding import Certainty
from runner.core.explain.gathering import evidence_of, flat

FOLDER = Path(__file__).parents[2] / "fixtures" / "explain"
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
CASES = sorted(path.parent.name for path in FOLDER.glob("*/cause.yaml"))


@cache
def read(name: str) -> tuple[Explanation, dict[str, Any]]:
    folder = FOLDER / name
    expected: dict[str, Any] = yaml.safe_load((folder / "cause.yaml").read_text())
    objects = list(flat(yaml.load((folder / "objects.yaml").read_text(), LOADER)))
    logs = {
        (path.parent.name, int(path.stem)): path.read_bytes().decode().split("\n")[:-1]
        for path in folder.glob("logs/*/*.log")
    }
    pods = [one for one in objects if one["kind"] == "Pod"]
    pod = next(one for one in pods if one["metadata"]["name"] == expected.get("pod", pods[0]["metadata"]["name"]))
    return explain(evidence_of(pod, objects, logs)), expected


def test_there_are_cases_of_every_sort() -> None:
    assert len([name for name in CASES if not name.startswith(("none-", "two-"))]) >= 20
    assert len([name for name in CASES if name.startswith("none-")]) >= 6
    assert len([name for name in CASES if name.startswith("two-")]) >= 6


@pytest.mark.parametrize("name", CASES)
def test_the_cause_that_was_written_down_is_found_and_its_symptoms_are_silent(name: str) -> None:
    found, expected = read(name)
    if expected["cause"] == "none":
        assert [one.cause for one in found.findings] == []
        return
    cause = found.cause
    assert cause is not None
    assert (cause.cause, cause.container) == (expected["cause"], expected["container"])
    text = "\n".join([*map(str, cause.evidence), cause.sentence, cause.next])
    assert [word for word in expected["evidence"] if word not in text] == []
    kept = {str(one.cause) for one in found.findings}
    assert kept & set(expected.get("silenced", ())) == set()


@pytest.mark.parametrize("name", CASES)
def test_nothing_wrong_is_said_with_certainty(name: str) -> None:
    found, expected = read(name)
    assert [one.cause for one in found.findings if one.certainty is Certainty.CERTAIN] in ([], [expected["cause"]])
