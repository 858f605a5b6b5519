"""One suite over both stores: in memory and in SQLite."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from runner.clock import VirtualClock
from runner.core.status.podstatus import Condition, Phase, PodStatus
from runner.errors import AlreadyExists, NoSuchObject
from runner.registry.contract import Registry, put
from runner.registry.deletion import forget_pod, request_deletion
from runner.registry.home import Home
from runner.registry.memory import MemoryRegistry
from runner.registry.sqlite import SqliteRegistry

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.fixture(params=["memory", "sqlite"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Registry]:
    made: Registry = (
        MemoryRegistry()
        if request.param == "memory"
        else SqliteRegistry(Home(tmp_path / "home"), clock=VirtualClock(NOW))
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


def test_a_created_pod_is_found_by_name_and_by_uid(store: Registry) -> None:
    store.create({"kind": "Pod", **pod()}, holder="host:1:2")
    found = store.get("Pod", "default", "web")
    assert found is not None
    assert found["spec"] == pod()["spec"]
    assert found["status"] == {"phase": "Pending"}
    assert found["metadata"]["generation"] == 1
    assert store.get_by_uid("u1") == found
    assert store.ledger.holder("u1") == "host:1:2"


def test_a_removed_event_is_forgotten(store: Registry) -> None:
    store.record_event(event("a"))
    store.record_event(event("b"))
    before = store.version()
    store.delete("Event", "default", "a")
    store.delete("Event", "default", "nosuch")
    assert names(store.list("Event").items) == ["b"]
    assert store.version() != before


def test_what_does_not_exist_is_none_or_empty(store: Registry) -> None:
    assert store.get("Pod", "default", "web") is None
    assert store.get_by_uid("u1") is None
    assert store.list("Pod").items == []
    assert store.ledger.holder("u1") == ""
    assert store.ledger.attempts("u1") == {}
    assert store.list("Event").items == []
    assert store.get("Secret", "default", "s") is None
    assert store.ledger.kept() == frozenset()


def test_a_name_is_taken_only_once_in_a_namespace(store: Registry) -> None:
    """The text is kubectl's."""
    store.create({"kind": "Pod", **pod()})
    before = store.version()
    with pytest.raises(AlreadyExists, match=r'^pods "web" already exists$'):
        store.create({"kind": "Pod", **pod(uid="u2")})
    assert store.version() == before
    store.create({"kind": "Pod", **pod(uid="u2", namespace="other")})
    assert store.get_by_uid("u2") is not None


def test_a_name_is_free_again_when_its_pod_is_removed(store: Registry) -> None:
    store.create({"kind": "Pod", **pod()})
    store.ledger.note_attempt("u1", "main", 3)
    store.record_event(event("e1"))
    forget_pod(store, "u1")
    assert store.get("Pod", "default", "web") is None
    assert names(store.list("Event").items) == ["e1"]
    store.create({"kind": "Pod", **pod()})
    assert store.ledger.attempts("u1") == {}


def test_pods_are_sorted_and_filtered_by_namespace(store: Registry) -> None:
    for number, (namespace, name) in enumerate([("b", "x"), ("a", "z"), ("a", "y")]):
        store.create({"kind": "Pod", **pod(name, f"u{number}", namespace)})
    assert names(store.list("Pod").items) == ["y", "z", "x"]
    assert names(store.list("Pod", "a").items) == ["y", "z"]
    assert store.list("Pod", "none").items == []


def test_a_pod_without_a_namespace_is_in_the_default_one(store: Registry) -> None:
    value = pod()
    del value["metadata"]["namespace"]
    store.create({"kind": "Pod", **value})
    found = store.get("Pod", "default", "web")
    assert found is not None
    assert found["metadata"]["namespace"] == "default"


def test_publishing_replaces_the_status_and_nothing_else(store: Registry) -> None:
    store.create({"kind": "Pod", **pod()})
    before = store.get_by_uid("u1")
    status = PodStatus(phase=Phase.RUNNING, conditions=(Condition(type="Ready", status="True"),))
    store.publish_status("u1", status)
    found = store.get_by_uid("u1")
    assert before is not None
    assert found is not None
    assert found["status"] == status.to_json()
    assert found["spec"] == before["spec"]
    assert found["metadata"]["generation"] == 1


