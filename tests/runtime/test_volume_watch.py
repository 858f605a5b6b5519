"""What is told of the volumes after an attempt: each shows its own changes alone."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from runner.core.container.containerconfig import MountType, VolumeConfig
from runner.core.model import ContainerID, Pod, PodUID
from runner.core.narration import PodRef, VolumesChanged
from runner.core.observed import ContainerRecord, RuntimeState
from runner.core.volumes.plan import FileEntry, VolumePlan
from runner.engine.protocol import Untagged, VolumeDetails
from runner.errors import EngineRefusal
from runner.kubelet.loop.secrecy import Secrets
from runner.kubelet.options import Snapshots
from runner.kubelet.volumes.watching import VolumeWatch

NOW = datetime(2026, 1, 1, tzinfo=UTC)
MOUNTS = [{"name": name, "mountPath": f"/{name}"} for name in ("work", "settings")]
POD = Pod.from_json(
    {
        "metadata": {"name": "web", "namespace": "default", "uid": "u"},
        "spec": {
            "initContainers": [{"name": "a", "volumeMounts": MOUNTS}, {"name": "b", "volumeMounts": MOUNTS}],
            "containers": [{"name": "app"}],
            "volumes": [{"name": "work", "emptyDir": {}}, {"name": "settings", "secret": {"secretName": "s"}}],
        },
    }
)
WORK = VolumePlan(
    name="work",
    type=MountType.VOLUME,
    source="k8s_work",
    create=VolumeConfig(name="k8s_work", labels={}),
    root_mode=0o777,
)
SETTINGS = VolumePlan(
    name="settings",
    type=MountType.VOLUME,
    source="k8s_settings",
    create=VolumeConfig(name="k8s_settings", labels={}),
    files=(FileEntry(path="password", data=b"BEGIN KEY\nMIIEvQIBAD\nEND KEY\n"),),
)


class RemoteEngine(Untagged):
    """An Engine whose volumes are no directories of this machine."""

    def __init__(self) -> None:
        self.files: dict[str, tuple[str, float]] = {}
        self.downloads: list[tuple[str, str]] = []
        self.fails = False

    def inspect_volume(self, name: str) -> VolumeDetails:
        return VolumeDetails(name=name, labels={}, mountpoint=f"/nonexistent/{name}/_data")

    def download(self, container_id: str, path: str) -> bytes:
        self.downloads.append((container_id, path))
        if self.fails:
            raise EngineRefusal("no")
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w") as archive:
            for name, (text, changed) in self.files.items():
                member = tarfile.TarInfo(f"work/{name}")
                member.size, member.mtime = len(text), int(changed)
                archive.addfile(member, io.BytesIO(text.encode()))
        return buffer.getvalue()


class Stage:
    """A pod's watch with everything around it."""

    def __init__(self, when: Snapshots = Snapshots.FAILED) -> None:
        self.engine = RemoteEngine()
        self.told: list[VolumesChanged] = []
        self.secrets = Secrets()
        self.cache = SimpleNamespace(pod=POD, observed=SimpleNamespace(containers=()), sandbox_id="sandbox")
        ref = PodRef(namespace="default", name="web", uid="u")
        reporter: Any = SimpleNamespace(ref=ref, tell=self.told.append)
        cache: Any = self.cache
        engine: Any = self.engine
        self.watch = VolumeWatch(cache, engine, reporter, lambda: (WORK, SETTINGS), self.secrets, when)

    def write(self, seconds: float, **files: str) -> None:
        for name, text in files.items():
            self.engine.files[name] = (text, (NOW + timedelta(seconds=seconds)).timestamp())

    def start(self, name: str, attempt: int = 0) -> None:
        container = POD.container(name)
        assert container is not None
        self.watch.before_start(container, attempt)

    def ended(self, name: str, code: int, *, attempt: int = 0, began: float = 0.0) -> None:
        record = ContainerRecord(
            id=ContainerID(f"{name}{attempt}"),
            name=name,
            attempt=attempt,
            state=RuntimeState.EXITED if code >= 0 else RuntimeState.RUNNING,
            created_at=NOW,
            started_at=NOW + timedelta(seconds=began),
            exit_code=code,
        )
        self.cache.observed = SimpleNamespace(containers=(record, *self.cache.observed.containers))

    def changes(self) -> Mapping[tuple[str, int], list[tuple[str, str]]]:
        return {(one.container, one.attempt): [(c.path, c.what) for c in one.changes] for one in self.told}


