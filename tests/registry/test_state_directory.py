"""What only the registry in a file can get wrong: old files, other processes, locks, sockets, and how much it keeps."""

from __future__ import annotations

import os
import shutil
import sqlite3
import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, closing
from datetime import timedelta
from pathlib import Path
from typing import TypeVar

import pytest

from runner.core.status.podstatus import PodStatus
from runner.errors import StoreError
from runner.registry.contract import TOMBSTONE_SECONDS, Expired, Watch
from runner.registry.home import Home
from runner.registry.sqlite import SqliteRegistry, database, repair
from runner.registry.sqlite.database import processes_with
from runner.registry.sqlite.doorbell import Bell
from runner.registry.sqlite.schema import MIGRATIONS
from runner.registry.sqlite.watching import LogWatch
from tests.registry.conftest import StoppedClock
from tests.registry.support import NOW, event, pod, thing, told

OLD = Path(__file__).parents[2] / "fixtures" / "state-1"
"""A state directory that a version with schema 1 has left, made on a real Engine: three pods, a Job, and what they used."""
KEPT = "5a68b2ba-9caa-48aa-997d-af11a323ce8a"
LEFT = "11111111-2222-3333-4444-555555555555"
A_WHILE = 20.0
T = TypeVar("T")


@pytest.fixture
def old_home(tmp_path: Path) -> Home:
    return Home(Path(shutil.copytree(OLD, tmp_path / "old")))


def made_before(home: Home) -> SqliteRegistry:
    """The registry at the time when the old state directory was made: its events are not too old."""
    made = NOW.replace(year=2026, month=11, day=30, hour=3, minute=13)
    return SqliteRegistry(home, clock=StoppedClock(made))


def test_an_old_state_directory_is_migrated_with_everything_in_it(old_home: Home) -> None:
    registry = made_before(old_home)
    pods = {one["metadata"]["name"]: one for one in registry.list("Pod").items}
    assert set(pods) == {"kept", "left", "once-zv48t"}
    kept = pods["kept"]
    assert (kept["status"]["phase"], kept["status"]["containerStatuses"][0]["restartCount"]) == ("Succeeded", 1)
    assert (kept["apiVersion"], kept["kind"], kept["metadata"]["labels"]) == ("v1", "Pod", {"app": "old"})
    assert registry.get_by_uid(KEPT) == kept
    assert registry.ledger.kept() == {KEPT, pods["once-zv48t"]["metadata"]["uid"]}
    assert registry.ledger.attempts(LEFT) == {"main": 4, "POD": 1}
    assert registry.ledger.attempts(KEPT) == {"POD": 0, "first": 0, "main": 1}
    assert registry.ledger.holder(LEFT).startswith("ad5a3d0380de:7044:")
    assert registry.ledger.holder(KEPT).endswith("/keep")
    assert len(registry.list("Event").items) == 13
    events = registry.list("Event", about=KEPT).items
    assert [one["reason"] for one in events][:2] == ["Scheduled", "Pulled"]
    for kind, name in (("ConfigMap", "settings"), ("Secret", "password"), ("Service", "web"), ("Job", "once")):
        (found,) = [one for one in registry.list(kind, "default").items if one["metadata"]["name"] == name]
        assert registry.get_by_uid(found["metadata"]["uid"]) == found
    assert registry.list("PersistentVolumeClaim").items[0]["status"]["phase"] == "Bound"
    job = registry.get("Job", "default", "once")
    assert job is not None
    assert job["status"]["succeeded"] == 1
    secret = registry.get("Secret", "default", "password")
    assert secret is not None
    assert set(secret["data"]) == {"key"}
    registry.close()


