"""A volume that pods share is filled by the first of them, and again only when its content is another."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from runner.clock import VirtualClock
from runner.core.container.containerconfig import MountType, VolumeConfig
from runner.core.volumes import FileEntry, VolumePlan, atomic_layout
from runner.engine.protocol import VolumeDetails
from runner.engine.simulated import SimulatedEngine
from runner.kubelet.volumes.sharing import fill_shared

NOW = datetime(2026, 1, 2, tzinfo=UTC)


class Local(SimulatedEngine):
    """An Engine whose volumes are directories of this machine."""

    root = Path()

    def inspect_volume(self, name: str) -> VolumeDetails:
        return VolumeDetails(name=name, labels={}, mountpoint=str(self.root / name))


@pytest.fixture
def engine(tmp_path: Path) -> Local:
    made = Local(VirtualClock())
    made.root = tmp_path
    (tmp_path / "shared").mkdir()
    return made


def plan(second: int, data: bytes) -> VolumePlan:
    content = (FileEntry(path="token", data=data),)
    return VolumePlan(
        name="v",
        type=MountType.VOLUME,
        source="shared",
        create=VolumeConfig(name="shared", labels={}),
        root_mode=0o1777,
        files=atomic_layout(content, NOW + timedelta(seconds=second)),
        content=content,
        is_shared=True,
    )


def test_the_first_pod_fills_it_and_the_next_find_it_filled(engine: Local, tmp_path: Path) -> None:
    assert fill_shared(engine, plan(1, b"one"))
    link = (tmp_path / "shared/..data").readlink()
    assert fill_shared(engine, plan(2, b"one"))
    assert (tmp_path / "shared/..data").readlink() == link
    assert (tmp_path / "shared/token").read_bytes() == b"one"
    assert (tmp_path / "shared").stat().st_mode & 0o7777 == 0o1777
    assert fill_shared(engine, plan(3, b"two"))
    assert (tmp_path / "shared/token").read_bytes() == b"two"


def test_where_the_engine_is_elsewhere_the_files_go_through_it(engine: Local, tmp_path: Path) -> None:
    (tmp_path / "shared").rmdir()
    assert not fill_shared(engine, plan(1, b"one"))


def test_what_cannot_be_written_goes_through_the_engine(engine: Local, tmp_path: Path) -> None:
    (tmp_path / "shared/..data").mkdir()
    assert not fill_shared(engine, plan(1, b"one"))