WRITES: list[tuple[str, Callable[[Registry], object]]] = [
    ("publish", lambda store: store.publish_status("u1", PodStatus(phase=Phase.RUNNING))),
    ("update_pod", lambda store: store.update({"kind": "Pod", **pod(hostNetwork=True)})),
    ("request_deletion", lambda store: request_deletion(store, "u1", NOW, 30)),
]


@pytest.mark.parametrize("write", [pytest.param(write, id=name) for name, write in WRITES])
def test_every_write_of_a_pod_raises_its_resource_version(store: Registry, write: Callable[[Registry], object]) -> None:
    store.create({"kind": "Pod", **pod()})
    store.create({"kind": "Pod", **pod("other", "u2")})
    before, other = store.get_by_uid("u1"), store.get_by_uid("u2")
    write(store)
    assert revision(store.get_by_uid("u1")) > revision(before)
    assert store.get_by_uid("u2") == other


@pytest.mark.parametrize("write", [pytest.param(write, id=name) for name, write in WRITES])
def test_a_write_to_a_pod_that_is_gone_does_nothing(store: Registry, write: Callable[[Registry], object]) -> None:
    with suppress(NoSuchObject):
        write(store)
    store.ledger.note_attempt("u1", "main", 1)
    store.ledger.keep("u1")
    forget_pod(store, "u1")
    assert store.list("Pod").items == []
    assert store.ledger.attempts("u1") == {}
    assert store.ledger.kept() == frozenset()


def test_an_update_keeps_status_and_what_belongs_to_the_server(store: Registry) -> None:
    store.create({"kind": "Pod", **pod()})
    store.publish_status("u1", PodStatus(phase=Phase.RUNNING))
    request_deletion(store, "u1", NOW, 30)
    changed = pod()
    changed["metadata"] = {**changed["metadata"], "labels": {"a": "b"}, "creationTimestamp": "1999-01-01T00:00:00Z"}
    store.update({"kind": "Pod", **changed})
    found = store.get_by_uid("u1")
    assert found is not None
    assert found["status"] == {"phase": "Running"}
    assert found["metadata"]["labels"] == {"a": "b"}
    assert found["metadata"]["creationTimestamp"] == "2026-01-02T03:04:05Z"
    assert found["metadata"]["deletionGracePeriodSeconds"] == 30


def test_a_changed_spec_is_a_new_generation_and_changed_labels_are_none(store: Registry) -> None:
    store.create({"kind": "Pod", **pod()})
    relabelled = pod()
    relabelled["metadata"]["labels"] = {"a": "b"}
    store.update({"kind": "Pod", **relabelled})
    found = store.get_by_uid("u1")
    assert found is not None
    assert found["metadata"]["generation"] == 1
    store.update({"kind": "Pod", **pod(activeDeadlineSeconds=5)})
    found = store.get_by_uid("u1")
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
    store: Registry, graces: list[int], expected_grace: int, expected_end: str
) -> None:
    store.create({"kind": "Pod", **pod()})
    for number, grace in enumerate(graces):
        request_deletion(store, "u1", NOW + timedelta(seconds=number), grace)
    found = store.get_by_uid("u1")
    assert found is not None
    assert found["metadata"]["deletionGracePeriodSeconds"] == expected_grace
    assert found["metadata"]["deletionTimestamp"] == expected_end
    assert found["metadata"]["generation"] == 2


def test_a_request_that_changes_nothing_writes_no_new_resource_version(store: Registry) -> None:
    store.create({"kind": "Pod", **pod()})
    request_deletion(store, "u1", NOW, 5)
    before = store.get_by_uid("u1")
    request_deletion(store, "u1", NOW, 5)
    assert store.get_by_uid("u1") == before


def test_changing_what_was_read_does_not_change_the_store(store: Registry) -> None:
    store.create({"kind": "Pod", **pod()})
    found = store.get_by_uid("u1")
    assert found is not None
    found["status"] = {}
    found["metadata"]["name"] = "changed"
    again = store.get_by_uid("u1")
    assert again is not None
    assert again["status"] == {"phase": "Pending"}
    assert again["metadata"]["name"] == "web"


