"""What nodes remember of objects: in the transaction that creates them, by compare-and-swap, as long as they exist."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from runner.registry.contract import AlreadyExists, Registry
from runner.registry.home import Home
from runner.registry.sqlite import SqliteRegistry
from tests.registry.support import pod, thing

RACES = 200


def test_holder_run_spec_and_lease_are_there_with_the_object(registry: Registry) -> None:
    ledger = registry.ledger
    made = registry.create(pod(), holder="node-1", run_spec='{"speed": 2}', lease="run-7")
    uid = made["metadata"]["uid"]
    assert (ledger.holder(uid), ledger.run_spec(uid), ledger.lease(uid)) == ("node-1", '{"speed": 2}', "run-7")
    assert ledger.holders() == {uid: "node-1"}
    assert ledger.leases() == {uid: "run-7"}
    assert "node-1" not in str(registry.get("Pod", "default", "web")), "nobody sees it through the verbs"


@pytest.mark.parametrize("kind", ["Pod", "Service", "Deployment"])
def test_whatever_a_node_runs_has_a_holder(registry: Registry, kind: str) -> None:
    uid = registry.create(thing(kind), holder="node-1")["metadata"]["uid"]
    assert registry.ledger.holder(uid) == "node-1"


def test_what_a_node_holds_and_no_node_has_begun_is_found_in_the_order_in_which_it_was_written(
    registry: Registry,
) -> None:
    for name in ("b", "a", "noted", "attempted", "published", "kept"):
        registry.create(pod(name, uid=name), holder="node-1")
    registry.create(thing("Service", "service"), holder="node-1")
    registry.create(pod("foreign", uid="foreign"), holder="node-2")
    registry.create(pod("alone", uid="alone"))
    registry.ledger.note("noted", "former holder", "node-0")
    registry.ledger.note_attempt("attempted", "POD", 0)
    registry.publish_status("published", {"phase": "Pending", "qosClass": "BestEffort"})
    registry.ledger.keep("kept")

    def found(holder: str, uid: str = "") -> list[str]:
        return [str(one["metadata"]["uid"]) for one in registry.unbegun(holder, uid)]

    assert found("node-1") == ["b", "a", "kept"]
    assert registry.unbegun("node-1", "a") == [registry.get_by_uid("a")]
    assert [found("node-1", uid) for uid in ("noted", "foreign", "nosuch")] == [[], [], []]
    assert (found("node-2"), found("node-3")) == (["foreign"], [])
    assert registry.ledger.take("foreign", "node-2", "node-1")
    assert found("node-1") == ["b", "a", "kept", "foreign"]


def test_a_creation_that_is_refused_leaves_nothing_in_the_ledger(registry: Registry) -> None:
    registry.create(pod(uid="first"))
    with pytest.raises(AlreadyExists):
        registry.create(pod(uid="second"), holder="node-1", lease="run-1")
    assert registry.ledger.holders() == {}
    assert registry.ledger.leases() == {}


def test_the_ledger_goes_with_the_object(registry: Registry) -> None:
    ledger = registry.ledger
    registry.create(pod(uid="u"), holder="node-1", run_spec="{}", lease="run")
    ledger.keep("u")
    ledger.note("u", "backoff", "[1]")
    ledger.note_attempt("u", "main", 3)
    registry.delete("Pod", "default", "web")
    registry.create(pod(uid="u"))
    found = (ledger.holder("u"), ledger.run_spec("u"), ledger.lease("u"), ledger.kept())
    assert found == ("", None, "", frozenset())
    assert (ledger.notes("u"), ledger.attempts("u")) == ({}, {})


def test_what_is_not_there_is_not_written_about(registry: Registry) -> None:
    ledger = registry.ledger
    ledger.keep("u")
    ledger.note("u", "backoff", "[1]")
    ledger.note_attempt("u", "main", 3)
    assert not ledger.take("u", "", "node-1")
    registry.create(pod(uid="u"))
    assert (ledger.kept(), ledger.notes("u"), ledger.attempts("u")) == (frozenset(), {}, {})
    assert ledger.holder("u") == ""


def test_notes_are_replaced_and_forgotten_by_name_and_the_highest_attempt_counts(registry: Registry) -> None:
    ledger = registry.ledger
    registry.create(pod(uid="u"))
    for text in ("1", "2"):
        ledger.note("u", "a", text)
    ledger.note("u", "b", "3")
    ledger.note("u", "b", None)
    for attempt in (0, 2, 1):
        ledger.note_attempt("u", "main", attempt)
    assert ledger.notes("u") == {"a": "2"}
    assert ledger.attempts("u") == {"main": 2}


def test_only_who_names_the_present_holder_takes(registry: Registry) -> None:
    ledger = registry.ledger
    registry.create(pod(uid="u"), holder="dead")
    assert not ledger.take("u", "", "me")
    assert not ledger.take("u", "another", "me")
    assert ledger.take("u", "dead", "me")
    assert ledger.holder("u") == "me"
    assert ledger.take("u", "me", "")
    assert ledger.holders() == {}
    assert ledger.take("u", "", "again")


def test_what_was_created_without_a_holder_can_be_taken(registry: Registry) -> None:
    uid = registry.create(thing("Service", "s"))["metadata"]["uid"]
    assert registry.ledger.take(uid, "", "node-1")
    assert registry.ledger.holder(uid) == "node-1"


def test_a_ledger_write_is_no_change_of_the_object(registry: Registry) -> None:
    made = registry.create(pod(uid="u"), holder="a")
    registry.ledger.keep("u")
    registry.ledger.note("u", "x", "y")
    registry.ledger.note_attempt("u", "main", 1)
    assert registry.version() == int(made["metadata"]["resourceVersion"])
    registry.ledger.take("u", "a", "b")
    assert registry.get_by_uid("u") == made


def test_two_threads_that_race_for_a_dead_nodes_pods_take_each_once(registry: Registry) -> None:
    for number in range(RACES):
        registry.create(pod(f"p{number}", f"u{number}"), holder="dead")
    taken: dict[str, list[str]] = {"a": [], "b": []}
    start = threading.Barrier(2)

    def work(me: str) -> None:
        start.wait()
        for number in range(RACES):
            if registry.ledger.take(f"u{number}", "dead", me):
                taken[me].append(f"u{number}")

    threads = [threading.Thread(target=work, args=(me,)) for me in taken]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(taken["a"] + taken["b"]) == sorted(f"u{number}" for number in range(RACES))
    assert dict(registry.ledger.holders()) == {uid: me for me, uids in taken.items() for uid in uids}


TAKER = """
import sys
from pathlib import Path
from runner.registry.home import Home
from runner.registry.sqlite import SqliteRegistry

