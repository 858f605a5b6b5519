"""kubectl's verbs on a registry of this machine, in one file or in memory."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from runner.api.facade import Runner
from runner.client.contract import Client
from runner.clock import VirtualClock
from runner.core.changes import ChangeType
from runner.core.kindwords import OBJECTS
from runner.core.model import Object
from runner.engine.simulated import SimulatedEngine
from runner.errors import AlreadyExists, Conflict, ManifestError, NoSuchObject, WaitTimeout
from runner.registry.admission import create
from runner.registry.contract import Key
from runner.registry.memory import MemoryRegistry


@pytest.fixture(params=["memory", "file"])
def runner(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Runner]:
    store = MemoryRegistry() if request.param == "memory" else None
    with Runner(home=tmp_path, store=store, engine=SimulatedEngine(VirtualClock())) as made:
        yield made


@pytest.fixture
def client(runner: Runner) -> Client:
    return runner.client


def config(name: str = "a", **data: str) -> Object:
    metadata = {"name": name, "namespace": "default"}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


def pod(name: str = "web", uid: str = "u") -> Object:
    metadata = {"name": name, "namespace": "default", "uid": uid, "generation": 1}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {"containers": [{"name": "main"}]}}


def event(name: str, uid: str) -> Object:
    about = {"kind": "Pod", "name": "web", "namespace": "default", "uid": uid}
    return {"kind": "Event", "metadata": {"name": name, "namespace": "default"}, "involvedObject": about, "reason": "R"}


def test_what_is_created_is_there_once_and_can_be_changed_and_removed(client: Client) -> None:
    made = client.create(config(k="1"))
    assert client.get("ConfigMap", "default", "a") == made
    assert [one["metadata"]["name"] for one in client.list("ConfigMap").items] == ["a"]
    with pytest.raises(AlreadyExists, match=r'^configmaps "a" already exists$'):
        client.create(config())
    assert [client.apply(config(k=value)) for value in ("1", "2")] == ["unchanged", "configured"]
    assert client.apply(config("b")) == "created"
    client.delete("ConfigMap", "default", "a").wait(1)
    with pytest.raises(NoSuchObject, match=r'^configmaps "a" not found$'):
        client.get("ConfigMap", "default", "a")


def test_pods_and_workloads_are_created_like_everything_else(client: Client) -> None:
    template = {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "main", "image": "busybox"}]}}
    made = client.create({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web"}, "spec": template["spec"]})
    assert client.get("Pod", "default", "web") == made
    assert made["spec"]["serviceAccountName"] == "default"
    spec = {"selector": {"matchLabels": {"app": "web"}}, "template": template}
    made = client.create({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": spec})
    assert made["spec"]["replicas"] == made["metadata"]["generation"] == 1
    assert client.list("Deployment").items == [made]


def test_a_pod_that_no_run_has_written_is_pending_says_why_and_is_run_by_nobody(client: Client, runner: Runner) -> None:
    spec = {"containers": [{"name": "main", "image": "busybox"}]}
    made = client.create({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web"}, "spec": spec})
    uid = str(made["metadata"]["uid"])
    (condition,) = made["status"]["conditions"]
    assert made["status"]["phase"] == "Pending"
    assert (condition["type"], condition["status"], condition["reason"]) == ("PodScheduled", "False", "Unschedulable")
    assert "no node holds this pod" in condition["message"]
    assert condition["lastTransitionTime"] == made["metadata"]["creationTimestamp"]
    (event,) = client.events(made)
    assert (event["type"], event["reason"], event["message"]) == ("Warning", "FailedScheduling", condition["message"])
    assert "nodeName" not in made["spec"]
    runner.sweep()
    assert (client.get("Pod", "default", "web"), runner.registry.ledger.holder(uid)) == (made, "")


def test_a_pod_that_no_node_has_held_is_deleted_at_once_without_an_engine(client: Client, runner: Runner) -> None:
    spec = {"containers": [{"name": "main", "image": "busybox"}]}
    _, made = (
        client.create({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec})
        for name in ("web", "taken")
    )
    deletion = client.delete("Pod", "default", "web", grace=60)
    with pytest.raises(NoSuchObject):
        client.get("Pod", "default", "web")
    client.finish([deletion])
    deletion.wait(1)
    assert runner.registry.ledger.take(str(made["metadata"]["uid"]), "", "a node")
    client.delete("Pod", "default", "taken", grace=60)
    assert client.get("Pod", "default", "taken")["metadata"]["deletionGracePeriodSeconds"] == 60, "its node ends it"


def test_several_objects_are_written_all_or_none_with_what_the_ledger_says_of_them(
    client: Client, runner: Runner
) -> None:
    write = partial(client.create_all, holder="node", lease="run", run_spec="{}")
    write([pod("first", "u1")])
    ledger = runner.registry.ledger
    rooms: list[Sequence[Key]] = []
    assert (ledger.holder("u1"), ledger.lease("u1"), ledger.run_spec("u1")) == ("node", "run", "{}")
    with pytest.raises(AlreadyExists, match=r'"first" already exists'):
        write([pod("second", "u2"), pod("first", "u3")], make_room=rooms.append)
    assert rooms == [[("Pod", "default", "second"), ("Pod", "default", "first")]]
    assert [one["metadata"]["uid"] for one in client.list("Pod").items] == ["u1"]

    def make_room(_: object) -> None:
        runner.registry.delete("Pod", "default", "first")

    made = write([pod("second", "u2"), pod("first", "u3")], make_room=make_room)
    assert [one["status"] for one in made] == [{"phase": "Pending"}] * 2
    assert ledger.holders() == {"u2": "node", "u3": "node"}


def test_an_interrupt_after_the_writing_leaves_nothing_behind(
    client: Client, runner: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*arguments: Any, **known: Any) -> None:
        create(*arguments, **known)
        raise KeyboardInterrupt

    monkeypatch.setattr("runner.registry.admission.create", interrupted)
    with pytest.raises(KeyboardInterrupt):
        client.create_all([pod()], holder="node")
    assert client.list("Pod").items == []
    assert runner.registry.ledger.holders() == {}


@pytest.mark.parametrize("verb", ["create", "apply"])
def test_what_a_server_would_not_take_is_not_written(client: Client, verb: str) -> None:
    wrong = {**config(), "data": {"k": 1}}
    with pytest.raises(ManifestError, match=r"data\[k\]"):
        getattr(client, verb)(wrong)
    assert client.list("ConfigMap").items == []


def test_an_update_of_what_has_changed_meanwhile_is_a_conflict(client: Client) -> None:
    made = client.create(config(k="1"))
    version = made["metadata"]["resourceVersion"]
    client.update({**made, "data": {"k": "2"}}, expect=version)
    with pytest.raises(Conflict, match=r'^Operation cannot be fulfilled on configmaps "a": '):
        client.update({**made, "data": {"k": "3"}}, expect=version)
    assert client.get("ConfigMap", "default", "a")["data"] == {"k": "2"}


@pytest.mark.parametrize("kind", ["Pod", "Job", "Event", *OBJECTS])
def test_nothing_that_is_not_there_is_deleted(client: Client, kind: str) -> None:
    with pytest.raises(NoSuchObject, match='"nosuch" not found'):
        client.delete(kind, "default", "nosuch")


def test_another_object_of_the_same_name_is_left_alone(client: Client, runner: Runner) -> None:
    runner.registry.create(pod())
    with pytest.raises(NoSuchObject, match=r'^pods "web" not found$'):
        client.delete("Pod", "default", "web", uid="earlier")
    assert "deletionTimestamp" not in client.get("Pod", "default", "web")["metadata"]
    client.delete("Pod", "default", "web", grace=5, uid="u")
    assert client.get("Pod", "default", "web")["metadata"]["deletionGracePeriodSeconds"] == 5


def test_a_pod_that_nobody_runs_is_removed_by_whoever_waits_for_that(client: Client, runner: Runner) -> None:
    runner.registry.create(pod())
    deletion = client.delete("Pod", "default", "web", grace=0)
    client.finish([deletion])
    deletion.wait(1)
    assert client.list("Pod").items == []


def test_events_are_those_about_an_object(client: Client, runner: Runner) -> None:
    for name, uid in (("first", "u"), ("second", "other"), ("third", "u")):
        runner.registry.record_event(event(name, uid))
    assert [one["metadata"]["name"] for one in client.events(pod())] == ["first", "third"]


def test_a_watch_tells_what_there_is_and_each_change_once_and_in_order(client: Client) -> None:
    client.create(config("a"))
    with client.watch("ConfigMap", "default") as watch:
        assert [(one.type, one.value["metadata"]["name"]) for one in watch.next(1)] == [(ChangeType.ADDED, "a")]
        client.apply(config("a", k="1"))
        client.apply(config("a", k="2"))
        client.create({**config("elsewhere"), "metadata": {"name": "elsewhere", "namespace": "other"}})
        client.delete("ConfigMap", "default", "a")
        told = [(one.type, one.value.get("data")) for one in watch.next(1)]
        assert told == [
            (ChangeType.MODIFIED, {"k": "1"}),
            (ChangeType.MODIFIED, {"k": "2"}),
            (ChangeType.DELETED, {"k": "2"}),
        ]
        assert not watch.next(0)


def test_a_watch_goes_on_from_a_list(client: Client) -> None:
    client.create(config("a"))
    with client.watch("Secret"):  # In memory changes are kept as long as there is a watch.
        listing = client.list("ConfigMap")
        client.create(config("b"))
        watch = client.watch("ConfigMap", name="b", since=listing.resource_version)
    with watch:
        assert [one.value["metadata"]["name"] for one in watch.next(1)] == ["b"]


def test_waiting_ends_as_soon_as_it_holds(client: Client) -> None:
    client.create(config())
    found: list[Any] = []

    def work() -> None:
        found.append(client.wait("ConfigMap", "default", "a", lambda value: bool(value and value.get("data")), 20))
        found.append(client.wait("ConfigMap", "default", "a", lambda value: value is None, None))

    thread = threading.Thread(target=work)
    thread.start()
    client.apply(config(k="1"))
    while not found and thread.is_alive():
        thread.join(0.01)
    client.delete("ConfigMap", "default", "a")
    thread.join(20)
    assert [None if value is None else value["data"] for value in found] == [{"k": "1"}, None]


@pytest.mark.parametrize("seconds", [0, 0.05])
def test_waiting_has_an_end(client: Client, seconds: float) -> None:
    with pytest.raises(WaitTimeout, match=r"^timed out waiting for the condition on configmaps/a$"):
        client.wait("ConfigMap", "default", "a", lambda value: value is not None, seconds)


def test_the_old_name_of_the_registry_stays(runner: Runner) -> None:
    assert runner.store is runner.registry


def test_what_holds_for_a_moment_is_not_missed(client: Client, runner: Runner) -> None:
    """Each change counts, also one that another one follows at once."""
    client.create(config())
    looks: list[Any] = []

    def holds(value: Object | None) -> bool:
        looks.append(None if value is None else value.get("data"))
        if len(looks) == 2:
            with runner.registry.transaction():
                client.apply(config(k="1"))
                client.apply(config(k="2"))
        return value is not None and value.get("data") == {"k": "1"}

    client.wait("ConfigMap", "default", "a", holds, 5)
    assert looks == [None, None, {"k": "1"}]