def test_a_migrated_registry_is_written_to_and_watched_like_a_new_one(old_home: Home) -> None:
    registry = made_before(old_home)
    before = registry.version()
    assert before == 54, "versions go on from where they were"
    with registry.watch(str(before)) as watch:
        registry.publish_status(LEFT, PodStatus(message="seen"))
        registry.delete("Job", "default", "once")
        assert told(watch.next(0)) == ["MODIFIED Pod shop/left", "DELETED Job default/once"]
    with pytest.raises(Expired, match=r"^too old resource version: 53 \(54\)$"), registry.watch("53") as late:
        late.next(0)
    registry.close()
    with closing(sqlite3.connect(old_home.database)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (len(MIGRATIONS),)
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    assert not tables & {"pods", "events", "objects", "created"}


def test_processes_that_migrate_at_once_migrate_once(old_home: Home) -> None:
    code = (
        "import sys; from pathlib import Path; from runner.registry.home import Home;"
        "from runner.registry.sqlite import SqliteRegistry as R;"
        "r = R(Home(Path(sys.argv[1]))); print(len(r.list('Pod').items), r.version()); r.close()"
    )
    command = [sys.executable, "-c", code, str(old_home.path)]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(4)]
    assert [process.communicate(timeout=60) for process in processes] == [("3 54\n", "")] * 4


HOLDER = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1])
connection.execute("SELECT count(*) FROM pods").fetchone()
print("open", flush=True)
sys.stdin.readline()
"""


def test_who_keeps_a_state_directory_from_being_migrated_is_named(
    old_home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An earlier version takes no lock, but has the file open: its tables are not taken from under it."""
    monkeypatch.setattr(database, "OPEN_SECONDS", 0.2)
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(old_home.database)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "open\n"
    registry = SqliteRegistry(old_home)
    with pytest.raises(StoreError) as caught:
        registry.version()
    assert f"process {holder.pid} (" in str(caught.value)
    assert str(old_home.path) in str(caught.value)
    assert "end that first" in caught.value.hint
    holder.communicate("go on\n", timeout=60)
    assert registry.version() == 54
    registry.close()


