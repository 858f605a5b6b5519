"""One suite over both registries: the verbs, what they refuse and in which words, and what a race leaves."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from runner.core.status.podstatus import Condition, Phase, PodStatus
from runner.errors import NoSuchObject
from runner.registry.contract import AlreadyExists, Conflict, Object, Registry
from runner.registry.deletion import forget_pod, request_deletion
from tests.registry.support import NOW, event, pod, thing, version_of


def names(values: list[Object]) -> list[str]:
    return [value["metadata"]["name"] for value in values]


WRITES: list[tuple[str, Callable[[Registry], object]]] = [
    ("create", lambda registry: registry.create(thing("ConfigMap", "new"))),
    ("update", lambda registry: registry.update(pod(hostNetwork=True))),
    ("change", lambda registry: registry.change("Secret", "default", "s", lambda _: thing("Secret", "s", data={}))),
    ("delete", lambda registry: registry.delete("Pod", "default", "web")),
    ("publish", lambda registry: registry.publish_status("uid-default-web", PodStatus(phase=Phase.RUNNING))),
    ("event", lambda registry: registry.record_event(event("e"))),
    ("deletion", lambda registry: request_deletion(registry, "uid-default-web", NOW, 5)),
]


@pytest.mark.parametrize("write", [pytest.param(write, id=name) for name, write in WRITES])
def test_every_write_gets_the_next_version(registry: Registry, write: Callable[[Registry], object]) -> None:
    registry.create(pod())
    before = registry.version()
    write(registry)
    assert registry.version() == before + 1
    assert registry.list("Pod").resource_version == str(before + 1)


@pytest.mark.parametrize(
    "kind", ["Pod", "Event", "ConfigMap", "Secret", "Service", "PersistentVolumeClaim", "Deployment", "Namespace"]
)
def test_every_kind_shows_its_version_and_none_is_kept_in_the_value(registry: Registry, kind: str) -> None:
    value = thing(kind, "one")
    value["metadata"]["resourceVersion"] = "77"
    registry.change(kind, "default", "one", lambda _: value)
    (found,) = registry.list(kind).items
    assert found["metadata"]["resourceVersion"] == str(registry.version())
    assert registry.get(kind, "default", "one") == found


def test_what_is_created_gets_a_uid_when_it_has_none(registry: Registry) -> None:
    made = registry.create(thing("ConfigMap", "one"))
    assert made["metadata"]["uid"]
    assert registry.get_by_uid(made["metadata"]["uid"]) == made
    assert registry.create(pod(uid="given"))["metadata"]["uid"] == "given"


def test_a_name_is_taken_only_once_in_a_namespace_and_a_kind(registry: Registry) -> None:
    registry.create(pod())
    before = registry.version()
    with pytest.raises(AlreadyExists, match=r'^pods "web" already exists$'):
        registry.create(pod(uid="other"))
    assert registry.version() == before
    registry.create(pod(namespace="elsewhere"))
    registry.create(thing("ConfigMap", "web"))


def test_a_list_has_a_kind_and_namespace_in_the_order_of_names(registry: Registry) -> None:
    for namespace, name in (("b", "x"), ("a", "z"), ("a", "y")):
        registry.create(pod(name, namespace=namespace))
    registry.create(thing("ConfigMap", "c"))
    assert names(registry.list("Pod").items) == ["y", "z", "x"]
    assert names(registry.list("Pod", "a").items) == ["y", "z"]
    assert registry.list("Pod", "none").items == []


def test_events_are_listed_as_they_were_seen_and_by_what_they_are_about(registry: Registry) -> None:
    for name, uid in (("a", "u1"), ("b", "u2"), ("c", "u1")):
        registry.record_event(event(name, uid=uid))
    registry.record_event(event("a", uid="u1", count=2))
    assert names(registry.list("Event").items) == ["b", "c", "a"]
    assert names(registry.list("Event", about="u1").items) == ["c", "a"]


def test_an_update_keeps_the_status_and_what_belongs_to_the_server(registry: Registry) -> None:
    registry.create({**pod(), "metadata": {**pod()["metadata"], "creationTimestamp": "2026-01-01T00:00:00Z"}})
    registry.publish_status("uid-default-web", PodStatus(phase=Phase.RUNNING))
    changed = pod(hostNetwork=True)
    changed["metadata"] |= {"labels": {"a": "b"}, "creationTimestamp": "1999-01-01T00:00:00Z"}
    changed["status"] = {"phase": "Succeeded"}
    found = registry.update(changed)
    assert found["status"] == {"phase": "Running"}
    assert found["metadata"]["labels"] == {"a": "b"}
    assert found["metadata"]["creationTimestamp"] == "2026-01-01T00:00:00Z"
    assert found["metadata"]["generation"] == 2
    assert registry.get("Pod", "default", "web") == found


def test_an_update_that_changes_nothing_is_no_write(registry: Registry) -> None:
    made = registry.create(pod())
    assert registry.update(made) == made
    assert registry.change("Pod", "default", "web", lambda old: None if old is None else dict(old)) == made
    assert registry.version() == int(made["metadata"]["resourceVersion"])


@pytest.mark.parametrize("kind", ["Pod", "ConfigMap", "Deployment"])
def test_a_stale_update_is_a_conflict_in_the_api_servers_words(registry: Registry, kind: str) -> None:
    made = registry.create({**thing(kind), "spec": {}})
    first = made["metadata"]["resourceVersion"]
    registry.update({**made, "spec": {"a": 1}}, expect=first)
    with pytest.raises(Conflict) as caught:
        registry.update({**made, "spec": {"a": 2}}, expect=first)
    plural = {"Pod": "pods", "ConfigMap": "configmaps", "Deployment": "deployments.apps"}[kind]
    assert caught.value.reason == "Conflict"
    assert str(caught.value) == (
        f'Operation cannot be fulfilled on {plural} "x": the object has been modified; please apply your changes to the'
        " latest version and try again"
    )
    found = registry.get(kind, "default", "x")
    assert found is not None
    assert found["spec"] == {"a": 1}


def test_an_update_of_another_object_of_the_same_name_is_a_conflict(registry: Registry) -> None:
    registry.create(pod(uid="first"))
    registry.delete("Pod", "default", "web")
    registry.create(pod(uid="second"))
    with pytest.raises(Conflict):
        registry.update(pod(uid="first"))


def test_an_update_of_what_is_not_there_is_refused(registry: Registry) -> None:
    with pytest.raises(NoSuchObject, match=r'^pods "web" not found$'):
        registry.update(pod())


def test_a_delete_gives_what_was_there_and_spares_what_has_another_uid(registry: Registry) -> None:
    registry.create(pod(uid="one"))
    assert registry.delete("Pod", "default", "web", uid="another") is None
    removed = registry.delete("Pod", "default", "web", uid="one")
    assert removed is not None
    assert removed["metadata"]["resourceVersion"] == str(registry.version())
    assert registry.get("Pod", "default", "web") is None
    assert registry.get_by_uid("one") is None
    assert registry.delete("Pod", "default", "web") is None


@pytest.mark.parametrize("kind", ["Service", "PersistentVolumeClaim", "Job"])
@pytest.mark.parametrize(
    "ask", [lambda registry: forget_pod(registry, "one"), lambda registry: request_deletion(registry, "one", NOW, 0)]
)
def test_what_is_asked_of_a_pod_by_its_uid_is_done_to_nothing_else(
    registry: Registry, ask: Callable[[Registry], object], kind: str
) -> None:
    """A Service's proxy carries the Service's uid as a pod's containers carry the pod's."""
    registry.create({**thing(kind), "metadata": {"name": "x", "namespace": "default", "uid": "one"}})
    before = registry.get_by_uid("one")
    ask(registry)
    assert before is not None
    assert registry.get_by_uid("one") == before


def test_a_status_of_a_pod_that_is_gone_is_not_written(registry: Registry) -> None:
    before = registry.version()
    registry.publish_status("nosuch", PodStatus(phase=Phase.RUNNING))
    assert registry.version() == before


def _with_condition(old: Object | None, **condition: Any) -> Object:
    assert old is not None
    others = [one for one in old["status"].get("conditions") or () if one["type"] != condition["type"]]
    return {**old, "status": {**old["status"], "conditions": [*others, condition]}}


def test_a_condition_and_a_label_of_another_client_stay_when_the_kubelet_publishes(registry: Registry) -> None:
    registry.create(pod())
    ready = PodStatus(phase=Phase.RUNNING, conditions=(Condition(type="Ready", status="True"),))
    registry.publish_status("uid-default-web", ready)
    registry.change("Pod", "default", "web", lambda old: _with_condition(old, type="shop/paid", status="False"))
    registry.change("Pod", "default", "web", lambda old: _labelled(old, "by", "hand"))
    stale = PodStatus(
        phase=Phase.RUNNING,
        conditions=(Condition(type="shop/paid", status="Unknown"), Condition(type="Ready", status="False")),
    )
    for status in (stale, ready):
        registry.publish_status("uid-default-web", status)
    found = registry.get("Pod", "default", "web")
    assert found is not None
    told = [(one["type"], one["status"]) for one in found["status"]["conditions"]]
    assert told == [("shop/paid", "False"), ("Ready", "True")]
    assert found["metadata"]["labels"] == {"by": "hand"}


def _labelled(old: Object | None, key: str, text: str) -> Object:
    assert old is not None
    return {**old, "metadata": {**old["metadata"], "labels": {key: text}}}


def test_a_condition_that_its_writer_removes_is_gone(registry: Registry) -> None:
    registry.create(pod())
    registry.change("Pod", "default", "web", lambda old: _with_condition(old, type="shop/paid", status="False"))
    registry.change("Pod", "default", "web", lambda old: {**(old or {}), "status": {"phase": "Pending"}})
    registry.publish_status("uid-default-web", PodStatus(phase=Phase.RUNNING))
    found = registry.get("Pod", "default", "web")
    assert found is not None
    assert found["status"] == {"phase": "Running"}


def test_one_transaction_is_seen_whole(registry: Registry) -> None:
    """A function of ``change`` may read and write the registry: no other writer comes between."""
    registry.create(thing("ConfigMap", "counter", data={"n": "0"}))
    rounds, workers = 25, 4

    def count(old: Object | None) -> Object:
        assert old is not None
        number = int(old["data"]["n"])
        registry.change(
            "ConfigMap", "default", "mirror", lambda _: thing("ConfigMap", "mirror", data={"n": str(number)})
        )
        return {**old, "data": {"n": str(number + 1)}}

    def work() -> None:
        for _ in range(rounds):
            registry.change("ConfigMap", "default", "counter", count)

    threads = [threading.Thread(target=work) for _ in range(workers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = registry.get("ConfigMap", "default", "counter")
    mirror = registry.get("ConfigMap", "default", "mirror")
    assert found is not None
    assert mirror is not None
    assert (found["data"]["n"], mirror["data"]["n"]) == (str(rounds * workers), str(rounds * workers - 1))


def test_of_many_that_create_one_name_one_wins(registry: Registry) -> None:
    outcomes: list[str] = []

    def work(number: int) -> None:
        try:
            registry.create(pod(uid=f"u{number}"))
            outcomes.append("made")
        except AlreadyExists:
            outcomes.append("taken")

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["made"] + ["taken"] * 7


def test_of_many_that_update_the_same_version_one_wins(registry: Registry) -> None:
    made = registry.create({**thing("ConfigMap"), "data": {}})
    outcomes: list[str] = []

    def work(number: int) -> None:
        try:
            registry.update({**made, "data": {"n": str(number)}}, expect=made["metadata"]["resourceVersion"])
            outcomes.append("won")
        except Conflict:
            outcomes.append("stale")

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["stale"] * 7 + ["won"]


def test_versions_of_a_pod_grow_with_each_of_its_writes_alone(registry: Registry) -> None:
    registry.create(pod())
    registry.create(pod("other"))
    other = version_of(registry, name="other")
    versions = [version_of(registry)]
    for number in range(3):
        registry.publish_status("uid-default-web", PodStatus(message=str(number)))
        versions.append(version_of(registry))
    assert all(before < after for before, after in itertools.pairwise(versions))
    assert version_of(registry, name="other") == other


def test_what_is_wished_of_pods_is_told_from_what_is_told_of_them(registry: Registry) -> None:
    """A worker looks at its pod whenever that number is another one; statuses and events are written all the time."""
    registry.create(pod())
    before = registry.wishes()
    registry.publish_status("uid-default-web", PodStatus(message="new"))
    registry.record_event(event("e"))
    registry.create(thing("ConfigMap", "new"))
    assert registry.wishes() == before
    wishes: tuple[Callable[[], object], ...] = (
        lambda: registry.update(pod(hostNetwork=True)),
        lambda: request_deletion(registry, "uid-default-web", NOW, 5),
        lambda: request_deletion(registry, "uid-default-web", NOW, 0),
    )
    for wish in wishes:
        wish()
        registry.publish_status("uid-default-web", PodStatus(message=str(registry.version())))
        assert registry.wishes() != before
        before = registry.wishes()
    assert registry.wishes() == before


def test_events_of_an_hour_ago_are_gone(registry: Registry) -> None:
    registry.record_event(event("old", at=NOW - timedelta(minutes=61)))
    registry.record_event(event("new"))
    assert names(registry.list("Event").items) == ["new"]
