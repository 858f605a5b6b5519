"""Which attempt ``logs`` reads, and what it says when there is none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from runner.clock import VirtualClock
from runner.core.admission import NO_NODE, unscheduled
from runner.core.logquestion import LogQuestion
from runner.engine.simulated import SimulatedEngine
from runner.errors import UsageError
from runner.kubelet.logs.reading import read_logs
from runner.registry.home import Home

ENDED = {"exitCode": 1, "reason": "Error", "containerID": "docker://c1", "finishedAt": "2026-01-02T03:04:05Z"}
METADATA = {"name": "web", "namespace": "default", "uid": "u1"}


def read(home: Path, *, previous: bool, saved: dict[int, str], **status: Any) -> list[bytes]:
    """What is read of a pod whose containers are gone, but for what was saved of some attempts."""
    directory = Home(home).ensure(Home(home).pod_logs("default", "web", "u1") / "main")
    for attempt, text in saved.items():
        (directory / f"{attempt}.log").write_text(text and f"2026-01-02T03:04:05.000000001Z stdout F {text}\n")
    shown = {
        "name": "main",
        "image": "busybox",
        "imageID": "",
        "ready": False,
        "restartCount": 0,
        "state": {},
        **status,
    }
    value = {
        "metadata": METADATA,
        "spec": {"containers": [{"name": "main", "image": "busybox"}]},
        "status": {"phase": "Running", "containerStatuses": [shown]},
    }
    clock = VirtualClock()
    question = LogQuestion(container=None, previous=previous)
    found = read_logs(value, question, engine=SimulatedEngine(clock), home=Home(home), clock=clock)
    return [line.data for lines in found for line in lines]


@pytest.mark.parametrize(
    ("saved", "expected"),
    [
        pytest.param({}, [], id="nothing was saved of any attempt"),
        pytest.param({0: "first", 1: "", 2: "third"}, [], id="the attempt before printed nothing"),
        pytest.param({0: "first", 2: "third"}, [], id="nothing was saved of the attempt before"),
        pytest.param({1: "second", 2: "third"}, [b"second"], id="it did print"),
        pytest.param({0: "first", 1: "second"}, [b"second"], id="the present attempt has not said anything"),
    ],
)
def test_previous_reads_the_attempt_before(tmp_path: Path, saved: dict[int, str], expected: list[bytes]) -> None:
    """A container that ended without a word has an empty log, as on a node."""
    again = {"restartCount": 2, "lastState": {"terminated": ENDED}, "state": {"running": {}}}
    assert read(tmp_path, previous=True, saved=saved, **again) == expected


def test_a_first_attempt_has_none_before_it(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match='previous terminated container "main" in pod "web" not found'):
        read(tmp_path, previous=True, saved={0: "first"}, state={"running": {}})


def test_a_container_that_ended_without_a_word_has_an_empty_log(tmp_path: Path) -> None:
    assert read(tmp_path, previous=False, saved={}, state={"terminated": ENDED}) == []


def test_a_container_that_waits_has_none(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match='container "main" in pod "web" is waiting to start: PodInitializing'):
        read(tmp_path, previous=False, saved={}, state={"waiting": {"reason": "PodInitializing"}})


def test_a_pod_that_no_node_holds_has_no_output_and_says_so(tmp_path: Path) -> None:
    value = {
        "metadata": METADATA,
        "spec": {"containers": [{"name": "main", "image": "busybox"}]},
        "status": unscheduled("2026-01-02T03:04:05Z"),
    }
    clock, question = VirtualClock(), LogQuestion(container=None)
    with pytest.raises(UsageError, match=r"^pod web does not have a host assigned$") as told:
        list(read_logs(value, question, engine=SimulatedEngine(clock), home=Home(tmp_path), clock=clock))
    assert NO_NODE in told.value.hint
