"""What is being made when a pod is removed: nothing begins any more, what was begun is waited for."""

from __future__ import annotations

import threading

import pytest

from runner.clock import VirtualClock, Wakeup
from runner.core.container.containerconfig import ContainerConfig
from runner.core.labels import POD_UID
from runner.engine.creating import create
from runner.engine.protocol import EngineState
from runner.engine.simulated import SimulatedEngine
from runner.errors import EngineConflict, Withdrawn
from runner.kubelet.loop.jobs import ThreadJobs
from runner.kubelet.loop.lanes import Lanes
from runner.kubelet.loop.making import Making

SECONDS = 30.0


def test_what_was_begun_is_waited_for() -> None:
    woken, hold = Wakeup(), Wakeup()
    making = Making(woken.set)
    entered = Wakeup()

    def work() -> None:
        with making.one():
            entered.set()
            hold.wait(SECONDS)

    thread = threading.Thread(target=work)
    thread.start()
    entered.wait(SECONDS)
    making.close()
    assert not making.is_idle
    assert not making.wait(0)
    hold.set()
    assert making.wait(SECONDS)
    assert woken.wait(SECONDS)
    thread.join(SECONDS)


def test_nothing_begins_once_a_pod_is_removed() -> None:
    making = Making()
    making.close()
    with pytest.raises(Withdrawn), making.one():
        raise AssertionError("it was let in")


def test_a_creation_that_fails_is_over_too() -> None:
    making = Making()
    with pytest.raises(ZeroDivisionError), making.one():
        raise ZeroDivisionError
    assert making.is_idle


@pytest.fixture
def engine() -> SimulatedEngine:
    made = SimulatedEngine(VirtualClock())
    made.add_image("busybox:1.36")
    return made


CONFIG = ContainerConfig(name="k8s_main", image="busybox:1.36", labels={POD_UID: "uid-1"})


def test_a_container_whose_creator_never_heard_of_it_is_made_anew(engine: SimulatedEngine) -> None:
    lost = engine.create_container(CONFIG)
    found = create(engine, CONFIG)
    assert found != lost
    assert [summary.id for summary in engine.list_containers({POD_UID: "uid-1"})] == [found]


def test_a_container_of_that_name_that_has_run_is_left_alone(engine: SimulatedEngine) -> None:
    ran = engine.create_container(CONFIG)
    engine.start_container(ran)
    with pytest.raises(EngineConflict):
        create(engine, CONFIG)
    assert engine.inspect_container(ran).state is EngineState.RUNNING


def test_jobs_that_hang_keep_no_process_from_ending() -> None:
    wakeup, hold, began = Wakeup(), Wakeup(), Wakeup()
    jobs = ThreadJobs(wakeup, Lanes(short=1))

    def hang() -> None:
        began.set()
        hold.wait(SECONDS)

    hanging, waiting = jobs.submit(hang), jobs.submit(lambda: 2)
    began.wait(SECONDS)
    names = [thread for thread in threading.enumerate() if thread.name.startswith("podrunner-short")]
    assert names
    assert all(thread.daemon for thread in names)
    jobs.close()
    jobs.close()
    assert waiting.done, "what had not begun is called off"
    assert not hanging.done
    with pytest.raises(RuntimeError):
        jobs.submit(lambda: 3)
    hold.set()


def test_a_job_gives_its_result_or_its_error() -> None:
    wakeup = Wakeup()
    jobs = ThreadJobs(wakeup)

    def fail() -> None:
        raise EngineConflict("taken")

    good, bad = jobs.submit(lambda: 2), jobs.submit(fail)
    while not (good.done and bad.done):
        assert wakeup.wait(SECONDS)
        wakeup.clear()
    assert good.result() == 2
    with pytest.raises(EngineConflict):
        bad.result()
    jobs.close()
