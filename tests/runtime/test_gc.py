"""What a sweep takes and what it leaves."""

from __future__ import annotations

import os
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from runner.clock import SystemClock, VirtualClock
from runner.core.container.containerconfig import ContainerConfig
from runner.core.labels import MANAGED, OWNER, POD_NAMESPACE, POD_UID, VOLUME_KIND, claim_labels
from runner.engine.simulated import SimulatedEngine
from runner.errors import EngineConflict, EngineRefusal, EngineUnavailable, NotFound
from runner.janitor.gc import GcReport, sweep
from runner.janitor.images import sweep_images
from runner.registry.contract import put
from runner.registry.deletion import request_deletion
from runner.registry.history import RunDirectory, kept_runs
from runner.registry.holders import NodeInstance, take_over
from runner.registry.home import Home
from runner.registry.memory import MemoryRegistry
from runner.registry.ownership import home_id, owner_label
from runner.registry.pulllocks import held_alone
from tests.runtime.leftovers import ALIVE, DEAD, ELSEWHERE, LeftoverEngine, pod_labels


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


def record(store: MemoryRegistry, uid: str, owner: str, *, created: datetime | None = None) -> None:
    metadata = {"name": f"pod-{uid}", "namespace": "default", "uid": uid}
    if created is not None:
        metadata["creationTimestamp"] = created.isoformat()
    store.create({"kind": "Pod", "metadata": metadata, "spec": {}}, holder=owner)


def uids(store: MemoryRegistry) -> list[str]:
    return [pod["metadata"]["uid"] for pod in store.list("Pod").items]


def pod_parts(*uids: str) -> set[str]:
    return {f"{uid}-{part}" for uid in uids for part in ("sandbox", "main", "volume")}


def test_a_dead_owners_pod_goes_with_record_logs_and_lock(home: Home) -> None:
    engine, store = LeftoverEngine(), MemoryRegistry()
    engine.add_pod("u1", DEAD)
    record(store, "u1", DEAD)
    stale = home.ensure(home.locks) / "u1.lock"
    stale.touch()
    logs = home.ensure(home.pod_logs("default", "pod-u1", "u1") / "main")
    (logs / "0.log").touch()
    report = sweep(engine, store, home, SystemClock())
    assert report == GcReport(
        containers=("u1-main", "u1-sandbox"),
        volumes=("u1-volume",),
        pods=("default/pod-u1",),
        logs=(str(logs.parent),),
    )
    assert engine.left == set()
    assert uids(store) == []
    assert not logs.exists()
    assert not stale.exists()
    assert list(home.node_locks.iterdir()) == []


def test_the_containers_go_at_the_same_time_and_volumes_last(home: Home) -> None:
    engine = LeftoverEngine(removals=threading.Barrier(2, timeout=60))
    engine.add_pod("u1", DEAD)
    sweep(engine, MemoryRegistry(), home, SystemClock())
    *containers, volume = [call for call in engine.calls if call.startswith("remove")]
    assert sorted(containers) == ["remove_container u1-main", "remove_container u1-sandbox"]
    assert volume == "remove_volume u1-volume"


def test_what_pods_of_an_account_share_goes_when_its_maker_is_dead_and_nobody_has_it_mounted(home: Home) -> None:
    engine, mine = LeftoverEngine(), f"{DEAD}@{home_id(home)}"
    for name, owner in (("unused", mine), ("used", mine), ("alive", ALIVE), ("kept-elsewhere", f"{DEAD}@other/keep")):
        engine.add_volume(name, {MANAGED: "1", OWNER: owner, VOLUME_KIND: "access"})
    engine.failures["remove_volume used"] = [EngineConflict("in use")]
    assert sweep(engine, MemoryRegistry(), home, SystemClock(), dry_run=True).volumes == ("unused", "used")
    assert sweep(engine, MemoryRegistry(), home, SystemClock()).volumes == ("unused",)
    assert engine.left == {"used", "alive", "kept-elsewhere"}


