"""What a directory takes on its disk."""

from __future__ import annotations

import os
from pathlib import Path

from runner.kubelet.containers.evicting import disk_usage


def test_blocks_are_counted_each_file_once_and_no_link_followed(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "big").write_bytes(b"x" * 500_000)
    place = tmp_path / "volume"
    (place / "deep" / "er").mkdir(parents=True)
    empty = disk_usage(place)
    (place / "deep" / "er" / "file").write_bytes(b"x" * 100_000)
    os.link(place / "deep" / "er" / "file", place / "again")
    (place / "link").symlink_to(outside)
    with (place / "hole").open("wb") as hole:
        hole.truncate(10**9)
    assert 100_000 <= disk_usage(place) - empty < 200_000


def test_what_is_not_there_takes_nothing(tmp_path: Path) -> None:
    assert disk_usage(tmp_path / "gone") == 0
