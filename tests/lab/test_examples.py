"""The examples are valid to the last warning, and run in virtual time without breaking a rule that pods keep."""

from __future__ import annotations

from pathlib import Path

import pytest

from runner.core.manifest import LoadedObject, Source, load
from runner.core.model import Json
from runner.core.workloads import expand, reconcile
from runner.lab.script import script_of
from runner.lab.simulation import SimulatedRun, new_pod
from runner.lab.steps import placed
from runner.runtime.options import WorkerOptions
from tests.properties.watch import Watch, watched
from tests.support.pods import START

EXAMPLES = sorted((Path(__file__).parents[2] / "fixtures" / "examples").glob("*.yaml"))
IGNORED = {"helm-output": ["NetworkPolicy", "Ingress"]}


class Fixed:
    """Names whose random parts are always the same."""

    def uid(self) -> str:
        return "uid-of-the-owner"

    def suffix(self) -> str:
        return "abcde"


def objects(path: Path) -> tuple[LoadedObject, ...]:
    return load([Source(name=path.name, text=path.read_text(encoding="utf-8"))]).objects


def pods(found: tuple[LoadedObject, ...]) -> list[Json]:
    """The pods that are made first."""
    made = [pod for workload in expand(found, Fixed(), START) for pod in reconcile(workload, (), START).create]
    return [item.value for item in found if item.kind == "Pod"] + made


@pytest.mark.parametrize("path", EXAMPLES, ids=[path.stem for path in EXAMPLES])
def test_an_example_is_valid_without_a_warning(path: Path) -> None:
    result = load([Source(name=path.name, text=path.read_text(encoding="utf-8"))])
    assert [str(problem) for problem in (*result.problems, *result.warnings)] == []
    assert [one.subject.kind for one in result.ignored if one.subject] == IGNORED.get(path.stem, [])


@pytest.mark.parametrize("path", EXAMPLES, ids=[path.stem for path in EXAMPLES])
def test_an_example_runs_in_virtual_time(path: Path) -> None:
    found = objects(path)
    assert pods(found)
    for value in pods(found):
        pod = new_pod(value)
        watch = Watch(pod)
        run = SimulatedRun(pod, script_of({}, pod), WorkerOptions(), listener=watch.hear)
        for item in found:
            if item.kind in ("ConfigMap", "Secret", "Service", "ServiceAccount"):
                run.store.put_object(placed({**item.value, "kind": item.kind}, pod.namespace))
        watched(run, watch)
        run.advance(600)
        assert watch.violations == []
        assert watch.phase in ("Running", "Succeeded")
