"""What only the store in a file can get wrong: other processes, other versions, damaged files."""

from __future__ import annotations

import sqlite3
import stat
import subprocess
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest

from runner.clock import VirtualClock
from runner.core.status.podstatus import PodStatus
from runner.core.text.times import format_time
from runner.errors import StoreError
from runner.registry.contract import EVENT_LIFETIME, put
from runner.registry.home import Home
from runner.registry.sqlite import SqliteRegistry
from runner.registry.sqlite.schema import MIGRATIONS

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)

PUBLISHER = """
import sys
from pathlib import Path
from runner.core.status.podstatus import PodStatus
from runner.registry.home import Home
from runner.registry.sqlite import SqliteRegistry

store, uid = SqliteRegistry(Home(Path(sys.argv[1]))), sys.argv[2]
store.create({"kind": "Pod", "metadata": {"name": uid, "uid": uid}, "spec": {}})
for count in range(int(sys.argv[3])):
    store.publish_status(uid, PodStatus(message=str(count)))
store.close()
"""


def publisher(home: Home, uid: str, count: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", PUBLISHER, str(home.path), uid, str(count)], stderr=subprocess.PIPE)


def test_a_store_that_nobody_asks_makes_no_file(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    SqliteRegistry(home).close()
    assert not home.path.exists()


def test_what_was_written_survives_closing(tmp_path: Path) -> None:
    store = SqliteRegistry(Home(tmp_path))
    store.create({"kind": "Pod", "metadata": {"name": "web", "uid": "u1"}, "spec": {}}, holder="o")
    version = store.version()
    store.close()
    again = SqliteRegistry(Home(tmp_path))
    assert again.ledger.holder("u1") == "o"
    assert again.version() == version
    again.close()


def test_processes_that_start_at_once_on_a_new_file_all_succeed(tmp_path: Path) -> None:
    """Creation, the switch to write-ahead logging and the writes of several processes do not lose anything."""
    home = Home(tmp_path / "home")
    processes = [publisher(home, f"u{number}", 50) for number in range(4)]
    assert [(process.communicate()[1], process.returncode) for process in processes] == [(b"", 0)] * 4
    store = SqliteRegistry(home)
    assert [pod["status"] for pod in store.list("Pod").items] == [{"phase": "Pending", "message": "49"}] * 4
    assert store.version() == 4 * 51
    store.close()


def test_another_process_write_is_seen_and_changes_the_version(tmp_path: Path) -> None:
    home = Home(tmp_path)
    store = SqliteRegistry(home)
    before = store.version()
    process = publisher(home, "u1", 1)
    assert process.communicate()[1] == b""
    assert store.version() > before
    assert [pod["status"] for pod in store.list("Pod").items] == [{"phase": "Pending", "message": "0"}]
    store.close()


def test_a_reader_is_not_held_up_by_a_transaction_of_another_connection(tmp_path: Path) -> None:
    store = SqliteRegistry(Home(tmp_path))
    put(store, {"kind": "Secret", "metadata": {"name": "s"}})
    writer = sqlite3.connect(Home(tmp_path).database, isolation_level=None)
    writer.execute("BEGIN IMMEDIATE")
    writer.execute("DELETE FROM records")
    assert store.get("Secret", "default", "s") is not None
    writer.execute("ROLLBACK")
    writer.close()
    store.close()


def test_threads_share_one_store(tmp_path: Path) -> None:
    store = SqliteRegistry(Home(tmp_path))

    def work(number: int) -> None:
        store.create({"kind": "Pod", "metadata": {"name": f"p{number}", "uid": f"u{number}"}, "spec": {}})
        for count in range(20):
            store.publish_status(f"u{number}", PodStatus(message=str(count)))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [pod["status"] for pod in store.list("Pod").items] == [{"phase": "Pending", "message": "19"}] * 4
    store.close()


def test_old_events_are_deleted_from_the_file(tmp_path: Path) -> None:
    clock = VirtualClock(NOW)
    store = SqliteRegistry(Home(tmp_path), clock=clock)
    for name in ("a", "b"):
        store.record_event({"metadata": {"name": name}, "lastTimestamp": format_time(clock.now())})
        clock.sleep(2 * EVENT_LIFETIME)
    store.close()
    with sqlite3.connect(Home(tmp_path).database) as connection:
        assert connection.execute("SELECT name FROM records").fetchall() == [("b",)]
    connection.close()


def test_a_file_that_is_no_database_is_told_with_a_hint(tmp_path: Path) -> None:
    Home(tmp_path).database.write_bytes(b"this is not a database" * 100)
    with pytest.raises(StoreError, match=r"cannot use the state database .*file is not a database") as caught:
        SqliteRegistry(Home(tmp_path)).list("Pod")
    assert "podrunner gc sets it aside" in caught.value.hint


def test_a_file_with_damaged_pages_is_told_with_a_hint(tmp_path: Path) -> None:
    store = SqliteRegistry(Home(tmp_path))
    store.create({"kind": "Pod", "metadata": {"name": "web", "uid": "u1"}, "spec": {"padding": "x" * 50_000}})
    store.close()
    database = Home(tmp_path).database
    content = database.read_bytes()
    database.write_bytes(content[:4096] + b"\xff" * (len(content) - 4096))
    store = SqliteRegistry(Home(tmp_path))
    with pytest.raises(StoreError, match="cannot use the state database") as caught:
        store.list("Pod")
    store.close()
    assert "podrunner gc sets it aside" in caught.value.hint


def test_a_record_that_is_no_json_is_told(tmp_path: Path) -> None:
    store = SqliteRegistry(Home(tmp_path))
    store.create({"kind": "Pod", "metadata": {"name": "web", "uid": "u1"}, "spec": {}})
    with sqlite3.connect(Home(tmp_path).database) as connection:
        connection.execute("UPDATE records SET value = '{'")
    connection.close()
    with pytest.raises(StoreError, match="damaged record"):
        store.list("Pod")
    store.close()


def test_a_file_of_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    store = SqliteRegistry(Home(tmp_path))
    store.list("Pod")
    store.close()
    with sqlite3.connect(Home(tmp_path).database) as connection:
        connection.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    connection.close()
    with pytest.raises(StoreError, match="written by a newer podrunner"):
        SqliteRegistry(Home(tmp_path)).list("Pod")


def test_a_state_directory_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot make the state directory"):
        SqliteRegistry(Home(tmp_path / "file")).list("Pod")


def test_a_directory_in_the_place_of_the_file_is_told_and_left_as_it_is(tmp_path: Path) -> None:
    Home(tmp_path).database.mkdir(mode=0o755)
    with pytest.raises(StoreError, match="unable to open database file"):
        SqliteRegistry(Home(tmp_path)).list("Pod")
    assert stat.S_IMODE(Home(tmp_path).database.stat().st_mode) == 0o755


def test_the_files_are_for_their_user_alone_also_those_of_an_earlier_version(tmp_path: Path) -> None:
    Home(tmp_path).database.touch(0o644)
    store = SqliteRegistry(Home(tmp_path))
    store.list("Pod")
    found = [path for path in tmp_path.iterdir() if path.name.startswith("state.db")]
    assert {stat.S_IMODE(path.stat().st_mode) for path in found} == {0o600}
    store.close()
