"""How changed files come into a volume: on this machine by an exchange of a link, elsewhere through the Engine."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from runner.core.container.containerconfig import MountType
from runner.core.volumes import FileEntry, VolumePlan, atomic_layout
from runner.kubelet.volumes.reconciler import exchange, follows
from tests.support.pods import make_pod

NOW = datetime(2026, 1, 2, tzinfo=UTC)


def plan(second: int, *files: FileEntry) -> VolumePlan:
    layout = atomic_layout(files, NOW + timedelta(seconds=second))
    return VolumePlan(name="v", type=MountType.VOLUME, source="v", files=layout, content=files)


def fresh(directory: Path, first: VolumePlan) -> None:
    """What the Engine has unpacked at first."""
    for entry in first.files:
        (directory / entry.path).parent.mkdir(parents=True, exist_ok=True)
        if entry.link:
            (directory / entry.path).symlink_to(entry.link)
        else:
            (directory / entry.path).write_bytes(entry.data)


def test_new_files_take_the_place_of_the_old_ones_at_once(tmp_path: Path) -> None:
    fresh(tmp_path, plan(0, FileEntry(path="kept", data=b"1"), FileEntry(path="gone/x", data=b"2")))
    held = (tmp_path / "kept").open("rb")
    exchange(tmp_path, plan(1, FileEntry(path="kept", data=b"3", mode=0o600), FileEntry(path="new/y", data=b"4")))
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "..2026_01_02_00_00_01.000000000",
        "..data",
        "kept",
        "new",
    ]
    assert ((tmp_path / "kept").read_bytes(), (tmp_path / "new/y").read_bytes()) == (b"3", b"4")
    assert (tmp_path / "kept").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "new").stat().st_mode & 0o777 == 0o755
    with held:
        assert held.read() == b"1"


def test_an_exchange_fills_a_directory_that_is_empty(tmp_path: Path) -> None:
    exchange(tmp_path, plan(1, FileEntry(path="dir/k", data=b"1")))
    assert (tmp_path / "dir/k").read_bytes() == b"1"


def test_an_exchange_that_was_cut_short_does_not_hinder_the_next(tmp_path: Path) -> None:
    fresh(tmp_path, plan(0, FileEntry(path="k", data=b"1")))
    (tmp_path / "..data_tmp").symlink_to("..half")
    exchange(tmp_path, plan(1, FileEntry(path="k", data=b"2")))
    assert (tmp_path / "k").read_bytes() == b"2"
    assert not (tmp_path / "..data_tmp").is_symlink()


@pytest.mark.parametrize(
    ("source", "wanted"),
    [
        ({"configMap": {"name": "c"}}, True),
        ({"secret": {"secretName": "s"}}, True),
        ({"downwardAPI": {}}, True),
        ({"projected": {}}, True),
        ({"emptyDir": {}}, False),
        ({"persistentVolumeClaim": {"claimName": "c"}}, False),
    ],
)
def test_which_volumes_follow_something(source: dict[str, object], wanted: bool) -> None:
    assert follows(make_pod(volumes=[{"name": "v", **source}])) is wanted
