"""What is taken down of a volume: as a directory of this machine, and as an archive of the Engine."""

from __future__ import annotations

import io
import os
import socket
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from runner.core.history.record import FileKind
from runner.core.history.snapshots import SMALL, Snapshot
from runner.kubelet.volumes import snapshots
from runner.kubelet.volumes.snapshots import HASHED, TooMuch, read_archive, read_directory


def packed(directory: Path) -> Snapshot:
    """The directory as the Engine would pack it."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        archive.add(directory, arcname="work")
    return read_archive(buffer.getvalue())


READERS: dict[str, Callable[[Path], Snapshot]] = {"directory": read_directory, "archive": packed}


@pytest.mark.parametrize("how", READERS)
def test_files_directories_links_and_pipes_are_taken_as_what_they_are(tmp_path: Path, how: str) -> None:
    (tmp_path / "sub/deep").mkdir(parents=True)
    (tmp_path / "sub/deep/file").write_text("hello\n")
    (tmp_path / "sub/deep/file").chmod(0o640)
    (tmp_path / "link").symlink_to("/etc/passwd")
    (tmp_path / "folder").symlink_to("/etc")
    os.mkfifo(tmp_path / "pipe")
    found = READERS[how](tmp_path)
    assert {path: (str(entry.state.kind), entry.state.target) for path, entry in found.items()} == {
        "folder": ("link", "/etc"),
        "link": ("link", "/etc/passwd"),
        "pipe": ("fifo", ""),
        "sub": ("directory", ""),
        "sub/deep": ("directory", ""),
        "sub/deep/file": ("file", ""),
    }
    file = found["sub/deep/file"]
    assert (file.data, file.state.size, file.state.mode, file.state.uid) == (b"hello\n", 6, 0o640, os.getuid())
    assert len(file.state.digest) == 64


@pytest.mark.parametrize("how", READERS)
def test_of_big_files_no_content_is_kept_and_of_very_big_ones_none_is_read(tmp_path: Path, how: str) -> None:
    (tmp_path / "big").write_bytes(b"x" * (SMALL + 1))
    with (tmp_path / "sparse").open("wb") as file:
        file.truncate(HASHED + 1)
    found = READERS[how](tmp_path)
    assert [(e.data, e.state.size, bool(e.state.digest)) for e in (found["big"], found["sparse"])] == [
        (None, SMALL + 1, True),
        (None, HASHED + 1, False),
    ]


def test_a_huge_sparse_file_costs_a_directory_nothing(tmp_path: Path) -> None:
    with (tmp_path / "sparse").open("wb") as file:
        file.truncate(10**12)
    assert read_directory(tmp_path)["sparse"].state.size == 10**12


def test_sockets_are_not_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX) as one:
        one.bind("s")
        assert read_directory(tmp_path)["s"].state.kind is FileKind.SOCKET


@pytest.mark.parametrize("how", READERS)
def test_more_than_is_taken_down_is_said(tmp_path: Path, how: str) -> None:
    for number in range(3):
        (tmp_path / str(number)).touch()
    assert len(READERS[how](tmp_path)) == 3
    with pytest.raises(TooMuch):
        read_directory(tmp_path, 2)


def test_an_archive_that_is_cut_off_is_read_as_far_as_it_goes() -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name in ("work", "work/a", "work/b"):
            member = tarfile.TarInfo(name)
            member.size = 2000 if name != "work" else 0
            archive.addfile(member, io.BytesIO(b"x" * member.size))
    assert "a" in read_archive(buffer.getvalue()[:4000])
    assert read_archive(b"nonsense") == {}


def test_a_snapshot_keeps_only_so_much_content(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshots, "_KEPT_BYTES", 5)
    for name in "ab":
        (tmp_path / name).write_text("1234")
    assert [entry.data for entry in read_directory(tmp_path).values()] == [b"1234", None]
