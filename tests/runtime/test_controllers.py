"""What controllers tell and show while pods come and go, and how long their names are taken."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from runner.clock import SystemClock, VirtualClock
from runner.controllers.control import Control, Controller
from runner.core.model import Json, PodUID
from runner.core.narration import EventRecorded, Narration, Notice
from runner.core.workloads import Member, Workload, expand
from runner.errors import AlreadyExists, StoreError
from runner.registry.contract import put
from runner.registry.deletion import forget_pod
from runner.registry.deletionrequests import deletion_asked_of, request_deletion_of
from runner.registry.holders import SoleHolder
from runner.registry.memory import MemoryRegistry
from runner.registry.standing import forget_dead, standing
from tests.support.pods import START, at
from tests.support.workloads import Counting, World, job, loaded, template, workload

Told = tuple[str, str, str, str]


@dataclass
class Crew:
    """A control whose pods are those of a world."""

    world: World
    store: MemoryRegistry = field(default_factory=MemoryRegistry)
    clock: VirtualClock = field(default_factory=lambda: VirtualClock(START))
    told: list[Narration] = field(default_factory=list)
    claimed: list[str] = field(default_factory=list)
    graces: list[int | None] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.controller = Controller(self.world.workload, claimed=self.claimed)
        self.control = Control([self.controller], self, self.store, self.told.append, self.clock, 1.0)

    def members(self, controller: Controller) -> Sequence[Member]:
        assert controller is self.controller
        return self.world.members

    def create(self, controller: Controller, value: Json) -> str:
        del controller
        return self.world.add(value, (self.clock.now() - START).total_seconds()).name

    def delete(self, uid: PodUID, grace: int | None = None) -> None:
        self.graces.append(grace)
        position = [member.uid for member in self.world.members].index(uid)
        self.world.change(position, is_deleted=True)

    def go(self, seconds: float = 0) -> None:
        self.clock.advance(at(seconds))
        self.control.reconcile()

    def events(self) -> list[Told]:
        """Kind, type, reason and message of the events so far, which the store has too; forgets them."""
        found = [one.event for one in self.told if isinstance(one, EventRecorded)]
        self.told.clear()
        names = {event["metadata"]["name"] for event in self.store.list("Event").items}
        assert {event["metadata"]["name"] for event in found} <= names
        return [(e["involvedObject"]["kind"], e["type"], e["reason"], e["message"]) for e in found]

    def status(self, kind: str, name: str = "web") -> Json:
        value = self.store.get(kind, "default", name)
        assert value is not None
        status: Json = value["status"]
        return status


def begun(made: Workload, **more: Any) -> Crew:
    crew = Crew(World(made), **more)
    crew.control.begin()
    crew.go()
    return crew


def test_a_deployment_tells_of_its_replica_set_and_that_of_its_pods() -> None:
    made = workload("Deployment", {"replicas": 2})
    crew = begun(made)
    first, second = (member.name for member in crew.world.members)
    sources = {one.event["source"]["component"] for one in crew.told if isinstance(one, EventRecorded)}
    assert sources == {"deployment-controller", "replicaset-controller"}
    assert crew.events() == [
        ("Deployment", "Normal", "ScalingReplicaSet", f"Scaled up replica set {made.name} from 0 to 2"),
        ("ReplicaSet", "Normal", "SuccessfulCreate", f"Created pod: {first}"),
        ("ReplicaSet", "Normal", "SuccessfulCreate", f"Created pod: {second}"),
    ]
    assert crew.status("Deployment")["replicas"] == 2
    crew.world.end(0, 1, 3)
    crew.go(3)
    assert crew.events() == [("ReplicaSet", "Normal", "SuccessfulCreate", f"Created pod: {crew.world.members[2].name}")]


class FullRegistry(MemoryRegistry):
    """Takes no ReplicaSet as long as it is full."""

    is_full = False

    def change(self, kind: str, namespace: str, name: str, make: Any) -> Any:
        if self.is_full and kind == "ReplicaSet":
            raise StoreError("database or disk is full")
        return super().change(kind, namespace, name, make)


def test_a_status_that_could_not_be_written_is_written_later() -> None:
    store = FullRegistry()
    crew = begun(workload("ReplicaSet", {"replicas": 1}), store=store)
    name = crew.world.workload.name
    before = crew.status("ReplicaSet", name)
    crew.world.ready(0, 1)
    store.is_full = True
    with pytest.raises(StoreError):
        crew.go(1)
    assert crew.status("ReplicaSet", name) == before
    store.is_full = False
    crew.go(2)
    assert crew.status("ReplicaSet", name)["readyReplicas"] == 1


def test_pods_that_were_there_before_are_told_of_once() -> None:
    crew = Crew(World(workload("ReplicaSet")))
    crew.world.step()
    crew.control.begin()
    crew.go()
    assert [reason for _, _, reason, _ in crew.events()] == ["SuccessfulCreate"]


def test_an_ended_stateful_pod_is_told_to_be_made_anew() -> None:
    crew = begun(workload("StatefulSet", {"replicas": 1}), claimed=["data-web-0"])
    assert crew.events() == [
        ("StatefulSet", "Normal", "SuccessfulCreate", "create Claim data-web-0 Pod web-0 in StatefulSet web success"),
        ("StatefulSet", "Normal", "SuccessfulCreate", "create Pod web-0 in StatefulSet web successful"),
    ]
    crew.world.end(0, 1, 2)
    crew.go(2)
    assert crew.events() == [
        ("StatefulSet", "Normal", "SuccessfulDelete", "delete Pod web-0 in StatefulSet web successful"),
    ]
    crew.world.change(0, is_gone=True)
    crew.go(3)
    assert [told[2] for told in crew.events()] == ["SuccessfulCreate"]


def test_a_daemon_pod_that_ended_is_told_to_be_deleted() -> None:
    crew = begun(workload("DaemonSet"))
    crew.events()
    crew.world.end(0, 1, 2)
    crew.go(2)
    name = crew.world.members[0].name
    assert crew.events() == [
        (
            "DaemonSet",
            "Warning",
            "FailedDaemonPod",
            f"Found failed daemon pod default/{name} on node , will try to kill it",
        ),
        ("DaemonSet", "Normal", "SuccessfulDelete", f"Deleted pod: {name}"),
    ]
    crew.world.change(0, is_gone=True)
    crew.go(3)
    crew.events()
    crew.world.end(1, 0, 4)
    crew.go(4)
    assert [told[1:3] for told in crew.events()][:2] == [
        ("Normal", "SucceededDaemonPod"),
        ("Normal", "SuccessfulDelete"),
    ]


def test_a_job_tells_that_it_waits_and_then_why_it_failed() -> None:
    crew = begun(job(backoffLimit=1))
    crew.world.end(0, 1, 2)
    crew.go(2)
    crew.go(3)
    notices = [one.text for one in crew.told if isinstance(one, Notice)]
    assert notices == ["a pod of job/web failed, the next one starts in 10 s"]
    crew.go(12)
    crew.events()
    crew.world.end(1, 1, 13)
    crew.go(13)
    text = "Job has reached the specified backoff limit"
    assert crew.events() == [("Job", "Warning", "BackoffLimitExceeded", text)]
    crew.go(14)
    assert crew.events() == []
    assert crew.controller.verdict == f"job/web failed: BackoffLimitExceeded: {text}"


def test_a_job_is_told_to_be_over_when_its_last_pod_is_gone() -> None:
    """The run that waited for it deletes the pods meanwhile; the end is told then too."""
    crew = begun(job(activeDeadlineSeconds=5))
    crew.events()
    crew.go(5)
    (name,) = (member.name for member in crew.world.members)
    assert crew.events() == [("Job", "Normal", "SuccessfulDelete", f"Deleted pod: {name}")]
    assert [one["type"] for one in crew.status("Job")["conditions"]] == ["FailureTarget"]
    crew.world.change(0, is_gone=True)
    crew.control.settle()
    text = "Job was active longer than specified deadline"
    assert crew.events() == [("Job", "Warning", "DeadlineExceeded", text)]
    assert [one["type"] for one in crew.status("Job")["conditions"]] == ["FailureTarget", "Failed"]


def test_what_is_not_over_is_left_as_it_is_while_its_pods_are_deleted() -> None:
    crew = begun(workload("ReplicaSet"))
    crew.world.ready(0)
    crew.go(1)
    crew.world.change(0, is_gone=True)
    crew.control.settle()
    assert crew.status("ReplicaSet")["readyReplicas"] == 1


def test_a_cron_job_tells_of_its_job() -> None:
    spec = {"schedule": "* * * * *", "jobTemplate": {"spec": {"template": template("Never")}}}
    (made,) = expand([loaded("CronJob", spec)], Counting(), START)
    crew = begun(made)
    crew.world.end(0, 0, 2)
    crew.go(2)
    told = crew.events()
    assert told[0] == ("CronJob", "Normal", "SuccessfulCreate", f"Created job {made.name}")
    assert told[-2:] == [
        ("Job", "Normal", "Completed", "Job completed"),
        ("CronJob", "Normal", "SawCompletedJob", f"Saw completed job: {made.name}, condition: Complete"),
    ]


@pytest.mark.parametrize(
    ("made", "told", "text"),
    [
        (job(suspend=True), ["Suspended"], "job/web is suspended and makes no pods (spec.suspend is true)"),
        (workload("Deployment", {"replicas": 0}), [], "deployment/web asks for no pods"),
    ],
)
def test_what_makes_no_pods_says_so(made: Workload, told: list[str], text: str) -> None:
    crew = begun(made)
    assert [one.text for one in crew.told if isinstance(one, Notice)] == [text]
    assert [reason for _, _, reason, _ in crew.events()] == told
    assert crew.controller.is_idle
    assert crew.world.members == []


def test_an_object_is_written_only_when_it_has_changed() -> None:
    crew = begun(workload("ReplicaSet"))
    version = crew.store.version()
    crew.go(1)
    crew.go(2)
    assert crew.store.version() == version


# --- deletion by others -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "grace"), [("Deployment", None), ("StatefulSet", 3)])
def test_a_workload_whose_deletion_is_asked_for_ends_its_pods_and_is_gone(kind: str, grace: int | None) -> None:
    crew = begun(
        workload(kind, {"replicas": 2, **({} if kind == "Deployment" else {"podManagementPolicy": "Parallel"})})
    )
    (value,) = crew.store.list(kind).items
    request_deletion_of(crew.store, value, grace)
    crew.go(1)
    assert crew.graces == [grace, grace]
    assert len(crew.store.list(kind).items) == 1, "its pods are still there"
    for position in range(2):
        crew.world.change(position, is_deleted=True, is_gone=True)
    crew.go(2)
    crew.control.settle()
    assert [
        *crew.store.list(kind).items,
        *crew.store.list("ReplicaSet").items,
        *crew.store.list("DeletionRequest").items,
    ] == []
    assert len(crew.world.members) == 2, "nothing is made in their place"
    version = crew.store.version()
    crew.go(3)
    assert crew.store.version() == version


def test_a_replica_set_that_is_deleted_comes_again_as_long_as_its_deployment_is_there() -> None:
    crew = begun(workload("Deployment", {"replicas": 1}))
    (value,) = crew.store.list("ReplicaSet").items
    request_deletion_of(crew.store, value, None)
    crew.go(1)
    assert deletion_asked_of(crew.store, value) == (False, None)
    assert [member.is_deleted for member in crew.world.members] == [True, False]
    assert len(crew.store.list("ReplicaSet").items) == 1


# --- names --------------------------------------------------------------------------------------------------------------


def test_a_workloads_name_is_taken_as_long_as_it_stands() -> None:
    store, one, another = MemoryRegistry(), SoleHolder("one"), SoleHolder("another")
    first, second = (Controller(workload("Deployment", {"replicas": 1})) for _ in range(2))
    (other,) = expand([loaded("Deployment", first.workload.parent["spec"])], Counting(10), START)  # type: ignore[index]
    with standing([first.workload], store, one, "", SystemClock()):
        assert [value["metadata"]["name"] for value in store.list("Deployment").items] == ["web"]
        assert len(store.list("ReplicaSet").items) == 1
        with (
            pytest.raises(AlreadyExists, match=r'^deployments\.apps "web" already exists$'),
            standing([other], store, one, "", SystemClock()),
        ):
            pass
        forget_dead(store, one.is_alive, SystemClock().now())
        assert len(store.list("Deployment").items) == 1
    assert store.list("Deployment").items == store.list("ReplicaSet").items == []
    with standing([second.workload], store, another, "", SystemClock()):
        assert len(store.list("Deployment").items) == 1


def test_the_workloads_of_a_dead_process_are_forgotten_or_replaced() -> None:
    store, one = MemoryRegistry(), SoleHolder("one")
    left = workload("ReplicaSet")
    put(store, left.value)
    with standing([left], store, one, "", SystemClock()):
        assert len(store.list("ReplicaSet").items) == 1
    put(store, left.value)
    forget_dead(store, one.is_alive, SystemClock().now())
    assert store.list("ReplicaSet").items == []


def test_workloads_stay_with_pods_that_are_kept() -> None:
    """The Deployment too, which owns them by its ReplicaSet; until the pods are deleted."""
    store, (one, another, third) = MemoryRegistry(), map(SoleHolder, ("one", "another", "third"))
    controller = Controller(workload("Deployment", {"replicas": 1}))
    metadata = {"name": "web-1", "uid": "p", "ownerReferences": [controller.workload.owner_reference]}
    with standing([controller.workload], store, one, "", SystemClock()):
        store.create({"kind": "Pod", "metadata": metadata, "spec": {}}, holder="one")
    assert (len(store.list("Deployment").items), len(store.list("ReplicaSet").items)) == (1, 1)
    again = Controller(workload("Deployment", {"replicas": 1}))
    with (
        pytest.raises(AlreadyExists, match='"web" already exists'),
        standing([again.workload], store, another, "", SystemClock()),
    ):
        pass
    with standing([again.workload], store, another, "", SystemClock(), lambda _: forget_pod(store, "p")):
        assert len(store.list("Deployment").items) == 1, "what a dead process left makes room"
    with standing([controller.workload], store, third, "", SystemClock()):
        store.create({"kind": "Pod", "metadata": metadata, "spec": {}}, holder="one")
    assert store.list("ReplicaSet").items[0]["status"]["replicas"] == 1, "the pods that are left are counted"
    forget_pod(store, "p")
    forget_dead(store, one.is_alive, SystemClock().now())
    assert store.list("Deployment").items == store.list("ReplicaSet").items == []