def test_kept_pods_are_remembered_as_long_as_they_exist(store: Registry) -> None:
    store.create({"kind": "Pod", **pod()})
    store.create({"kind": "Pod", **pod("other", "u2")})
    store.ledger.keep("u1")
    assert store.ledger.kept() == {"u1"}
    forget_pod(store, "u1")
    assert store.ledger.kept() == frozenset()


def test_the_highest_attempt_counts(store: Registry) -> None:
    store.create({"kind": "Pod", **pod()})
    for container, attempt in [("main", 0), ("main", 2), ("main", 1), ("POD", 0)]:
        store.ledger.note_attempt("u1", container, attempt)
    assert store.ledger.attempts("u1") == {"main": 2, "POD": 0}


def test_events_come_in_the_order_in_which_they_were_last_seen(store: Registry) -> None:
    for name in ("a", "b", "c"):
        store.record_event(event(name))
    store.record_event(event("a", count=2))
    assert [(e["metadata"]["name"], e["count"]) for e in store.list("Event").items] == [("b", 1), ("c", 1), ("a", 2)]


def test_events_are_filtered_by_namespace_and_uid(store: Registry) -> None:
    store.record_event(event("a"))
    store.record_event(event("b", uid="u2"))
    store.record_event(event("c", uid="u3", pod="db"))
    assert names(store.list("Event", "default").items) == ["a", "b", "c"]
    assert names(store.list("Event", about="u2").items) == ["b"]
    assert names(store.list("Event", "default", about="u3").items) == ["c"]
    assert names(store.list("Event", "default", about="u4").items) == []
    assert names(store.list("Event", "other").items) == []


def test_events_are_forgotten_after_an_hour(store: Registry) -> None:
    store.record_event(event("old", NOW - timedelta(minutes=61)))
    store.record_event(event("young", NOW - timedelta(minutes=59)))
    store.record_event({"metadata": {"name": "timeless"}})
    store.record_event(event("new"))
    assert names(store.list("Event").items) == ["young", "timeless", "new"]


def test_other_objects_are_kept_by_kind_namespace_and_name(store: Registry) -> None:
    for kind, namespace, name in [
        ("Secret", "a", "y"),
        ("Secret", "a", "x"),
        ("Secret", "b", "x"),
        ("ConfigMap", "a", "x"),
    ]:
        put(store, {"kind": kind, "metadata": {"namespace": namespace, "name": name}, "data": {}})
    put(store, {"kind": "Secret", "metadata": {"namespace": "a", "name": "x"}, "data": {"k": "v"}})
    assert names(store.list("Secret", "a").items) == ["x", "y"]
    assert len(store.list("Secret").items) == 3
    found = store.get("Secret", "a", "x")
    assert found is not None
    assert found["data"] == {"k": "v"}
    store.delete("Secret", "a", "x")
    store.delete("Secret", "a", "x")
    assert store.get("Secret", "a", "x") is None
    assert store.get("ConfigMap", "a", "x") is not None


def test_text_of_any_kind_comes_back_as_it_was(store: Registry) -> None:
    value = {"kind": "Secret", "metadata": {"name": "s"}, "data": {"k": "ü\u2028\x00\ud800 🙂"}}
    put(store, value)
    found = store.get("Secret", "default", "s")
    assert found == {**value, "metadata": {"name": "s", "resourceVersion": "1"}}


def test_the_version_changes_with_every_kind_of_write(store: Registry) -> None:
    writes: list[Callable[[], object]] = [
        lambda: store.create({"kind": "Pod", **pod()}),
        lambda: store.publish_status("u1", PodStatus()),
        lambda: store.update({"kind": "Pod", **pod(hostNetwork=True)}),
        lambda: request_deletion(store, "u1", NOW, 3),
        lambda: store.record_event(event("e")),
        lambda: put(store, {"kind": "Secret", "metadata": {"name": "s"}}),
        lambda: store.delete("Secret", "default", "s"),
        lambda: forget_pod(store, "u1"),
    ]
    versions = [store.version()]
    for write in writes:
        write()
        assert store.version() == store.version()
        versions.append(store.version())
    assert all(after > before for before, after in itertools.pairwise(versions))
