"""What happens to a pod when its containers are changed in the Engine from outside."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from runner.clock import SystemClock
from tests.conformance.bed import TestBed
from tests.conformance.reading import Json, brief, condition, differences, phase, statuses
from tests.conformance.view import View

pytestmark = pytest.mark.docker

IMAGE = "busybox:1.36"
FOREVER = "trap 'exit 0' TERM; echo $(hostname -i) >> /work/ran; sleep 600 & wait $!"
MOUNTS = [{"name": "work", "mountPath": "/work"}]


def container(name: str, script: str, **more: Any) -> Json:
    return {"name": name, "image": IMAGE, "command": ["sh", "-c", script], "volumeMounts": MOUNTS, **more}


def pod(**spec: Any) -> Json:
    spec = {"terminationGracePeriodSeconds": 5, "volumes": [{"name": "work", "emptyDir": {}}], **spec}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "touched"}, "spec": spec}


def wait(view: View, test: Callable[[Json], bool], seconds: float = 30) -> Json:
    """Wait until a published state passes; that state."""
    clock, index = SystemClock(), 0
    end = clock.now() + timedelta(seconds=seconds)
    while True:
        for seen in view.states[index:]:
            index += 1
            if seen.pod is not None and test(seen.pod):
                return seen.pod
        assert clock.now() < end, [brief(seen.pod) for seen in view.states]
        view.wait(index)


def is_like(**containers: Json) -> Callable[[Json], bool]:
    return lambda found: not any(differences(found, name, wanted) for name, wanted in containers.items())


def started(view: View) -> Json:
    return wait(view, lambda found: condition(found, "Ready").get("status") == "True")


TWO_INITS = {
    "initContainers": [
        container("init-1", "echo one >> /work/log; sleep 1"),
        container("init-2", "echo two >> /work/log"),
    ],
    "containers": [container("main", FOREVER)],
}


def test_a_killed_sandbox_is_replaced_and_everything_runs_again(bed: TestBed) -> None:
    view = bed.create(pod(**TWO_INITS))
    started(view)
    old = bed.sandbox(view)
    bed.engine.kill_container(old, "SIGKILL")
    again = {"restartCount": 1, "state": "terminated", "exitCode": 0}
    wait(view, is_like(**{"init-1": again, "init-2": again}, main={"restartCount": 1, "ready": True}))
    assert bed.sandbox(view) != old
    assert any(text.startswith("SandboxChanged: Pod sandbox changed, it will be killed and") for text in view.events())
    assert not any(text.startswith("BackOff") for text in view.events())
    phases = [phase(found) for found in view.pods()]
    assert "Pending" in phases[phases.index("Running") :], phases
    # The volume is the one from before.
    assert bed.exec(view, "main", ["cat", "/work/log"]).split() == ["one", "two", "one", "two"]
    assert len(bed.exec(view, "main", ["cat", "/work/ran"]).split()) == 2


def test_a_killed_sandbox_ends_a_pod_that_may_not_restart(bed: TestBed) -> None:
    view = bed.create(pod(restartPolicy="Never", containers=[container("main", FOREVER)]))
    started(view)
    bed.engine.kill_container(bed.sandbox(view), "SIGKILL")
    wait(view, lambda found: phase(found) in ("Succeeded", "Failed"))
    assert statuses(view.last())["main"]["restartCount"] == 0


def test_a_removed_container_counts_as_killed_and_runs_again(bed: TestBed) -> None:
    view = bed.create(pod(**TWO_INITS))
    started(view)
    (only,) = bed.containers(view, "main")
    bed.engine.remove_container(only)
    found = wait(view, is_like(main={"restartCount": 1, "ready": True, "last_exitCode": 137}))
    assert is_like(**{name: {"restartCount": 0, "state": "terminated"} for name in ("init-1", "init-2")})(found)
    assert bed.exec(view, "main", ["cat", "/work/log"]).split() == ["one", "two"]


def test_removed_init_containers_are_not_missed_while_the_pod_runs_and_run_again_when_it_does_not(bed: TestBed) -> None:
    view = bed.create(pod(**TWO_INITS))
    before = started(view)
    for name in ("init-1", "init-2"):
        bed.engine.remove_container(bed.containers(view, name)[0])
    bed.let_pass(view, 2)
    assert statuses(view.last()) == statuses(before)
    # Nothing tells any more that the pod was ever initialised.
    bed.engine.kill_container(bed.containers(view, "main")[0], "SIGKILL")
    again = {"restartCount": 1, "state": "terminated", "exitCode": 0}
    wait(view, is_like(**{"init-1": again, "init-2": again}, main={"restartCount": 1, "ready": True}))
    assert bed.exec(view, "main", ["cat", "/work/log"]).split() == ["one", "two", "one", "two"]


def test_a_paused_container_runs_on_and_can_be_deleted(bed: TestBed) -> None:
    probe = {"exec": {"command": ["true"]}, "periodSeconds": 1, "failureThreshold": 1}
    view = bed.create(pod(containers=[container("main", FOREVER, readinessProbe=probe)]))
    started(view)
    (only,) = bed.containers(view, "main")
    known = len(view.states)
    bed.pause(only)
    bed.let_pass(view, 4)
    assert all(is_like(main={"state": "running", "restartCount": 0})(seen.pod or {}) for seen in view.states[known:])
    bed.delete(view)
    wait(view, is_like(main={"state": "terminated"}))
    bed.remove(view)
    assert not bed.engine.list_containers({"io.kubernetes.pod.uid": view.uid})


def test_a_container_whose_image_changes_before_its_turn_starts_with_the_new_one(bed: TestBed) -> None:
    view = bed.create(pod(initContainers=[container("init", "sleep 3")], containers=[container("main", FOREVER)]))
    wait(view, is_like(init={"state": "running"}))
    bed.let_pass(view, 1)
    bed.set_image(view, "main", f"{IMAGE}-alt")
    found = started(view)
    assert not differences(found, "main", {"image": f"{IMAGE}-alt", "restartCount": 0})
    assert [text for text in view.events() if "definition changed" in text] == []
