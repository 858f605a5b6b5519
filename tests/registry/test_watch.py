"""The change log: what a watch gives, in order, nothing twice and nothing lost; what it is woken for; how far it goes back."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.clock import Wakeup
from runner.core.status.podstatus import Phase, PodStatus
from runner.registry.contract import Expired, Object, Registry, Watch
from runner.registry.deletion import request_deletion
from runner.registry.memory import MemoryRegistry
from tests.registry.support import NOW, event, pod, thing, told, version_of

A_WHILE = 20.0
"""Seconds that something which is to happen may take on a busy machine."""
UID = "uid-default-web"


def drained(watch: Watch) -> list[str]:
    return told(watch.next(0))


def test_a_watch_tells_every_kind_of_change_in_order(registry: Registry) -> None:
    with registry.watch(str(registry.version())) as watch:
        registry.create(pod())
        registry.publish_status(UID, PodStatus(phase=Phase.RUNNING))
        registry.record_event(event("e"))
        registry.record_event(event("e", count=2))
        registry.create(thing("Deployment", "d"))
        registry.change("Namespace", "default", "n", lambda _: thing("Namespace", "n"))
        request_deletion(registry, UID, NOW, 5)
        registry.delete("Pod", "default", "web")
        changes = watch.next(0)
    assert told(changes) == [
        "ADDED Pod default/web",
        "MODIFIED Pod default/web",
        "ADDED Event default/e",
        "MODIFIED Event default/e",
        "ADDED Deployment default/d",
        "ADDED Namespace default/n",
        "MODIFIED Pod default/web",
        "DELETED Pod default/web",
    ]
    versions = [change.revision for change in changes]
    assert versions == sorted(set(versions))
    assert [change.value["metadata"]["resourceVersion"] for change in changes] == [str(one) for one in versions]
    assert changes[-1].value["status"]["phase"] == "Running", "a tombstone shows the object as it was last"


def test_every_status_comes_even_when_the_next_one_is_there_already(registry: Registry) -> None:
    registry.create(pod())
    with registry.watch(str(registry.version()), kinds=["Pod"]) as watch:
        for number in range(5):
            registry.publish_status(UID, PodStatus(message=str(number)))
        assert [change.value["status"]["message"] for change in watch.next(0)] == ["0", "1", "2", "3", "4"]
        assert watch.next(0) == []


def test_without_a_version_everything_that_there_is_comes_first(registry: Registry) -> None:
    registry.create(pod("b"))
    registry.create(pod("a"))
    registry.create(thing("ConfigMap", "c"))
    with registry.watch(kinds=["Pod"]) as watch:
        assert drained(watch) == ["ADDED Pod default/b", "ADDED Pod default/a"]
        registry.delete("Pod", "default", "a")
        assert drained(watch) == ["DELETED Pod default/a"]


def test_a_watch_that_begins_at_a_list_misses_nothing(registry: Registry) -> None:
    with registry.watch(str(registry.version())):  # there is a watch all the time
        registry.create(pod("a"))
        since = registry.list("Pod").resource_version
        registry.create(pod("b"))
        registry.delete("Pod", "default", "a")
        with registry.watch(since, kinds=["Pod"]) as late:
            assert drained(late) == ["ADDED Pod default/b", "DELETED Pod default/a"]


SELECTIONS: list[tuple[str, dict[str, Any], list[str]]] = [
    ("kinds", {"kinds": ["ConfigMap", "Secret"]}, ["ADDED ConfigMap default/x", "ADDED Secret shop/x"]),
    ("namespace", {"namespace": "shop"}, ["ADDED Secret shop/x", "ADDED Pod shop/web"]),
    ("name", {"kinds": ["Pod"], "name": "web", "namespace": "shop"}, ["ADDED Pod shop/web"]),
    ("uid", {"uids": [UID]}, ["ADDED Pod default/web", "MODIFIED Pod default/web"]),
    (
        "two uids",
        {"uids": [UID, "uid-shop-web"]},
        ["ADDED Pod default/web", "MODIFIED Pod default/web", "ADDED Pod shop/web"],
    ),
    ("no statuses", {"kinds": ["Pod"], "with_status": False}, ["ADDED Pod default/web", "ADDED Pod shop/web"]),
    ("holder", {"holder": "node-2"}, ["ADDED Pod shop/web"]),
]


@pytest.mark.parametrize(("selection", "expected"), [pytest.param(*one[1:], id=one[0]) for one in SELECTIONS])
def test_a_watch_is_about_its_selection(registry: Registry, selection: dict[str, Any], expected: list[str]) -> None:
    with registry.watch(str(registry.version()), **selection) as watch:
        registry.create(pod(), holder="node-1")
        registry.create(thing("ConfigMap"))
        registry.create(thing("Secret", namespace="shop"))
        registry.publish_status(UID, PodStatus(phase=Phase.RUNNING))
        registry.create(pod(namespace="shop"), holder="node-2")
        assert drained(watch) == expected


def test_an_object_that_changes_hands_comes_and_goes_for_its_holders_and_is_no_change_for_others(
    registry: Registry,
) -> None:
    since = str(registry.version())
    with (
        registry.watch(since, holder="a") as old,
        registry.watch(since, holder="b") as new,
        registry.watch(since) as all_,
    ):
        registry.create(pod(), holder="a")
        assert registry.ledger.take(UID, "a", "b")
        registry.publish_status(UID, PodStatus(phase=Phase.RUNNING))
        registry.delete("Pod", "default", "web")
        here = "Pod default/web"
        assert drained(old) == [f"ADDED {here}", f"DELETED {here}"]
        assert drained(new) == [f"ADDED {here}", f"MODIFIED {here}", f"DELETED {here}"]
        assert drained(all_) == [f"ADDED {here}", f"MODIFIED {here}", f"DELETED {here}"]


def test_a_watch_of_a_holder_begins_with_what_it_holds(registry: Registry) -> None:
    registry.create(pod("mine"), holder="me")
    registry.create(pod("other"), holder="you")
    with registry.watch(holder="me") as watch:
        assert drained(watch) == ["ADDED Pod default/mine"]


def test_a_node_hears_of_the_pods_that_it_holds_and_of_all_that_pods_refer_to(registry: Registry) -> None:
    kinds, since = ["Pod", "ConfigMap"], str(registry.version())
    selection: dict[str, Any] = {"kinds": kinds, "holder": "a", "held": ["Pod"], "with_status": False}
    with registry.watch(since, **selection) as watch:
        registry.create(pod("mine", uid="mine"), holder="a")
        registry.create(pod("other", uid="other"), holder="b")
        registry.create(thing("ConfigMap", "c"))
        registry.create(thing("Secret", "s"))
        registry.publish_status("mine", PodStatus(phase=Phase.RUNNING))
        assert drained(watch) == ["ADDED Pod default/mine", "ADDED ConfigMap default/c"]
        assert registry.ledger.take("other", "b", "a")
        assert registry.ledger.take("mine", "a", "c")
        assert drained(watch) == ["ADDED Pod default/other", "DELETED Pod default/mine"]
        registry.delete("Pod", "default", "mine")
        registry.delete("ConfigMap", "default", "c")
        assert drained(watch) == ["DELETED ConfigMap default/c"]
    with registry.watch(**selection) as watch:
        assert drained(watch) == ["ADDED Pod default/other"]


def test_the_log_has_no_data_of_secrets(registry: Registry) -> None:
    annotation = "kubectl.kubernetes.io/last-applied-configuration"
    secret = thing("Secret", "s", data={"k": "aHVudGVyMg=="}, stringData={"l": "hunter2"}, type="Opaque")
    secret["metadata"]["annotations"] = {annotation: "hunter2", "by": "hand"}
    with registry.watch(str(registry.version())) as watch:
        registry.create(secret)
        registry.change("Secret", "default", "s", lambda old: {**(old or {}), "type": "other"})
        registry.delete("Secret", "default", "s")
        added, modified, removed = watch.next(0)
        assert all(
            "hunter2" not in str(change.value) and "aHVudGVyMg" not in str(change.value) for change in (added, modified)
        )
        assert removed.value["metadata"]["annotations"] == {"by": "hand"}
        assert "data" not in removed.value
        assert (added.value["type"], removed.value["type"]) == ("Opaque", "other")
        registry.create(secret)
        (again,) = watch.next(0)
        assert again.value["data"] == secret["data"], (
            "as long as it is the object that there is, the watch gives it whole"
        )


def test_a_version_that_never_was_is_refused(registry: Registry) -> None:
    registry.create(pod())
    with pytest.raises(Expired) as caught, registry.watch("77") as watch:
        watch.next(0)
    assert caught.value.reason == "Expired"


def test_a_version_before_anybody_watched_has_expired_in_memory() -> None:
    registry = MemoryRegistry()
    registry.create(pod())
    registry.create(pod("other"))
    with registry.watch("1") as watch, pytest.raises(Expired, match=r"^too old resource version: 1 \(2\)$"):
        watch.next(0)


def in_thread(work: Callable[[], object]) -> threading.Thread:
    thread = threading.Thread(target=work)
    thread.start()
    return thread


def test_who_waits_is_woken_by_a_write_that_concerns_it(registry: Registry) -> None:
    with registry.watch(str(registry.version()), kinds=["Pod"]) as watch:
        writer = in_thread(lambda: registry.create(pod()))
        assert told(watch.next(A_WHILE)) == ["ADDED Pod default/web"]
        writer.join()


def test_waiting_ends_with_the_time_and_with_closing(registry: Registry) -> None:
    watch = registry.watch(str(registry.version()), kinds=["Pod"])
    registry.create(thing("ConfigMap"))
    assert watch.next(0.01) == []
    found: list[object] = []
    waiter = in_thread(lambda: found.append(watch.next(None)))
    watch.close()
    waiter.join(A_WHILE)
    assert found == [[]]
    assert watch.next(A_WHILE) == []


def test_a_callback_comes_when_there_is_something_and_not_for_other_things(registry: Registry) -> None:
    wakeup = Wakeup()
    calls: list[None] = []

    def wake() -> None:
        calls.append(None)
        wakeup.set()

    with registry.watch(str(registry.version()), kinds=["Pod"], with_status=False, wake=wake) as watch:
        registry.create(thing("ConfigMap"))
        registry.record_event(event("e"))
        registry.create(pod())
        assert wakeup.wait(A_WHILE)
        assert drained(watch) == ["ADDED Pod default/web"]
        wakeup.clear()
        for number in range(5):
            registry.publish_status(UID, PodStatus(message=str(number)))
        registry.delete("Pod", "default", "web")
        assert wakeup.wait(A_WHILE)
        assert drained(watch) == ["DELETED Pod default/web"]
    assert len(calls) == 2


def test_a_watch_with_a_callback_gives_its_end_and_what_keeps_it_from_going_on(registry: Registry) -> None:
    wakeup = Wakeup()
    with registry.watch(wake=wakeup.set) as watch:
        assert watch.next(0.01) == []
    with pytest.raises(Expired), registry.watch("77", wake=wakeup.set) as late:
        late.next(A_WHILE)


OPERATIONS = st.lists(
    st.tuples(
        st.sampled_from(["create", "delete", "status", "update", "event", "take", "put", "read"]),
        st.sampled_from(["a", "b", "c"]),
        st.integers(0, 3),
    ),
    max_size=40,
)


def carry_out(registry: Registry, operation: str, name: str, number: int) -> None:
    found = registry.get("Pod", "default", name)
    match operation:
        case "create" if found is None:
            registry.create(pod(name, f"{name}{registry.version()}"))
        case "delete":
            registry.delete("Pod", "default", name)
        case "status" if found is not None:
            registry.publish_status(found["metadata"]["uid"], PodStatus(message=str(number)))
        case "update" if found is not None:
            registry.update({**found, "spec": {"n": number}})
        case "take" if found is not None:
            registry.ledger.take(found["metadata"]["uid"], "", str(number))
        case "put":
            registry.change("ConfigMap", "default", name, lambda _: thing("ConfigMap", name, data={"n": str(number)}))
        case "event":
            registry.record_event(event(name, count=number))
        case _:
            pass


def applied(state: dict[tuple[str, str], Object], watch: Watch) -> list[int]:
    """Bring a mirror up to date. Returns the versions that came."""
    changes = watch.next(0)
    for change in changes:
        key = (change.kind, change.name)
        if change.type == "DELETED":
            del state[key]
        else:
            assert (key in state) is (change.type == "MODIFIED")
            state[key] = change.value
    return [change.revision for change in changes]


def mirrored(registry: Registry, operations: list[tuple[str, str, int]]) -> None:
    """A list and then a watch come to what there is in the end: in order, nothing twice, nothing lost."""
    kinds = ("Pod", "ConfigMap", "Event")
    half = len(operations) // 2
    with registry.watch(str(registry.version())):
        for operation in operations[:half]:
            carry_out(registry, *operation)
        listings = [(kind, registry.list(kind)) for kind in kinds]
        state = {(kind, one["metadata"]["name"]): one for kind, listing in listings for one in listing.items}
        versions: list[int] = []
        with registry.watch(listings[0][1].resource_version, kinds=kinds) as watch:
            for operation in operations[half:]:
                carry_out(registry, *operation)
                if operation[0] == "read":
                    versions += applied(state, watch)
            versions += applied(state, watch)
            assert watch.next(0) == []
    assert versions == sorted(set(versions))
    assert state == {(kind, one["metadata"]["name"]): one for kind in kinds for one in registry.list(kind).items}
    for kind in kinds:
        for one in registry.list(kind).items:
            registry.delete(kind, "default", one["metadata"]["name"])


@settings(max_examples=60, deadline=None)
@given(OPERATIONS)
def test_a_list_and_a_watch_come_to_what_there_is_in_memory(operations: list[tuple[str, str, int]]) -> None:
    mirrored(MemoryRegistry(), operations)


def test_a_list_and_a_watch_come_to_what_there_is(registry: Registry) -> None:
    @settings(max_examples=25, deadline=None)
    @given(OPERATIONS)
    def run(operations: list[tuple[str, str, int]]) -> None:
        mirrored(registry, operations)

    run()


def test_writers_in_threads_and_a_reader_agree(registry: Registry) -> None:
    """Four write at the same time, one watches meanwhile: it ends with what there is."""
    state: dict[tuple[str, str], Object] = {}
    with registry.watch(str(registry.version()), kinds=["Pod"]) as watch:

        def work(me: int) -> None:
            for number in range(20):
                registry.create(pod(f"p{me}", f"u{me}-{number}"))
                registry.publish_status(f"u{me}-{number}", PodStatus(message=str(number)))
                if number % 3:
                    registry.delete("Pod", "default", f"p{me}")
                else:
                    registry.update(pod(f"p{me}", f"u{me}-{number}", n=number))
                    registry.delete("Pod", "default", f"p{me}")
            registry.create(pod(f"p{me}", f"last{me}"))

        threads = [in_thread(lambda me=me: work(me)) for me in range(4)]  # type: ignore[misc]
        versions: list[int] = []
        while any(thread.is_alive() for thread in threads):
            versions += applied(state, watch)
        versions += applied(state, watch)
    assert versions == sorted(set(versions))
    assert sorted(value["metadata"]["uid"] for value in state.values()) == [f"last{me}" for me in range(4)]
    assert version_of(registry, name="p0") == int(state["Pod", "p0"]["metadata"]["resourceVersion"])