def test_whoever_has_it_open_shares_a_lock_until_it_is_closed(tmp_path: Path) -> None:
    import fcntl

    home = Home(tmp_path)
    first, second = SqliteRegistry(home), SqliteRegistry(home)
    first.version()
    second.version()
    with home.state_lock.open() as file:
        with pytest.raises(BlockingIOError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        first.close()
        with pytest.raises(BlockingIOError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        second.close()
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_a_damaged_old_database_is_saved_and_migrated(old_home: Home) -> None:
    with closing(sqlite3.connect(old_home.database)) as connection:
        connection.execute("UPDATE pods SET value = '{' WHERE name = 'once-zv48t'")
        connection.commit()
    found = repair.repair(old_home, StoppedClock())
    assert found is not None
    assert (found.lost, found.kept) == (1, 28)
    registry = made_before(old_home)
    assert [one["metadata"]["name"] for one in registry.list("Pod").items] == ["kept", "left"]
    assert registry.ledger.kept() == {KEPT}
    assert len(registry.list("Event").items) == 13
    assert repair.repair(old_home, StoppedClock()) is None
    registry.close()


def test_processes_with_a_file_open_are_found(tmp_path: Path) -> None:
    proc, wanted = tmp_path / "proc", tmp_path / "state.db"
    for pid, target in (("12", wanted), ("7", tmp_path / "other"), (str(os.getpid()), wanted)):
        (proc / pid / "fd").mkdir(parents=True)
        (proc / pid / "fd" / "3").symlink_to(target)
        (proc / pid / "fd" / "4").write_text("")
        (proc / pid / "cmdline").write_bytes(b"podrunner\0run\0")
    (proc / "99").mkdir()
    assert processes_with(wanted, proc) == [(12, "podrunner run")]


def test_another_process_that_writes_for_long_is_waited_for(tmp_path: Path) -> None:
    registry = SqliteRegistry(Home(tmp_path))
    registry.create(pod())
    other = sqlite3.connect(Home(tmp_path).database, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    # Longer than SQLite itself is told to wait.
    timer = threading.Timer(1.5, lambda: other.execute("ROLLBACK"))
    timer.start()
    registry.publish_status("uid-default-web", PodStatus(message="at last"))
    timer.join()
    other.close()
    found = registry.get("Pod", "default", "web")
    assert found is not None
    assert found["status"]["message"] == "at last"
    registry.close()


class _Interrupted(database.Database):
    """One in which Ctrl-C comes right after a transaction has begun."""

    has_come = False

    def _patiently(self, call: Callable[[], T]) -> T:
        done = super()._patiently(call)
        if not self.has_come:
            self.has_come = True
            raise KeyboardInterrupt
        return done


@pytest.mark.parametrize("begin", [database.Database.writing, database.Database.reading])
def test_an_interrupt_leaves_no_transaction_open(
    tmp_path: Path, begin: Callable[[database.Database], AbstractContextManager[None]]
) -> None:
    """The next call of the process is the deletion of its pods."""
    home = Home(tmp_path / "home")
    with closing(SqliteRegistry(home)) as registry, closing(_Interrupted(home)) as opened:
        with pytest.raises(KeyboardInterrupt), begin(opened):
            pass
        before = registry.version()
        with opened.writing():
            opened.execute("UPDATE revision SET value = value + 1")
        assert registry.version() == before + 1


def test_another_process_that_writes_for_ever_is_told_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "BUSY_SECONDS", 0.1)
    registry = SqliteRegistry(Home(tmp_path))
    registry.create(pod())
    with closing(sqlite3.connect(Home(tmp_path).database, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match="database is locked") as caught:
            registry.delete("Pod", "default", "web")
        assert caught.value.recoverable
        assert "another podrunner is writing" in caught.value.hint
        assert registry.get("Pod", "default", "web") is not None, "a reader does not wait"
    registry.close()


def test_the_log_goes_back_five_minutes_and_not_for_ever(tmp_path: Path) -> None:
    clock = StoppedClock()
    registry = SqliteRegistry(Home(tmp_path), clock=clock)
    registry.create(pod("gone"))
    registry.delete("Pod", "default", "gone")
    clock.shown = NOW + timedelta(seconds=TOMBSTONE_SECONDS - 1)
    registry.create(pod("late"))
    with registry.watch("1", kinds=["Pod"]) as watch:
        assert told(watch.next(0)) == ["DELETED Pod default/gone", "ADDED Pod default/late"]
    clock.shown = NOW + timedelta(seconds=TOMBSTONE_SECONDS + 61)
    registry.create(pod("later"))
    with pytest.raises(Expired, match=r"^too old resource version: 1 \(2\)$"), registry.watch("1") as watch:
        watch.next(0)
    with registry.watch("2", kinds=["Pod"]) as watch:
        assert told(watch.next(0)) == ["ADDED Pod default/late", "ADDED Pod default/later"]
    registry.close()


def test_old_events_go_from_the_file_and_their_watchers_hear_of_it(tmp_path: Path) -> None:
    clock = StoppedClock()
    registry = SqliteRegistry(Home(tmp_path), clock=clock)
    registry.record_event(event("a"))
    with registry.watch(str(registry.version()), kinds=["Event"]) as watch:
        clock.shown = NOW + timedelta(hours=2)
        registry.record_event(event("b", at=clock.shown))
        assert told(watch.next(0)) == ["DELETED Event default/a", "ADDED Event default/b"]
    registry.close()


def test_no_file_has_the_data_of_a_secret_that_is_gone(tmp_path: Path) -> None:
    registry = SqliteRegistry(Home(tmp_path))
    registry.create(thing("Secret", "s", data={"k": "VmVyeVNlY3JldA=="}))
    registry.change("Secret", "default", "s", lambda old: {**(old or {}), "type": "other"})
    registry.delete("Secret", "default", "s")
    registry.close()
    content = b"".join(path.read_bytes() for path in tmp_path.glob("state.db*"))
    assert b"VmVyeVNlY3JldA" not in content


WRITER = """
import sys
from pathlib import Path
from runner.registry.home import Home
from runner.registry.sqlite import SqliteRegistry

registry = SqliteRegistry(Home(Path(sys.argv[1])))
print("ready", flush=True)
for line in sys.stdin:
    kind, name = line.split()
    registry.create({"kind": kind, "metadata": {"name": name}})
    print("done", flush=True)
registry.close()
"""


def hung(watch: Watch) -> Bell:
    """The bell of a watch, which is made when it waits for the first time."""
    assert isinstance(watch, LogWatch)
    while watch.bell is None:
        assert watch.next(0.05) == []
    return watch.bell


def long_path(tmp_path: Path) -> Path:
    return tmp_path / ("d" * 60) / ("e" * 60)


def short_path(tmp_path: Path) -> Path:
    return tmp_path


@pytest.mark.parametrize("place", [short_path, long_path])
def test_a_write_of_another_process_rings_the_bells_that_it_concerns_and_no_other(
    tmp_path: Path, place: object
) -> None:
    assert callable(place)
    home = Home(place(tmp_path))
    registry = SqliteRegistry(home)
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(home.path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert writer.stdin is not None
    assert writer.stdout is not None
    assert writer.stdout.readline() == "ready\n"
    since = str(registry.version())
    with registry.watch(since, kinds=["Pod"]) as pods, registry.watch(since, kinds=["ConfigMap"]) as maps:
        bells = [hung(watch) for watch in (pods, maps)]
        writer.stdin.write("ConfigMap one\n")
        writer.stdin.flush()
        assert writer.stdout.readline() == "done\n"
        assert [bell.wait(0.0) for bell in bells] == [False, True]
        assert told(maps.next(0)) == ["ADDED ConfigMap default/one"]
        assert pods.next(0) == []
    writer.communicate("", timeout=60)
    registry.close()
    assert list(home.bells.iterdir()) == []


def test_the_bell_of_a_process_that_was_killed_is_taken_down(tmp_path: Path) -> None:
    home = Home(tmp_path)
    code = (
        "import os, sys; from pathlib import Path; from runner.registry.home import Home;"
        "from runner.registry.sqlite import SqliteRegistry as R;"
        "w = R(Home(Path(sys.argv[1]))).watch('0'); [w.next(0.2) for _ in iter(lambda: w.bell is None, False)]; os._exit(9)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False, capture_output=True)
    assert (done.returncode, done.stderr) == (9, b"")
    assert len(list(home.bells.iterdir())) == 1
    registry = SqliteRegistry(home)
    registry.create(pod())
    assert list(home.bells.iterdir()) == []
    assert registry.database.read("SELECT count(*) FROM watchers") == [(0,)]
    registry.close()


def test_without_sockets_a_write_is_seen_within_a_moment(tmp_path: Path) -> None:
    home = Home(tmp_path)
    reader, writer = SqliteRegistry(home), SqliteRegistry(home)
    home.ensure()
    home.bells.write_text("no directory")
    with reader.watch("0", kinds=["Pod"]) as watch:
        assert watch.next(0.01) == []
        thread = threading.Thread(target=lambda: writer.create(pod()))
        thread.start()
        assert told(watch.next(A_WHILE)) == ["ADDED Pod default/web"]
        thread.join()
    reader.close()
    writer.close()


def test_closing_the_registry_ends_its_watches_and_opens_nothing_again(tmp_path: Path) -> None:
    registry = SqliteRegistry(Home(tmp_path))
    plain, calling = registry.watch("0"), registry.watch("0", wake=lambda: None)
    registry.close()
    assert plain.next(A_WHILE) == calling.next(A_WHILE) == []
    assert registry.database.seen is not None
    assert not [path for path in tmp_path.iterdir() if path.name.endswith("-wal")]


def test_the_new_files_are_for_their_user_alone(tmp_path: Path) -> None:
    home = Home(tmp_path)
    registry = SqliteRegistry(home)
    with registry.watch("0") as watch:
        watch.next(0.01)
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (home.state_lock, home.bells, home.database)}
    assert modes == {"state.lock": 0o600, "bells": 0o700, "state.db": 0o600}
    registry.close()


def test_an_idle_watch_costs_no_time(tmp_path: Path) -> None:
    registry = SqliteRegistry(Home(tmp_path))
    with registry.watch("0", kinds=["Pod"]) as watch:
        watch.next(0.01)
        before = os.times()
        assert watch.next(3.0) == []
        after = os.times()
    registry.close()
    assert after.user + after.system - before.user - before.system <= 0.03
