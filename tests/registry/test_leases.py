"""What a run writes lives as long as the run, and no longer than its process."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from runner.core.fates import Fate, Lease
from runner.core.labels import OWNER
from runner.core.manifest import LoadedObject, Source, load
from runner.registry.contract import Registry, put
from runner.registry.fates import Fates
from runner.registry.holders import SoleHolder, take
from runner.registry.home import Home
from runner.registry.leases import lease_state, living, new_lease
from runner.registry.namespaces import own_namespace, ownerless_namespaces
from runner.registry.objects import apply_object, put_leased, remove_leased, remove_orphans
from runner.registry.ownership import host_id
from tests.registry.support import NOW, pod, thing

DEAD = f"{host_id()}:{2**22 + 1}:never@1234#1"
ELSEWHERE = "ffffffffffff:1:1@1234#1"
ME = SoleHolder("me")


@pytest.fixture
def mine(tmp_path: Path) -> str:
    return new_lease(Home(tmp_path))


def config(**data: str) -> dict[str, Any]:
    return thing("ConfigMap", "settings", data=data)


def loaded() -> list[LoadedObject]:
    text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\n"
    return list(load([Source(name="m", text=text)]).objects)


def names(registry: Registry, kind: str = "ConfigMap") -> list[str]:
    return [one["metadata"]["name"] for one in registry.list(kind).items]


def test_each_run_of_a_process_has_a_lease_of_its_own_which_dies_with_the_process(tmp_path: Path, mine: str) -> None:
    assert new_lease(Home(tmp_path)) != mine
    states = [lease_state(lease) for lease in (mine, DEAD, ELSEWHERE, "")]
    assert states == [Lease.ALIVE, Lease.DEAD, Lease.ALIVE, Lease.NONE]
    assert lease_state(ELSEWHERE, Lease.DEAD) is Lease.DEAD


def test_what_a_run_writes_goes_with_it_and_shows_nothing_of_that(registry: Registry, mine: str) -> None:
    put_leased(registry, config(k="1"), NOW, lease=mine)
    found = registry.get("ConfigMap", "default", "settings")
    assert found is not None
    assert "annotations" not in found["metadata"]
    assert registry.ledger.lease(found["metadata"]["uid"]) == mine
    remove_orphans(registry, ME.is_alive)
    assert names(registry) == ["settings"]
    remove_leased(registry, loaded(), mine)
    assert names(registry) == []


def test_a_service_is_held_by_the_runs_node_from_the_beginning(registry: Registry, mine: str) -> None:
    put_leased(registry, thing("Service", "web", spec={"ports": [{"port": 80}]}), NOW, lease=mine, holder="me")
    (uid,) = registry.ledger.holders()
    assert (registry.ledger.holder(uid), registry.ledger.lease(uid)) == ("me", mine)


def test_what_another_run_has_written_meanwhile_is_that_ones(registry: Registry, tmp_path: Path, mine: str) -> None:
    other = new_lease(Home(tmp_path))
    put_leased(registry, config(k="1"), NOW, lease=mine)
    put_leased(registry, config(k="1"), NOW, lease=other)
    remove_leased(registry, loaded(), mine)
    assert names(registry) == ["settings"]
    remove_leased(registry, loaded(), other)
    assert names(registry) == []


def test_what_a_run_that_is_over_could_not_remove_is_swept_though_its_process_lives(registry: Registry) -> None:
    over, other = (new_lease(Home(Path("/nowhere"))) for _ in range(2))
    for name, lease in (("over", over), ("other", other)):
        registry.create(thing("ConfigMap", name), lease=lease)
        registry.create(pod(name, uid=name), holder="closed", lease=lease)
    with living(over):
        assert lease_state(over) is Lease.ALIVE
    fates = Fates(registry, ME.is_alive)
    assert [fates.of(value) for value in registry.list("Pod").items] == [Fate.WAITS, Fate.GOES]
    remove_orphans(registry, ME.is_alive)
    assert [one["metadata"]["name"] for one in registry.list("ConfigMap").items] == ["other"]


@pytest.mark.parametrize("lease", ["", DEAD], ids=["stays", "a dead run's"])
def test_what_was_to_stay_is_changed_and_stays(registry: Registry, mine: str, lease: str) -> None:
    uid = registry.create(config(k="1"), lease=lease)["metadata"]["uid"]
    put_leased(registry, config(k="2"), NOW, lease=mine)
    found = registry.get_by_uid(uid)
    assert found is not None
    assert found["data"] == {"k": "2"}
    remove_leased(registry, loaded(), mine)
    assert names(registry) == ([] if lease else ["settings"])


def test_what_is_applied_stays_from_then_on(registry: Registry, mine: str) -> None:
    put_leased(registry, config(k="1"), NOW, lease=DEAD)
    assert apply_object(registry, config(k="1"), NOW) == "unchanged"
    remove_orphans(registry, ME.is_alive)
    remove_leased(registry, loaded(), mine)
    assert names(registry) == ["settings"]


@pytest.mark.parametrize(
    ("lease", "annotation", "stays"),
    [
        (DEAD, "", False),
        (ELSEWHERE, "", True),
        ("", "", True),
        ("", DEAD.partition("#")[0], False),
        ("", ELSEWHERE.partition("#")[0], True),
    ],
    ids=["dead", "elsewhere", "nobody's", "dead, by an earlier version", "elsewhere, by an earlier version"],
)
def test_what_dead_runs_have_written_is_forgotten(registry: Registry, lease: str, annotation: str, stays: bool) -> None:
    value = config(k="1")
    if annotation:
        value["metadata"]["annotations"] = {OWNER: annotation}
    registry.create(value, lease=lease)
    remove_orphans(registry, ME.is_alive)
    assert names(registry) == (["settings"] if stays else [])


def test_an_orphan_that_somebody_writes_again_meanwhile_stays(
    registry: Registry, mine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_leased(registry, config(k="1"), NOW, lease=DEAD)

    def meanwhile(self: Fates, value: dict[str, Any]) -> str:
        before = original(self, value)
        put_leased(registry, config(k="1"), NOW, lease=mine)
        return before

    original = Fates.lease_id
    monkeypatch.setattr(Fates, "lease_id", meanwhile)
    remove_orphans(registry, ME.is_alive)
    assert names(registry) == ["settings"]


def test_a_namespace_goes_with_its_process(registry: Registry, mine: str) -> None:
    own_namespace(registry, "tests-1", mine)
    own_namespace(registry, "tests-2", DEAD)
    annotated = thing("Namespace", "tests-3")
    annotated["metadata"]["annotations"] = {OWNER: DEAD.partition("#")[0]}
    put(registry, annotated)
    assert sorted(ownerless_namespaces(registry, ME.is_alive)) == ["tests-2", "tests-3"]
    own_namespace(registry, "tests-2", mine)
    assert list(ownerless_namespaces(registry, ME.is_alive)) == ["tests-3"]


def test_what_an_earlier_version_has_left_is_judged_by_its_one_label(registry: Registry) -> None:
    label = DEAD.partition("#")[0]
    value = registry.create(pod(uid="u"), holder=label)
    fates = Fates(registry, lambda holder: holder == "sweeper")
    assert (fates.of(value), fates.lease_id(value)) == (Fate.GOES, label)
    assert take(registry, "u", label, "sweeper")
    assert Fates(registry, lambda holder: holder == "sweeper").of(value) is Fate.ENDS
    assert Fates(registry, lambda _: False).of(value) is Fate.GOES, "when the sweeper has died too"
    assert not take(registry, "u", label, "another")