@pytest.mark.parametrize("everything", [False, True])
def test_a_living_owners_pod_always_stays(home: Home, everything: bool) -> None:
    engine, store = LeftoverEngine(), MemoryRegistry()
    engine.add_pod("u1", ALIVE)
    record(store, "u1", ALIVE)
    assert sweep(engine, store, home, SystemClock(), everything=everything).is_empty
    assert engine.left == pod_parts("u1")
    assert uids(store) == ["u1"]


@pytest.mark.parametrize("everything", [False, True])
@pytest.mark.parametrize("dry_run", [False, True])
def test_a_pod_that_another_process_took_over_stays(home: Home, everything: bool, dry_run: bool) -> None:
    """Labels cannot change, so the maker is dead; the ledger tells of the new holder."""
    engine, store = LeftoverEngine(), MemoryRegistry()
    engine.add_pod("u1", DEAD)
    record(store, "u1", DEAD)
    with NodeInstance(home) as other:
        take_over(store, "u1", other.id, other.is_alive)
        assert sweep(engine, store, home, SystemClock(), everything=everything, dry_run=dry_run).is_empty
    assert engine.left == pod_parts("u1")
    assert uids(store) == ["u1"]


def test_a_pod_whose_record_has_a_living_owner_stays(home: Home) -> None:
    engine, store = LeftoverEngine(), MemoryRegistry()
    engine.add_pod("u1", DEAD)
    record(store, "u1", ALIVE)
    assert sweep(engine, store, home, SystemClock()).is_empty


@pytest.mark.parametrize("owner", [ELSEWHERE, "", "damaged"])
def test_a_pod_whose_owner_cannot_be_judged_goes_only_with_everything(home: Home, owner: str) -> None:
    engine = LeftoverEngine()
    engine.add_pod("u1", owner)
    assert sweep(engine, MemoryRegistry(), home, SystemClock()).is_empty
    assert engine.left == pod_parts("u1")
    sweep(engine, MemoryRegistry(), home, SystemClock(), everything=True)
    assert engine.left == set()


def test_a_kept_pod_goes_only_with_everything(home: Home) -> None:
    engine, store = LeftoverEngine(), MemoryRegistry()
    for uid in ("u1", "u2"):
        engine.add_pod(uid, DEAD)
        record(store, uid, DEAD)
    store.ledger.keep("u1")
    assert sweep(engine, store, home, SystemClock()).pods == ("default/pod-u2",)
    assert engine.left == pod_parts("u1")
    assert sweep(engine, store, home, SystemClock(), everything=True).pods == ("default/pod-u1",)
    assert engine.left == set()


def test_a_kept_pod_whose_deletion_was_cut_short_goes(home: Home) -> None:
    engine, store = LeftoverEngine(), MemoryRegistry()
    engine.add_pod("u1", DEAD)
    record(store, "u1", DEAD)
    store.ledger.keep("u1")
    request_deletion(store, "u1", SystemClock().now(), 30)
    assert sweep(engine, store, home, SystemClock()).pods == ("default/pod-u1",)


def test_a_claims_volume_goes_only_with_everything(home: Home) -> None:
    engine = LeftoverEngine()
    engine.add_claim("data")
    engine.add_volume("labelled", {**pod_labels("u1", DEAD), VOLUME_KIND: "pvc"})
    assert sweep(engine, MemoryRegistry(), home, SystemClock()).is_empty
    assert sweep(engine, MemoryRegistry(), home, SystemClock(), everything=True).volumes == ("data", "labelled")
    assert engine.left == set()


def test_a_claims_volume_that_a_living_pod_uses_stays(home: Home) -> None:
    engine = LeftoverEngine(failures={"remove_volume data": [EngineConflict("volume is in use")]})
    engine.add_claim("data")
    assert sweep(engine, MemoryRegistry(), home, SystemClock(), everything=True).is_empty
    assert engine.left == {"data"}


def test_strangers_may_be_left_to_an_explicit_collection(home: Home) -> None:
    engine, store = LeftoverEngine(), MemoryRegistry()
    engine.add_pod("u1", DEAD)
    engine.add_pod("u2", DEAD)
    record(store, "u2", DEAD)
    assert sweep(engine, store, home, SystemClock(), strangers=False).pods == ("default/pod-u2",)
    assert engine.left == pod_parts("u1")


