"""A new volume that is a directory of this machine is set up without the Engine."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from runner.clock import VirtualClock
from runner.core.container.containerconfig import MountType, VolumeConfig
from runner.core.network.clusterdns import ZONE
from runner.core.volumes import FileEntry, VolumePlan, atomic_layout
from runner.engine.localvolumes import sibling
from runner.engine.protocol import VolumeDetails
from runner.engine.simulated import SimulatedEngine
from runner.kubelet.network.zonefile import write_zone, zone_directory
from runner.kubelet.volumes.local import set_up_locally
from runner.lab import new_pod

NOW = datetime(2026, 1, 2, tzinfo=UTC)
NAME = "k8s_work_one_default_uid"


class Near(SimulatedEngine):
    """An Engine whose volumes are directories of this machine."""

    root = Path()
    asked: tuple[str, ...] = ()

    def inspect_volume(self, name: str) -> VolumeDetails:
        self.asked = (*self.asked, name)
        return VolumeDetails(name=name, labels={}, mountpoint=str(self.root / name))


@pytest.fixture
def engine(tmp_path: Path) -> Near:
    made = Near(VirtualClock())
    made.root = tmp_path
    return made


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """The directory of the volume."""
    made = tmp_path / NAME
    made.mkdir(0o755)
    return made


def plan(
    data: bytes | None = None,
    *,
    second: int = 0,
    mode: int | None = 0o777,
    group: int | None = None,
    options: dict[str, str] | None = None,
) -> VolumePlan:
    content = () if data is None else (FileEntry(path="a/file", data=data, mode=0o640),)
    return VolumePlan(
        name="work",
        type=MountType.VOLUME,
        source=NAME,
        create=VolumeConfig(name=NAME, labels={}, options=options or {}),
        root_mode=mode,
        files=atomic_layout(content, NOW + timedelta(seconds=second)) if content else (),
        content=content,
        group=group,
    )


def shown(path: Path) -> tuple[int, int, int]:
    found = path.stat()
    return found.st_uid, found.st_gid, found.st_mode & 0o7777


@pytest.mark.parametrize(
    ("group", "wanted"), [(None, (0, 0, 0o777)), (4321, (0, 4321, 0o2777))], ids=["for everybody", "for a group"]
)
def test_an_empty_directory_gets_its_mode_and_group(
    group: int | None, wanted: tuple[int, int, int], place: Path
) -> None:
    before = os.umask(0o077)
    try:
        assert set_up_locally(plan(group=group), place)
    finally:
        os.umask(before)
    assert shown(place) == wanted


def test_files_lie_as_a_kubelet_lays_them(place: Path) -> None:
    assert set_up_locally(plan(b"one", group=4321), place)
    assert (place / "a/file").read_bytes() == b"one"
    assert (place / "a").readlink() == Path("..data/a")
    assert shown(place / "a/file") == (0, 4321, 0o640)
    assert shown(place / "a") == (0, 4321, 0o2755)


def test_a_pods_next_sandbox_finds_the_same_files(place: Path) -> None:
    """The plan is the one of before, and so is the directory that its link leads to."""
    for data, second in ((b"one", 0), (b"one", 0), (b"two", 1)):
        assert set_up_locally(plan(data, second=second), place)
        assert (place / "a/file").read_bytes() == data


def test_a_volume_that_needs_nothing_may_be_anywhere() -> None:
    assert set_up_locally(plan(mode=None), None)


def test_what_the_engine_mounts_over_the_directory_goes_through_it(place: Path) -> None:
    assert not set_up_locally(plan(b"one", mode=None, options={"type": "tmpfs"}), place)


def test_where_the_engine_is_elsewhere_everything_goes_through_it(place: Path) -> None:
    assert not set_up_locally(plan(), None)
    beside = place.with_name("k8s_POD_one_default_uid")
    assert sibling(None, beside.name, NAME) is None
    assert sibling(beside, beside.name, NAME) == place
    assert sibling(beside, beside.name, "k8s_other_one_default_uid") is None, "there is no such directory"
    assert sibling(beside, "another driver's", NAME) is None


def test_where_the_engines_root_is_another_user_everything_goes_through_it(place: Path) -> None:
    os.chown(place, 4321, 4321)
    assert not set_up_locally(plan(), place)


def test_what_cannot_be_written_goes_through_the_engine(place: Path) -> None:
    (place / "..data").mkdir()
    assert not set_up_locally(plan(b"one"), place)


def test_a_zone_is_written_at_once_into_the_volume_that_is_the_pods_own(engine: Near, tmp_path: Path) -> None:
    pod = new_pod({"metadata": {"name": "one"}, "spec": {"containers": [{"name": "main", "image": "busybox"}]}})
    assert not write_zone(zone_directory(engine, pod), "end\n"), "there is no such volume"
    (asked,) = engine.asked
    place = tmp_path / asked
    place.mkdir()
    for text in ("end\n", "a one 10.0.0.1\nend\n"):
        assert write_zone(zone_directory(engine, pod), text)
        assert [path.name for path in place.iterdir()] == [ZONE]
        assert (place / ZONE).read_text() == text
        assert shown(place / ZONE)[2] == 0o644
    (place / ZONE).unlink()
    (place / ZONE).mkdir()
    assert not write_zone(zone_directory(engine, pod), "end\n")
    assert [path.name for path in place.iterdir()] == [ZONE], "what could not be put in its place is gone"
