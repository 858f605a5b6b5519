"""A node runs what the ledger says that it holds: found by its watch, let go of when another holds it, forgotten afterwards."""

from __future__ import annotations

import pytest

from runner.core.labels import POD_UID
from runner.core.manifest import Source, load
from runner.core.model import RetryScope
from runner.core.runspec import RunSpec
from runner.kubelet.options import WorkerOptions
from runner.lab import new_pod
from runner.lab.script import SimulationScript
from runner.lab.steps import Step, delete
from runner.lab.virtual import Cluster, End, VirtualNode
from runner.node.running import Past
from runner.registry.deletion import request_deletion
from runner.registry.deletionrequests import request_deletion_of
from runner.registry.holders import take_over
from runner.retry import RetryPolicy

ME = "simulation"
JOB = """
apiVersion: batch/v1
kind: Job
metadata: {name: once}
spec:
  completions: 3
  template: {spec: {restartPolicy: Never, containers: [{name: main, image: "busybox:1.36"}]}}
"""
SET = """
apiVersion: apps/v1
kind: ReplicaSet
metadata: {name: web}
spec:
  replicas: 1
  selector: {matchLabels: {app: x}}
  template: {metadata: {labels: {app: x}}, spec: {terminationGracePeriodSeconds: 1, containers: [{name: main, image: "b:1"}]}}
"""


def written(virtual: VirtualNode, name: str, holder: str = ME, run_spec: RunSpec | None = None) -> str:
    """What another client has written. Returns its uid."""
    spec = {"terminationGracePeriodSeconds": 2, "containers": [{"name": "main", "image": "busybox:1.36"}]}
    value = {
        "kind": "Pod",
        **new_pod({"metadata": {"name": name}, "spec": spec}).manifest,
        "status": {"phase": "Pending"},
    }
    text = None if run_spec is None else run_spec.to_text()
    return str(virtual.store.create(value, holder=holder, run_spec=text)["metadata"]["uid"])


def phase(virtual: VirtualNode, uid: str) -> str:
    value = virtual.store.get_by_uid(uid)
    return "" if value is None else str(value["status"]["phase"])


def reasons(virtual: VirtualNode, uid: str) -> list[str]:
    return [str(event["reason"]) for event in virtual.store.list("Event", about=uid).items]


def test_a_pod_that_somebody_has_written_for_this_node_is_run_and_no_other() -> None:
    virtual = VirtualNode()
    mine, other = written(virtual, "mine"), written(virtual, "other", holder="another")
    virtual.advance(5)
    assert [phase(virtual, uid) for uid in (mine, other)] == ["Running", "Pending"]
    assert reasons(virtual, mine) == ["Scheduled", "Pulled", "Created", "Started"]
    assert reasons(virtual, other) == []
    request_deletion(virtual.store, mine, virtual.clock.now(), 0)
    virtual.advance(20)
    assert (phase(virtual, mine), virtual.engine.list_containers({})) == ("", [])


def test_a_pod_that_is_given_to_another_node_is_let_go_as_it_is_and_taken_back() -> None:
    virtual = VirtualNode()
    uid = written(virtual, "web")
    virtual.advance(5)
    containers = virtual.engine.list_containers({POD_UID: uid})
    assert virtual.store.ledger.take(uid, ME, "another")
    virtual.advance(10)
    assert virtual.node.everyone == ()
    assert virtual.engine.list_containers({POD_UID: uid}) == containers
    request_deletion(virtual.store, uid, virtual.clock.now(), 2)
    virtual.advance(20)
    assert phase(virtual, uid) == "Running", "whoever holds it ends it"
    assert virtual.store.ledger.take(uid, "another", ME)
    assert virtual.advance(40) is not End.LIMIT
    assert (phase(virtual, uid), virtual.engine.list_containers({})) == ("", [])
    assert "Killing" in reasons(virtual, uid)


def test_a_pod_that_comes_back_before_its_worker_has_stopped_is_run_again() -> None:
    virtual = VirtualNode()
    uid = written(virtual, "web")
    virtual.advance(5)
    before = virtual.node.live[uid]
    for former, new in ((ME, "another"), ("another", ME)):
        assert virtual.store.ledger.take(uid, former, new)
    virtual.advance(10)
    assert virtual.node.live[uid] is not before
    assert phase(virtual, uid) == "Running"


def test_a_pod_that_somebody_has_removed_is_let_go() -> None:
    virtual = VirtualNode()
    uid = written(virtual, "web")
    virtual.advance(5)
    virtual.store.delete("Pod", "default", "web")
    virtual.advance(10)
    assert virtual.node.everyone == ()
    assert virtual.node.find(uid) is None


def test_when_changes_were_missed_everything_is_looked_at() -> None:
    virtual = VirtualNode()
    gone, kept = written(virtual, "gone"), written(virtual, "kept")
    virtual.advance(5)
    virtual._held.close()
    assert virtual.store.ledger.take(gone, ME, "another")
    new = written(virtual, "new")
    virtual.node.registry_changed(())
    virtual.advance(10)
    assert sorted(virtual.node.live) == sorted((kept, new))
    assert phase(virtual, new) == "Running"


CHOSEN = RunSpec(scope=RetryScope.CONTAINER, initial=1.0, cap=4.0, speed=2.0, max_restarts=7)


