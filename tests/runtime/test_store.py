"""One suite over both stores: in memory and in SQLite."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from runner.clock import VirtualClock
from runner.core.status.podstatus import Condition, Phase, PodStatus
from runner.errors import AlreadyExists
from runner.registry.home import Home
from runner.registry.memory import MemoryStore
from runner.registry.sqlite import SqliteStore
from runner.registry.storage import Store

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.fixture(params=["memory", "sqlite"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    made: Store = (
        MemoryStore() if request.param == "memory" else SqliteStore(Home(tmp_path / "home"), clock=VirtualClock(NOW))
    )
    yield made
    made.close()


def pod(name: str = "web", uid: str = "u1", namespace: str = "default", **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": namespace, "uid": uid, "creationTimestamp": "2026-01-02T03:04:05Z"},
        "spec": {"containers": [{"name": "main", "image": "busybox"}], **spec},
        "status": {"phase": "Pending"},
    }


def event(name: str, at: datetime = NOW, *, uid: str = "u1", pod: str = "web", count: int = 1) -> dict[str, Any]:
    return {
        "metadata": {"name": name, "namespace": "default"},
        "involvedObject": {"kind": "Pod", "namespace": "default", "name": pod, "uid": uid},
        "reason": "Pulled",
        "count": count,
        "lastTimestamp": at.strftime("%Y-%m-%dT%H:%M:%SZ"),
    }


def revision(value: dict[str, Any] | None) -> int:
    assert value is not None
    return int(value["metadata"]["resourceVersion"])


def names(values: list[dict[str, Any]]) -> list[str]:
    return [value["metadata"]["name"] for value in values]


def test_a_created_pod_is_found_by_name_and_by_uid(store: Store) -> None:
    store.create_pod(pod(), owner="host:1:2")
    found = store.pod("default", "web")
    assert found is not None
    assert found["spec"] == pod()["spec"]
    assert found["status"] == {"phase": "Pending"}
    assert found["metadata"]["generation"] == 1
    assert store.pod_by_uid("u1") == found
    assert store.owner("u1") == "host:1:2"


def test_a_removed_event_is_forgotten(store: Store) -> None:
    store.record_event(event("a"))
    store.record_event(event("b"))
    before = store.version()
    store.remove_event("default", "a")
    store.remove_event("default", "nosuch")
    assert names(store.events()) == ["b"]
    assert store.version() != before


def test_what_does_not_exist_is_none_or_empty(store: Store) -> None:
    assert store.pod("default", "web") is None
    assert store.pod_by_uid("u1") is None
    assert store.pods() == []
    assert store.owner("u1") == ""
    assert store.attempts("u1") == {}
    assert store.events() == []
    assert store.object("Secret", "default", "s") is None
    assert store.kept_pods() == frozenset()


def test_a_name_is_taken_only_once_in_a_namespace(store: Store) -> None:
    """The text is kubectl's."""
    store.create_pod(pod(), owner="")
    before = store.version()
    with pytest.raises(AlreadyExists, match=r'^pods "web" already exists$'):
        store.create_pod(pod(uid="u2"), owner="")
    assert store.version() == before
    store.create_pod(pod(uid="u2", namespace="other"), owner="")
    assert store.pod_by_uid("u2") is not None


def test_a_name_is_free_again_when_its_pod_is_removed(store: Store) -> None:
    store.create_pod(pod(), owner="")
    store.note_attempt("u1", "main", 3)
    store.record_event(event("e1"))
    store.remove_pod("u1")
    assert store.pod("default", "web") is None
    assert names(store.events()) == ["e1"]
    store.create_pod(pod(), owner="")
    assert store.attempts("u1") == {}


def test_pods_are_sorted_and_filtered_by_namespace(store: Store) -> None:
    for number, (namespace, name) in enumerate([("b", "x"), ("a", "z"), ("a", "y")]):
        store.create_pod(pod(name, f"u{number}", namespace), owner="")
    assert names(store.pods()) == ["y", "z", "x"]
    assert names(store.pods("a")) == ["y", "z"]
    assert store.pods("none") == []


def test_a_pod_without_a_namespace_is_in_the_default_one(store: Store) -> None:
    value = pod()
    del value["metadata"]["namespace"]
    store.create_pod(value, owner="")
    found = store.pod("default", "web")
    assert found is not None
    assert found["metadata"]["namespace"] == "default"


