"""The examples are valid to the last warning, and run in virtual time without breaking a rule that pods keep."""

from __future__ import annotations

from pathlib import Path

import pytest

from runner.core.manifest import LoadedObject, Source, load
from runner.lab.script import SimulationScript
from tests.properties.watch import CompanyWatch

EXAMPLES = sorted((Path(__file__).parents[2] / "fixtures" / "examples").glob("*.yaml"))
IGNORED = {"helm-output": ["NetworkPolicy", "Ingress"]}


def objects(path: Path) -> tuple[LoadedObject, ...]:
    return load([Source(name=path.name, text=path.read_text(encoding="utf-8"))]).objects


@pytest.mark.parametrize("path", EXAMPLES, ids=[path.stem for path in EXAMPLES])
def test_an_example_is_valid_without_a_warning(path: Path) -> None:
    result = load([Source(name=path.name, text=path.read_text(encoding="utf-8"))])
    assert [str(problem) for problem in (*result.problems, *result.warnings)] == []
    assert [one.subject.kind for one in result.ignored if one.subject] == IGNORED.get(path.stem, [])


@pytest.mark.parametrize("path", EXAMPLES, ids=[path.stem for path in EXAMPLES])
def test_an_example_runs_in_virtual_time(path: Path) -> None:
    watch = CompanyWatch()
    company = watch.of(objects(path), SimulationScript())
    company.advance(600)
    assert company.pods
    assert watch.violations == []
    assert {one.phase for one in watch.watches.values()} <= {"Running", "Succeeded"}
    assert all(one.state != "Failed" for one in company.controllers)