def test_what_another_state_directory_may_have_kept_stays_and_what_a_killed_process_of_it_left_goes(home: Home) -> None:
    """Labels tell of both: a process that keeps nothing leaves nothing on purpose."""
    other = home_id(Home(home.path / "other"))
    engine = LeftoverEngine()
    engine.add_pod("kept", f"{DEAD}@{other}/keep")
    engine.add_pod("killed", f"{DEAD}@{other}")
    engine.add_pod("elsewhere", f"{ELSEWHERE}@{other}")
    engine.add_pod("alive", owner_label(home=Home(home.path / "other")))
    assert sweep(engine, MemoryRegistry(), home, SystemClock(), strangers=False).is_empty
    assert sweep(engine, MemoryRegistry(), home, SystemClock()).pods == ("default/pod-killed",)
    assert engine.left == pod_parts("kept", "elsewhere", "alive")
    assert sweep(engine, MemoryRegistry(), home, SystemClock(), everything=True).is_empty
    sweep(engine, MemoryRegistry(), home, SystemClock(), everything=True, other_homes=True)
    assert engine.left == pod_parts("alive")


def test_everything_of_this_state_directory_is_not_everything_of_the_others(home: Home) -> None:
    mine, other = home_id(home), home_id(Home(home.path / "other"))
    engine, store = LeftoverEngine(), MemoryRegistry()
    engine.add_pod("mine", f"{ELSEWHERE}@{mine}/keep")
    engine.add_pod("nobody", ELSEWHERE)
    engine.add_pod("theirs", f"{DEAD}@{other}/keep")
    engine.add_pod("known", f"{DEAD}@{other}/keep")
    record(store, "known", f"{DEAD}@{other}/keep")
    engine.add_volume("k8s_pvc_a_default", claim_labels("a", f"{DEAD}@{mine}"))
    engine.add_volume("k8s_pvc_b_default", claim_labels("b", f"{DEAD}@{other}/keep"))
    engine.add_volume("k8s_pvc_c_default", claim_labels("c", f"{DEAD}@{other}"))
    claim = {"kind": "PersistentVolumeClaim", "metadata": {"name": "c", "namespace": "default"}}
    put(store, {"apiVersion": "v1", **claim})
    engine.add_claim("nobodys")
    told = sweep(engine, store, home, SystemClock(), everything=True, dry_run=True)
    report = sweep(engine, store, home, SystemClock(), everything=True)
    assert (told.pods, told.volumes) == (report.pods, report.volumes)
    assert engine.left == pod_parts("theirs") | {"k8s_pvc_b_default"}
    sweep(engine, store, home, SystemClock(), everything=True, other_homes=True)
    assert engine.left == set()


def test_what_this_state_directory_was_to_keep_and_did_not_goes(home: Home) -> None:
    """Its process was killed before it could mark the pod as kept."""
    engine, store = LeftoverEngine(), MemoryRegistry()
    label = f"{DEAD}@{home_id(home)}/keep"
    engine.add_pod("u1", label)
    engine.add_pod("u2", label)
    record(store, "u2", label)
    assert sweep(engine, store, home, SystemClock()).pods == ("default/pod-u1", "default/pod-u2")


@pytest.mark.parametrize(
    ("owner_of_service", "owner_of_pod", "is_kept", "stays"),
    [
        ("", ALIVE, False, True),
        (ALIVE, ALIVE, False, True),
        ("", DEAD, False, False),
        ("", DEAD, True, False),
        (DEAD, ALIVE, False, False),
        (None, ALIVE, False, False),
    ],
    ids=["in use", "a living run's", "no pods", "only kept pods", "a dead run's", "no service"],
)
@pytest.mark.parametrize("everything", [False, True])
def test_the_proxy_of_a_service_that_living_pods_use_stays_for_them_to_take_over(
    owner_of_service: str | None, owner_of_pod: str, is_kept: bool, stays: bool, everything: bool, home: Home
) -> None:
    """A new one would have another address, which pods that run know from their environment."""
    engine, store = LeftoverEngine(), MemoryRegistry()
    engine.add_proxy("s1", f"{DEAD}@{home_id(home)}/keep")
    record(store, "u1", owner_of_pod)
    if is_kept:
        store.ledger.keep("u1")
    if owner_of_service is not None:
        annotations = {OWNER: owner_of_service} if owner_of_service else {}
        metadata = {"name": "shared", "namespace": "default", "uid": "s1", "annotations": annotations}
        put(store, {"kind": "Service", "metadata": metadata, "spec": {}})
    sweep(engine, store, home, SystemClock(), everything=everything)
    assert engine.left == ({"s1-proxy"} if stays else set())