def test_publishing_replaces_the_status_and_nothing_else(store: Store) -> None:
    store.create_pod(pod(), owner="")
    before = store.pod_by_uid("u1")
    status = PodStatus(phase=Phase.RUNNING, conditions=(Condition(type="Ready", status="True"),))
    store.publish("u1", status, NOW)
    found = store.pod_by_uid("u1")
    assert before is not None
    assert found is not None
    assert found["status"] == status.to_json()
    assert found["spec"] == before["spec"]
    assert found["metadata"]["generation"] == 1


WRITES: list[tuple[str, Callable[[Store], None]]] = [
    ("publish", lambda store: store.publish("u1", PodStatus(phase=Phase.RUNNING), NOW)),
    ("update_pod", lambda store: store.update_pod(pod(hostNetwork=True))),
    ("request_deletion", lambda store: store.request_deletion("u1", NOW, 30)),
]


@pytest.mark.parametrize("write", [pytest.param(write, id=name) for name, write in WRITES])
def test_every_write_of_a_pod_raises_its_resource_version(store: Store, write: Callable[[Store], None]) -> None:
    store.create_pod(pod(), owner="")
    store.create_pod(pod("other", "u2"), owner="")
    before, other = store.pod_by_uid("u1"), store.pod_by_uid("u2")
    write(store)
    assert revision(store.pod_by_uid("u1")) > revision(before)
    assert store.pod_by_uid("u2") == other


@pytest.mark.parametrize("write", [pytest.param(write, id=name) for name, write in WRITES])
def test_a_write_to_a_pod_that_is_gone_does_nothing(store: Store, write: Callable[[Store], None]) -> None:
    write(store)
    store.note_attempt("u1", "main", 1)
    store.keep_pod("u1")
    store.remove_pod("u1")
    assert store.pods() == []
    assert store.attempts("u1") == {}
    assert store.kept_pods() == frozenset()


def test_an_update_keeps_status_and_what_belongs_to_the_server(store: Store) -> None:
    store.create_pod(pod(), owner="")
    store.publish("u1", PodStatus(phase=Phase.RUNNING), NOW)
    store.request_deletion("u1", NOW, 30)
    changed = pod()
    changed["metadata"] = {**changed["metadata"], "labels": {"a": "b"}, "creationTimestamp": "1999-01-01T00:00:00Z"}
    store.update_pod(changed)
    found = store.pod_by_uid("u1")
    assert found is not None
    assert found["status"] == {"phase": "Running"}
    assert found["metadata"]["labels"] == {"a": "b"}
    assert found["metadata"]["creationTimestamp"] == "2026-01-02T03:04:05Z"
    assert found["metadata"]["deletionGracePeriodSeconds"] == 30


def test_a_changed_spec_is_a_new_generation_and_changed_labels_are_none(store: Store) -> None:
    store.create_pod(pod(), owner="")
    relabelled = pod()
    relabelled["metadata"]["labels"] = {"a": "b"}
    store.update_pod(relabelled)
    found = store.pod_by_uid("u1")
    assert found is not None
    assert found["metadata"]["generation"] == 1
    store.update_pod(pod(activeDeadlineSeconds=5))
    found = store.pod_by_uid("u1")
    assert found is not None
    assert found["metadata"]["generation"] == 2


@pytest.mark.parametrize(
    ("graces", "expected_grace", "expected_end"),
    [
        pytest.param([30], 30, "2026-01-02T03:04:35Z", id="the grace ends later than the request"),
        pytest.param([30, 5], 5, "2026-01-02T03:04:10Z", id="a shorter grace counts from the first request"),
        pytest.param([5, 30], 5, "2026-01-02T03:04:10Z", id="a longer grace is too late"),
        pytest.param([30, 0], 0, "2026-01-02T03:04:05Z", id="zero is at once"),
        pytest.param([-1], 1, "2026-01-02T03:04:06Z", id="a negative grace is one second"),
    ],
)
def test_a_deletion_request_may_only_be_shortened(
    store: Store, graces: list[int], expected_grace: int, expected_end: str
) -> None:
    store.create_pod(pod(), owner="")
    for number, grace in enumerate(graces):
        store.request_deletion("u1", NOW + timedelta(seconds=number), grace)
    found = store.pod_by_uid("u1")
    assert found is not None
    assert found["metadata"]["deletionGracePeriodSeconds"] == expected_grace
    assert found["metadata"]["deletionTimestamp"] == expected_end
    assert found["metadata"]["generation"] == 2


def test_a_request_that_changes_nothing_writes_no_new_resource_version(store: Store) -> None:
    store.create_pod(pod(), owner="")
    store.request_deletion("u1", NOW, 5)
    before = store.pod_by_uid("u1")
    store.request_deletion("u1", NOW, 5)
    assert store.pod_by_uid("u1") == before