@pytest.mark.parametrize("way", ["new", "mended", "taken over"])
def test_a_pod_is_run_as_was_chosen_for_it_whatever_the_node_would_do(way: str) -> None:
    virtual = VirtualNode(options=WorkerOptions(retry=RetryPolicy(initial=30.0), max_restarts=1), mends=True)
    chosen, usual = written(virtual, "chosen", run_spec=CHOSEN), written(virtual, "usual")
    if way == "mended":
        virtual.advance(5)
        virtual.node.mend(virtual.node.live[chosen])
    elif way == "taken over":
        virtual.advance(5)
        virtual.restart()
    options = virtual.node.live[chosen].worker.options
    assert options.run_spec == CHOSEN
    assert options.relist is None, "what the node chose for itself"
    assert virtual.node.live[usual].worker.options.max_restarts == 1


def test_a_choice_that_nobody_can_read_is_none() -> None:
    virtual = VirtualNode(options=WorkerOptions(max_restarts=1))
    metadata = {"name": "web", "namespace": "default", "uid": "u"}
    virtual.store.create({"kind": "Pod", "metadata": metadata, "spec": {"containers": []}}, holder=ME, run_spec="{")
    assert virtual.node.live["u"].worker.options.max_restarts == 1


# --- what is remembered -----------------------------------------------------------------------------------------------


def cluster(text: str, remembers: int | None) -> Cluster:
    made = Cluster(load([Source(name="m", text=text)]).objects, SimulationScript(), WorkerOptions())
    made.node.roster.remembers = remembers
    return made


def past(virtual: VirtualNode) -> list[str]:
    return [one.view.uid for one in virtual.node.everyone if isinstance(one, Past)]


@pytest.mark.parametrize(("remembers", "count"), [(0, 0), (1, 3), (None, 3)])
def test_pods_that_are_gone_are_remembered_as_long_as_somebody_judges(remembers: int | None, count: int) -> None:
    virtual = VirtualNode()
    virtual.node.roster.remembers = remembers
    for name in ("a", "b", "c"):
        written(virtual, name)
    virtual.advance(5)
    virtual.do(Step(at=0, action=delete()))
    virtual.advance(20)
    assert len(past(virtual)) == count
    virtual.node.roster.remembers = 0
    virtual.node.roster.forget()
    assert virtual.node.everyone == ()


@pytest.mark.parametrize(("remembers", "count"), [(0, 0), (2, 2), (None, 4)])
def test_of_pods_that_were_replaced_so_many_are_remembered(remembers: int | None, count: int) -> None:
    made = cluster(SET, remembers)
    for second in range(4):
        made.advance(5 * second + 3)
        made.do(Step(at=0, action=delete()))
    made.advance(30)
    assert len(past(made)) == count
    assert len(made.node.running) == 1


def test_a_job_counts_its_pods_until_it_is_deleted() -> None:
    made = cluster(JOB, 0)
    for second in range(6):
        made.advance(second)
        for one in made.node.running:
            if one.status.phase.is_terminal:
                request_deletion(made.store, one.pod.uid, made.clock.now(), 0)
                one.wakeup.set()
    (job,) = made.store.list("Job").items
    assert job["status"]["succeeded"] == 3, "none was made again for one that is gone"
    assert len(past(made)) == 3
    request_deletion_of(made.store, job, None)
    made.advance(7)
    assert made.store.list("Job").items == []
    assert past(made) == []


def test_what_another_node_has_begun_is_not_begun_anew_though_nothing_is_known_of_it() -> None:
    """It died between the making of the sandbox and the first word about the pod."""
    virtual = VirtualNode()
    uid = written(virtual, "web", holder="dead")
    assert virtual.node.everyone == ()
    take_over(virtual.store, uid, ME, lambda _: False)
    (one,) = virtual.node.running
    assert one.worker.is_adopted
    assert written(virtual, "new") != uid
    assert [one.worker.is_adopted for one in virtual.node.running] == [True, False]


def test_a_node_that_begins_again_finds_pods_and_workloads_by_what_it_holds() -> None:
    made = cluster(SET, None)
    made.advance(5)
    (value,) = made.store.list("ReplicaSet").items
    assert made.store.ledger.holder(value["metadata"]["uid"]) == ME
    (before,) = made.node.running
    foreign = written(made, "foreign", holder="another")
    made.restart()
    (after,) = made.node.running
    assert (after.pod.uid, after.controller is not None) == (before.pod.uid, True)
    assert after is not before
    assert made.node.find(foreign) is None


def test_what_waits_for_a_node_is_taken_by_a_node_that_runs_whatever_is_wanted_and_by_no_run() -> None:
    virtual = VirtualNode(options=WorkerOptions(node_name="standing"))
    alone, left, kept, others = (written(virtual, name, holder) for name, holder in WAITING.items())
    virtual.store.ledger.keep(kept)
    virtual.node.registry_changed(())
    virtual.advance(5)
    assert virtual.node.everyone == (), "a run's own node takes nothing"
    for _ in range(2):
        virtual.node.take_in(lambda holder: holder in (ME, "another"))
    assert sorted(virtual.node.live) == sorted((alone, left))
    assert [virtual.node.live[uid].worker.is_adopted for uid in (alone, left)] == [False, True]
    virtual.advance(10)
    assert [phase(virtual, uid) for uid in (alone, left, kept, others)] == ["Running", "Running", "Pending", "Pending"]
    for uid in (alone, left):
        value = virtual.store.get_by_uid(uid)
        assert value is not None
        assert value["spec"]["nodeName"] == "standing"
        assert "Scheduled" in reasons(virtual, uid)
    assert virtual.store.ledger.holder(others) == "another"


WAITING = {"alone": "", "left": "dead", "kept": "dead", "others": "another"}
"""Pods, and who holds them."""