def test_a_record_without_anything_in_the_engine_goes_too(home: Home) -> None:
    store = MemoryRegistry()
    record(store, "u1", DEAD)
    assert sweep(LeftoverEngine(), store, home, SystemClock()).pods == ("default/pod-u1",)
    assert uids(store) == []


def test_only_what_is_older_than_asked_goes(home: Home) -> None:
    now, engine, store = SystemClock().now(), LeftoverEngine(), MemoryRegistry()
    engine.add_pod("old", DEAD, now - timedelta(seconds=120))
    engine.add_pod("new", DEAD, now - timedelta(seconds=10))
    engine.add_pod("unknown", DEAD)
    engine.add_claim("data")
    record(store, "record", DEAD, created=datetime(2020, 1, 1, tzinfo=UTC))
    report = sweep(engine, store, home, SystemClock(), everything=True, older_than=60)
    assert report.pods == ("default/pod-old", "default/pod-record")
    assert engine.left == pod_parts("new", "unknown") | {"data"}


def test_how_old_something_is_says_the_given_clock(home: Home) -> None:
    clock = VirtualClock(datetime(2026, 1, 2, tzinfo=UTC))
    store = MemoryRegistry()
    record(store, "old", DEAD, created=clock.now() - timedelta(seconds=61))
    record(store, "new", DEAD, created=clock.now() - timedelta(seconds=59))
    assert sweep(LeftoverEngine(), store, home, clock, older_than=60).pods == ("default/pod-old",)
    clock.sleep(2)
    assert sweep(LeftoverEngine(), store, home, clock, older_than=60).pods == ("default/pod-new",)


def test_a_dry_run_tells_and_touches_nothing(home: Home) -> None:
    engine, store = LeftoverEngine(), MemoryRegistry()
    engine.add_pod("u1", DEAD)
    engine.add_claim("data")
    record(store, "u1", DEAD)
    logs = home.ensure(home.pod_logs("default", "pod-u1", "u1"))
    report = sweep(engine, store, home, SystemClock(), everything=True, dry_run=True)
    assert report.containers == ("u1-main", "u1-sandbox")
    assert report.volumes == ("u1-volume", "data")
    assert report.pods == ("default/pod-u1",)
    assert report.logs == (str(logs),)
    assert engine.left == pod_parts("u1") | {"data"}
    assert uids(store) == ["u1"]
    assert logs.exists()
    assert not home.locks.exists()


def test_what_vanishes_meanwhile_counts_as_removed(home: Home) -> None:
    engine, store = LeftoverEngine(), MemoryRegistry()
    engine.add_pod("u1", DEAD)
    engine.failures = {"remove_container u1-main": [NotFound("No such container")]}
    record(store, "u1", DEAD)
    report = sweep(engine, store, home, SystemClock())
    assert report.problems == ()
    assert report.pods == ("default/pod-u1",)


def test_a_removal_in_progress_is_waited_for(home: Home) -> None:
    engine = LeftoverEngine()
    engine.add_pod("u1", DEAD)
    engine.failures = {"remove_container u1-main": [EngineConflict("removal is already in progress")] * 3}
    assert sweep(engine, MemoryRegistry(), home, SystemClock()).problems == ()
    assert engine.left == set()


def test_what_cannot_be_removed_is_told_and_its_record_stays(home: Home) -> None:
    engine, store = LeftoverEngine(), MemoryRegistry()
    for uid in ("u1", "u2"):
        engine.add_pod(uid, DEAD)
        record(store, uid, DEAD)
    engine.failures = {"remove_container u1-main": [EngineRefusal("driver failed")]}
    report = sweep(engine, store, home, SystemClock())
    assert "u1-main: driver failed" in report.problems
    assert report.pods == ("default/pod-u2",)
    assert uids(store) == ["u1"]