def test_changing_what_was_read_does_not_change_the_store(store: Store) -> None:
    store.create_pod(pod(), owner="")
    found = store.pod_by_uid("u1")
    assert found is not None
    found["status"] = {}
    found["metadata"]["name"] = "changed"
    again = store.pod_by_uid("u1")
    assert again is not None
    assert again["status"] == {"phase": "Pending"}
    assert again["metadata"]["name"] == "web"


def test_kept_pods_are_remembered_as_long_as_they_exist(store: Store) -> None:
    store.create_pod(pod(), owner="")
    store.create_pod(pod("other", "u2"), owner="")
    store.keep_pod("u1")
    assert store.kept_pods() == {"u1"}
    store.remove_pod("u1")
    assert store.kept_pods() == frozenset()


def test_the_highest_attempt_counts(store: Store) -> None:
    store.create_pod(pod(), owner="")
    for container, attempt in [("main", 0), ("main", 2), ("main", 1), ("POD", 0)]:
        store.note_attempt("u1", container, attempt)
    assert store.attempts("u1") == {"main": 2, "POD": 0}


def test_events_come_in_the_order_in_which_they_were_last_seen(store: Store) -> None:
    for name in ("a", "b", "c"):
        store.record_event(event(name))
    store.record_event(event("a", count=2))
    assert [(e["metadata"]["name"], e["count"]) for e in store.events()] == [("b", 1), ("c", 1), ("a", 2)]


def test_events_are_filtered_by_namespace_pod_and_uid(store: Store) -> None:
    store.record_event(event("a"))
    store.record_event(event("b", uid="u2"))
    store.record_event(event("c", uid="u3", pod="db"))
    assert names(store.events("default", pod="web")) == ["a", "b"]
    assert names(store.events(uid="u2")) == ["b"]
    assert names(store.events("default", pod="web", uid="u3")) == []
    assert names(store.events("other")) == []


def test_events_are_forgotten_after_an_hour(store: Store) -> None:
    store.record_event(event("old", NOW - timedelta(minutes=61)))
    store.record_event(event("young", NOW - timedelta(minutes=59)))
    store.record_event({"metadata": {"name": "timeless"}})
    store.record_event(event("new"))
    assert names(store.events()) == ["young", "timeless", "new"]


def test_other_objects_are_kept_by_kind_namespace_and_name(store: Store) -> None:
    for kind, namespace, name in [
        ("Secret", "a", "y"),
        ("Secret", "a", "x"),
        ("Secret", "b", "x"),
        ("ConfigMap", "a", "x"),
    ]:
        store.put_object({"kind": kind, "metadata": {"namespace": namespace, "name": name}, "data": {}})
    store.put_object({"kind": "Secret", "metadata": {"namespace": "a", "name": "x"}, "data": {"k": "v"}})
    assert names(store.objects("Secret", "a")) == ["x", "y"]
    assert len(store.objects("Secret")) == 3
    found = store.object("Secret", "a", "x")
    assert found is not None
    assert found["data"] == {"k": "v"}
    store.remove_object("Secret", "a", "x")
    store.remove_object("Secret", "a", "x")
    assert store.object("Secret", "a", "x") is None
    assert store.object("ConfigMap", "a", "x") is not None


def test_text_of_any_kind_comes_back_as_it_was(store: Store) -> None:
    value = {"kind": "Secret", "metadata": {"name": "s"}, "data": {"k": "ü\u2028\x00\ud800 🙂"}}
    store.put_object(value)
    found = store.object("Secret", "default", "s")
    assert found == {**value, "metadata": {"name": "s", "resourceVersion": "1"}}


def test_the_version_changes_with_every_kind_of_write(store: Store) -> None:
    writes: list[Callable[[], None]] = [
        lambda: store.create_pod(pod(), owner=""),
        lambda: store.publish("u1", PodStatus(), NOW),
        lambda: store.update_pod(pod(hostNetwork=True)),
        lambda: store.request_deletion("u1", NOW, 3),
        lambda: store.record_event(event("e")),
        lambda: store.put_object({"kind": "Secret", "metadata": {"name": "s"}}),
        lambda: store.remove_object("Secret", "default", "s"),
        lambda: store.remove_pod("u1"),
    ]
    versions = [store.version()]
    for write in writes:
        write()
        assert store.version() == store.version()
        versions.append(store.version())
    assert all(after > before for before, after in itertools.pairwise(versions))
