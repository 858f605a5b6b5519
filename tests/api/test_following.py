"""What a run knows of its pods and workloads, from the registry alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from runner.api.facade import Runner
from runner.api.following import Following, told
from runner.clock import VirtualClock
from runner.core.runview import PodView, RunView, WorkloadView
from runner.core.status.podstatus import Phase, PodStatus
from runner.core.troubles import Trouble
from runner.engine.simulated import SimulatedEngine
from runner.registry.memory import MemoryRegistry


@pytest.fixture(params=["memory", "file"])
def runner(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Runner]:
    store = MemoryRegistry() if request.param == "memory" else None
    with Runner(home=tmp_path, store=store, engine=SimulatedEngine(VirtualClock())) as made:
        yield made


def pod(name: str, **metadata: Any) -> dict[str, Any]:
    about = {"name": name, "namespace": "default", "uid": f"uid-{name}", **metadata}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": about, "spec": {}, "status": {"phase": "Pending"}}


def begun(*names: str, **more: Any) -> RunView:
    return RunView(pods=[PodView(manifest=pod(name)) for name in names], **more)


def seen(following: Following) -> dict[str, str]:
    pods = following.view().pods
    return {one.name: "gone" if one.is_gone else str(one.status.phase) for one in pods}


def test_statuses_and_deletions_of_its_pods_are_seen_and_those_of_others_are_not(runner: Runner) -> None:
    for name in ("a", "b", "stranger"):
        runner.registry.create(pod(name))
    following = Following(runner.client, begun("a", "b"))
    assert seen(following) == {"a": "Pending", "b": "Pending"}
    runner.registry.publish_status("uid-a", PodStatus(phase=Phase.RUNNING))
    runner.registry.publish_status("uid-stranger", PodStatus(phase=Phase.RUNNING))
    assert seen(following) == {"a": "Running", "b": "Pending"}
    runner.registry.delete("Pod", "default", "b")
    assert seen(following) == {"a": "Running", "b": "gone"}
    following.close()


def test_a_pod_that_went_before_anybody_looked_is_gone(runner: Runner) -> None:
    runner.registry.create(pod("a"))
    following = Following(runner.client, begun("a", "b"))
    assert seen(following) == {"a": "Pending", "b": "gone"}
    following.close()


def test_pods_that_its_workloads_make_are_its_own(runner: Runner) -> None:
    job = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "pi", "namespace": "default", "uid": "w"}}
    runner.registry.create({**job, "spec": {"parallelism": 1}})
    workload = WorkloadView(uid="w", source="job/pi", most_pods=1)
    following = Following(runner.client, begun(workloads=[workload]), ["Job"])
    assert (seen(following), following.view().workloads[0].wanted) == ({}, 1)
    runner.registry.create(pod("pi-a", ownerReferences=[{"uid": "w", "kind": "Job", "name": "pi", "controller": True}]))
    runner.registry.create(pod("stranger"))
    assert seen(following) == {"pi-a": "Pending"}
    runner.registry.delete("Job", "default", "pi")
    assert following.view().workloads[0].is_deleted
    following.close()


def test_what_was_missed_is_found_by_looking_again(tmp_path: Path) -> None:
    """In memory changes are kept as long as there is a watch."""
    store = MemoryRegistry()
    with Runner(home=tmp_path, store=store, engine=SimulatedEngine(VirtualClock())) as runner:
        for name in ("a", "b"):
            store.create(pod(name))
        following = Following(runner.client, begun("a", "b"))
        following.close()
        store.delete("Pod", "default", "a")
        following._watch = runner.client.watch("Pod", since="1")
        assert seen(following) == {"a": "gone", "b": "Pending"}
        following.close()


def test_a_node_tells_why_its_pods_do_not_go_on() -> None:
    trouble = Trouble(what="main", reason="ErrImagePull", message="no")
    view = begun("a", "b")
    by_node = [replace(view.pods[0], gave_up="main", known=(trouble,))]
    assert [(one.gave_up, one.known) for one in told(view, by_node).pods] == [("main", (trouble,)), (None, None)]
