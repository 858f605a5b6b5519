"""A damaged state database: gc sets it aside and goes on, doctor tells of it, and nothing that can be read is lost."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from runner.api.facade import Runner
from runner.clock import VIRTUAL_START, VirtualClock
from runner.core.container.containerconfig import ContainerConfig
from runner.core.labels import MANAGED, OWNER, POD_NAME, POD_NAMESPACE, POD_UID
from runner.engine.simulated import SimulatedEngine
from runner.errors import StoreError
from runner.registry.contract import put
from runner.registry.home import Home
from runner.registry.ownership import home_id, host_id, owner_label
from runner.registry.sqlite import SqliteRegistry

SOUND, BAD = "11111111-sound", "22222222-bad"


def run_sql(home: Home, *statements: str) -> None:
    with closing(sqlite3.connect(home.database)) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.commit()


def row(column: str, value: str) -> Callable[[Home], None]:
    return lambda home: run_sql(home, f"UPDATE records SET {column} = {value} WHERE uid = '{BAD}'")


def garbage(home: Home) -> None:
    home.database.write_bytes(b"this is not a database" * 1000)


def cut(home: Home) -> None:
    content = home.database.read_bytes()
    home.database.write_bytes(content[:4096] + b"\xff" * (len(content) - 4096))


ROWS: list[tuple[str, Callable[[Home], None]]] = [
    ("a record that is no JSON", row("value", "'{'")),
    ("a record that is no object", row("value", "'[1]'")),
    ("a record without metadata", row("value", "'{}'")),
    ("a record of another pod", row("value", """'{"metadata": {"name": "x", "uid": "y"}}'""")),
    ("a record that is no text", row("value", "CAST(x'ff00fe' AS TEXT)")),
    ("a record that is a number", row("value", "7")),
]
FILES: list[tuple[str, Callable[[Home], None]]] = [
    ("no database", garbage),
    ("damaged pages", cut),
    ("an empty revision", lambda home: run_sql(home, "DELETE FROM revision")),
    ("a missing table", lambda home: run_sql(home, "DROP TABLE records")),
]


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A state directory with two pods, an event and a ConfigMap; the process that had the pods is dead."""
    made = Home(tmp_path)
    store = SqliteRegistry(made)
    dead = f"{host_id()}:999999999:never@{home_id(made)}"
    for uid in (SOUND, BAD):
        metadata = {"name": uid[9:], "uid": uid, "namespace": "default"}
        store.create({"kind": "Pod", "metadata": metadata, "spec": {"padding": "x" * 5000}}, holder=dead)
    store.ledger.keep(SOUND)
    put(store, {"kind": "ConfigMap", "metadata": {"name": "settings", "namespace": "default"}})
    store.record_event({"metadata": {"name": "event", "namespace": "default"}})
    store.close()
    return made


def engine_of(home: Home) -> SimulatedEngine:
    """Has a container of each pod, and one of a pod whose owner lives."""
    engine = SimulatedEngine(VirtualClock(VIRTUAL_START))
    engine.add_image("busybox:1.36")
    dead = f"{host_id()}:999999999:never@{home_id(home)}"
    for uid, owner in ((SOUND, dead), (BAD, dead), ("33333333-living", owner_label(home=home))):
        labels = {MANAGED: "1", OWNER: owner, POD_UID: uid, POD_NAME: uid[9:], POD_NAMESPACE: "default"}
        engine.create_container(ContainerConfig(name=uid, image="busybox:1.36", labels=labels))
    return engine


def names(engine: SimulatedEngine) -> set[str]:
    return {container.name for container in engine.list_containers({MANAGED: ""})}


def swept(home: Home, engine: SimulatedEngine, **how: Any) -> tuple[str, Runner]:
    runner = Runner(home=home, engine=engine)
    return runner.gc(everything=False, older_than=None, dry_run=False, **how).damage, runner


@pytest.mark.parametrize("damage", [one[1] for one in ROWS], ids=[one[0] for one in ROWS])
def test_a_damaged_record_goes_and_all_others_stay(home: Home, damage: Callable[[Home], None]) -> None:
    damage(home)
    engine = engine_of(home)
    sentence, runner = swept(home, engine)
    (aside,) = home.path.glob("state.db.damaged-*")
    assert str(aside) in sentence
    assert "\n" not in sentence
    assert [pod["metadata"]["name"] for pod in runner.store.list("Pod").items] == ["sound"]
    assert runner.store.ledger.kept() == {SOUND}
    assert runner.store.get("ConfigMap", "default", "settings") is not None
    assert names(engine) == {SOUND, "33333333-living"}
    again, later = swept(home, engine)
    assert again == "", "all is well the next time"
    later.release()
    assert oct(home.database.stat().st_mode & 0o777) == "0o600"
    runner.release()


@pytest.mark.parametrize("damage", [one[1] for one in FILES], ids=[one[0] for one in FILES])
def test_a_damaged_file_is_set_aside_and_what_its_containers_tell_is_swept(
    home: Home, damage: Callable[[Home], None]
) -> None:
    damage(home)
    engine = engine_of(home)
    sentence, runner = swept(home, engine)
    assert "the state database is damaged" in sentence
    assert BAD not in names(engine) or runner.store.get_by_uid(BAD) is not None
    assert "33333333-living" in names(engine)
    runner.store.create({"kind": "Pod", "metadata": {"name": "new", "uid": "new"}, "spec": {}})
    runner.release()


@pytest.mark.parametrize("damage", [one[1] for one in ROWS + FILES], ids=[one[0] for one in ROWS + FILES])
def test_looking_tells_of_the_damage_and_touches_nothing(home: Home, damage: Callable[[Home], None]) -> None:
    damage(home)
    before = home.database.read_bytes()
    engine = engine_of(home)
    with Runner(home=home, engine=engine) as runner:
        report = runner.gc(everything=False, older_than=None, dry_run=True)
        rows = dict(runner.doctor())
    assert "podrunner gc sets it aside" in report.damage
    assert "damaged" in rows["State database"]
    assert "Leftovers" in rows
    assert home.database.read_bytes() == before
    assert list(home.path.glob("state.db.damaged-*")) == []


@pytest.mark.parametrize("damage", [one[1] for one in ROWS + FILES], ids=[one[0] for one in ROWS + FILES])
def test_whoever_needs_the_damaged_part_is_told_what_helps(home: Home, damage: Callable[[Home], None]) -> None:
    damage(home)
    with Runner(home=home, engine=engine_of(home)) as runner:
        caught: StoreError | None = None
        try:
            runner.store.version()
            runner.store.list("Pod")
        except StoreError as error:
            caught = error
    assert caught is None or "podrunner gc sets it aside" in caught.hint


def test_a_database_of_a_later_version_is_not_damaged(home: Home) -> None:
    run_sql(home, "ALTER TABLE ledger RENAME COLUMN kept TO stays", "PRAGMA user_version = 99")
    with Runner(home=home, engine=engine_of(home)) as runner, pytest.raises(StoreError, match="newer"):
        runner.gc(everything=False, older_than=None, dry_run=False)
    assert list(home.path.glob("state.db.damaged-*")) == []
    with Runner(home=home, engine=engine_of(home)) as runner:
        assert "newer" in dict(runner.doctor())["State database"]