def test_an_engine_that_cannot_list_volumes_is_swept_of_containers(home: Home) -> None:
    engine = LeftoverEngine()
    engine.add_pod("u1", DEAD)
    engine.failures = {"list_volumes": [EngineRefusal("not implemented")]}
    report = sweep(engine, MemoryRegistry(), home, SystemClock())
    assert report.problems == ("not implemented",)
    assert engine.left == {"u1-volume"}


@pytest.mark.parametrize(
    "call", ["list_containers", "list_volumes", "remove_container u1-main", "remove_volume u1-volume"]
)
def test_an_engine_that_goes_away_is_an_error_and_no_record_is_lost(home: Home, call: str) -> None:
    engine, store = LeftoverEngine(), MemoryRegistry()
    engine.add_pod("u1", DEAD)
    engine.failures = {call: [EngineUnavailable("connection refused")]}
    record(store, "u1", DEAD)
    with pytest.raises(EngineUnavailable):
        sweep(engine, store, home, SystemClock())
    assert uids(store) == ["u1"]


def test_nothing_to_do_costs_one_list_call_each_and_no_file(home: Home) -> None:
    engine = LeftoverEngine()
    assert sweep(engine, MemoryRegistry(), home, SystemClock()).is_empty
    assert engine.calls == ["list_containers", "list_volumes"]
    assert not home.path.exists()


def test_several_sweeps_at_once_leave_nothing(home: Home) -> None:
    engine, store = LeftoverEngine(), MemoryRegistry()
    for number in range(20):
        engine.add_pod(f"u{number}", DEAD)
        record(store, f"u{number}", DEAD)
    problems: list[str] = []

    def work() -> None:
        problems.extend(sweep(engine, store, home, SystemClock()).problems)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    assert engine.left == set()
    assert uids(store) == []


def test_labels_that_are_paths_lead_nowhere(home: Home, tmp_path: Path) -> None:
    """Anybody can write labels; the state directory's neighbours must not suffer."""
    engine = LeftoverEngine()
    victim = tmp_path / "victim"
    victim.mkdir()
    engine.add_volume("v1", {**pod_labels("../../victim", DEAD), MANAGED: "1"})
    engine.add_volume("v2", {**pod_labels("x", DEAD), POD_NAMESPACE: "../../victim/y"})
    (tmp_path / "victim" / "y_pod-x_x").mkdir()
    sweep(engine, MemoryRegistry(), home, SystemClock())
    assert engine.left == set()
    assert (victim / "y_pod-x_x").is_dir()


def test_what_has_no_pod_is_judged_by_its_own_owner(home: Home) -> None:
    engine = LeftoverEngine()
    for name, owner in (("dead", DEAD), ("alive", ALIVE)):
        labels = pod_labels("", owner)
        del labels[POD_UID]
        engine.add_volume(name, labels)
    assert sweep(engine, MemoryRegistry(), home, SystemClock()).volumes == ("dead",)
    assert engine.left == {"alive"}


def test_logs_outlive_their_pod_by_an_hour(home: Home) -> None:
    store = MemoryRegistry()
    record(store, "known", ALIVE)
    ages = {"known": 7200, "fresh": 60, "stale": 7200}
    for uid, age in ages.items():
        directory = home.ensure(home.pod_logs("default", "web", uid) / "main")
        (directory / "0.log").touch()
        moment = SystemClock().now().timestamp() - age
        for path in (directory / "0.log", directory, directory.parent):
            os.utime(path, (moment, moment))
    assert [Path(name).name for name in sweep(LeftoverEngine(), store, home, SystemClock()).logs] == [
        "default_web_stale"
    ]
    logs = sweep(LeftoverEngine(), store, home, SystemClock(), everything=True).logs
    assert [Path(name).name for name in logs] == ["default_web_fresh"]
    assert [path.name for path in home.logs.iterdir()] == ["default_web_known"]