registry, me = SqliteRegistry(Home(Path(sys.argv[1]))), sys.argv[2]
registry.version()
print("ready", flush=True)
sys.stdin.readline()
print(*[n for n in range(int(sys.argv[3])) if registry.ledger.take(f"u{n}", "dead", me)])
registry.close()
"""


def test_processes_that_race_for_a_dead_nodes_pods_take_each_once(tmp_path: Path) -> None:
    registry = SqliteRegistry(Home(tmp_path))
    for number in range(RACES):
        registry.create(pod(f"p{number}", f"u{number}"), holder="dead")
    takers = [
        subprocess.Popen(
            [sys.executable, "-c", TAKER, str(tmp_path), me, str(RACES)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for me in ("a", "b", "c")
    ]
    for taker in takers:
        assert taker.stdout is not None
        assert taker.stdout.readline() == "ready\n"
    for taker in takers:
        assert taker.stdin is not None
        taker.stdin.write("go\n")
        taker.stdin.flush()
    told = [taker.communicate(timeout=60) for taker in takers]
    assert [error for _, error in told] == [""] * 3
    numbers = [int(number) for text, _ in told for number in text.split()]
    assert sorted(numbers) == list(range(RACES))
    assert set(registry.ledger.holders().values()) <= {"a", "b", "c"}
    registry.close()