def test_the_first_container_is_compared_with_the_empty_volume() -> None:
    stage = Stage()
    stage.start("a")
    stage.write(1, out="x")
    stage.ended("a", 3)
    stage.watch.settle()
    stage.watch.settle()
    assert stage.changes() == {("a", 0): [("out", "added")]}
    assert stage.told[0].note == ""
    assert stage.engine.downloads == [("sandbox", "/volumes/work")], "no file of a Secret is looked at"


def test_each_retry_shows_its_own_changes_by_the_look_after_the_one_before() -> None:
    stage = Stage()
    stage.start("a")
    stage.write(1, log="1\n")
    stage.ended("a", 3)
    stage.start("a", 1)
    stage.write(5, log="1\n2\n")
    stage.ended("a", 3, attempt=1)
    stage.watch.settle()
    assert stage.changes() == {("a", 0): [("log", "added")], ("a", 1): [("log", "changed")]}
    assert stage.told[1].changes[0].diff.splitlines()[-1] == "+2"


def test_a_second_init_container_shows_its_own_changes_where_a_look_before_would_cost_the_engine_an_archive() -> None:
    stage = Stage()
    stage.start("a")
    stage.write(1, before="x")
    stage.ended("a", 0)
    stage.start("b")
    assert stage.engine.downloads == []
    stage.write(10, after="y")
    stage.ended("b", 1, began=9.5)
    stage.watch.settle()
    assert stage.changes() == {("b", 0): [("after", "added")]}
    assert "told by the files' times" in stage.told[0].note


def test_with_everything_looked_at_attempts_that_did_well_are_told_of_too() -> None:
    stage = Stage(Snapshots.ALL)
    stage.start("a")
    stage.write(1, out="x")
    stage.ended("a", 0)
    stage.start("b")
    stage.ended("b", 0)
    stage.watch.settle()
    assert stage.changes() == {("a", 0): [("out", "added")], ("b", 0): []}


@pytest.mark.parametrize("code", [0, -1])
def test_nothing_is_looked_at_for_what_did_well_or_runs(code: int) -> None:
    stage = Stage()
    stage.start("a")
    stage.ended("a", code)
    stage.watch.settle()
    assert (stage.told, stage.engine.downloads) == ([], [])


def test_a_container_without_shared_volumes_is_not_looked_at() -> None:
    stage = Stage()
    stage.start("app")
    stage.ended("app", 1)
    stage.watch.settle()
    assert (stage.told, stage.engine.downloads) == ([], [])


def test_who_ran_meanwhile_and_what_could_not_be_looked_at_is_said() -> None:
    stage = Stage()
    stage.engine.fails = True
    stage.start("a")
    stage.ended("a", 1)
    stage.ended("b", -1)
    stage.watch.settle()
    assert [one.note for one in stage.told] == ["work could not be looked at; b ran meanwhile"]


def test_a_run_without_a_record_looks_at_nothing() -> None:
    stage = Stage(Snapshots.NONE)
    stage.start("a")
    stage.ended("a", 1)
    stage.watch.settle()
    assert (stage.told, stage.engine.downloads) == ([], [])


def test_without_a_sandbox_there_is_nothing_to_look_through() -> None:
    stage = Stage()
    stage.start("a")
    stage.cache.sandbox_id = ""
    stage.ended("a", 1)
    stage.watch.settle()
    assert [one.note for one in stage.told] == ["work could not be looked at"]


def test_what_a_container_copied_out_of_a_secret_is_in_no_diff() -> None:
    stage = Stage()
    stage.secrets.learn(PodUID("u"), ["hunter22"])
    stage.start("a")
    stage.write(1, env="PASSWORD=hunter22\n", key="x\nBEGIN KEY\nMIIEvQIBAD\nEND KEY\n", part="MIIEvQIBAD\n")
    stage.ended("a", 1)
    stage.watch.settle()
    diffs = "".join(change.diff for change in stage.told[0].changes)
    assert [change.path for change in stage.told[0].changes] == ["env", "key", "part"]
    assert ("hunter22" in diffs, "MIIEvQIBAD" in diffs, diffs.count("<redacted>")) == (False, False, 3)