def test_several_sweeps_at_once_do_not_mind_each_other(home: Home) -> None:
    """As the workers of a parallel test run begin: each finds what the others are removing."""
    long_ago = SystemClock().now().timestamp() - 7200
    for number in range(200):
        directory = home.ensure(home.pod_logs("default", "web", f"u{number}") / "main")
        (directory / "0.log").touch()
        for path in (directory / "0.log", directory, directory.parent):
            os.utime(path, (long_ago, long_ago))
    sweepers, problems = 4, []
    start = threading.Barrier(sweepers)

    def run() -> None:
        start.wait()
        try:
            sweep(LeftoverEngine(), MemoryRegistry(), home, SystemClock())
        except Exception as problem:
            problems.append(problem)

    threads = [threading.Thread(target=run) for _ in range(sweepers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    assert list(home.logs.iterdir()) == []


def test_stale_lock_files_go_and_held_ones_stay(home: Home) -> None:
    """Earlier versions had one for each pod."""
    locks = home.ensure(home.locks)
    for name in ("stale.lock", "0123456789abcdef.pull"):
        (locks / name).touch()
    with NodeInstance(home) as node, held_alone(locks / "held.lock"):
        (home.node_locks / "dead.lock").touch()
        sweep(LeftoverEngine(), MemoryRegistry(), home, SystemClock())
        assert sorted(path.name for path in locks.iterdir()) == ["held.lock", "nodes"]
        assert [path.stem for path in home.node_locks.iterdir()] == [node.id]


@pytest.mark.parametrize("everything", [False, True])
def test_records_of_runs_go_when_everything_is_asked_for_but_none_that_is_being_written(
    home: Home, everything: bool
) -> None:
    over, going_on = (RunDirectory(home, datetime(2026, 1, day, tzinfo=UTC)) for day in (1, 2))
    over.close()

    def swept(**how: bool) -> GcReport:
        return sweep(LeftoverEngine(), MemoryRegistry(), home, SystemClock(), everything=everything, **how)

    assert swept(dry_run=True).records == ((over.id,) if everything else ())
    report = swept()
    assert (report.records, report.is_empty) == ((over.id,) if everything else (), not everything)
    assert [run.id for run in kept_runs(home)] == [going_on.id] if everything else [over.id, going_on.id]
    going_on.close()


@pytest.mark.parametrize(
    ("of_pod", "of_copy", "goes"),
    [
        pytest.param(ALIVE, DEAD, {"copy"}, id="the copy of a dead process goes, its pod stays"),
        pytest.param(ALIVE, ALIVE, set(), id="one that is used stays"),
        pytest.param(DEAD, ALIVE, set(), id="one that is used keeps its pod"),
        pytest.param(DEAD, DEAD, {"copy", *pod_parts("u1")}, id="both go"),
    ],
)
def test_what_becomes_of_a_copy_for_debug(home: Home, of_pod: str, of_copy: str, goes: set[str]) -> None:
    engine, store = LeftoverEngine(), MemoryRegistry()
    engine.add_pod("u1", of_pod)
    engine.add_copy("copy", "u1", of_copy)
    before = {*engine.containers, *engine.volumes}
    report = sweep(engine, store, home, SystemClock())
    assert before - {*engine.containers, *engine.volumes} == goes
    assert report.pods == (("default/pod-u1",) if of_pod == of_copy == DEAD else ())
    assert report.problems == ()


def test_images_of_dead_processes_go_and_those_of_living_ones_stay() -> None:
    engine = SimulatedEngine(VirtualClock(), images=("busybox:1.36",))
    config = ContainerConfig(name="one", image="busybox:1.36", labels={})
    made = engine.create_container(config)
    for name, owner in (("podrunner/debug:dead", DEAD), ("podrunner/debug:alive", ALIVE)):
        engine.commit_container(made, name, {MANAGED: "1", OWNER: owner})
    assert sweep_images(engine, dry_run=True) == (["podrunner/debug:dead"], [])
    assert sweep_images(engine, dry_run=False) == (["podrunner/debug:dead"], [])
    assert sweep_images(engine, dry_run=False) == ([], [])
    assert "podrunner/debug:alive" in engine.inspect_image("podrunner/debug:alive").tags
