"""A volume with content is given to a group."""

from __future__ import annotations

import os
from pathlib import Path

from runner.kubelet.volumes.fsgroup import give, is_given

GROUP = os.getgid() + 4321


def owner(path: Path) -> tuple[bool, str]:
    found = path.lstat()
    return found.st_gid == GROUP, oct(found.st_mode & 0o7777)


def test_everything_inside_belongs_to_the_group_and_nothing_outside(tmp_path: Path) -> None:
    volume, outside = tmp_path / "volume", tmp_path / "outside"
    (volume / "deep/er").mkdir(parents=True)
    outside.mkdir()
    (outside / "file").write_text("x")
    for path in (outside, outside / "file", volume, volume / "deep", volume / "deep/er"):
        path.chmod(0o700)
    (volume / "deep/file").write_text("x")
    (volume / "deep/file").chmod(0o600)
    (volume / "to-file").symlink_to("../outside/file")
    (volume / "to-directory").symlink_to("../outside")
    os.mkfifo(volume / "pipe", 0o600)
    assert not is_given(volume, GROUP)
    give(volume, GROUP)
    assert is_given(volume, GROUP)
    assert owner(volume / "deep/er") == (True, "0o2770")
    assert owner(volume / "deep/file") == owner(volume / "pipe") == (True, "0o660")
    assert owner(volume / "to-file")[0]
    assert owner(volume / "to-directory")[0]
    assert owner(outside) == owner(outside / "file") == (False, "0o700")
