"""Paths below a directory that others may write to: never out of it, whatever they do meanwhile."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from runner.engine.safepath import UnsafePath, make_below, open_below, read_below


@pytest.fixture
def volume(tmp_path: Path) -> Path:
    """A volume with a secret beside it and some links."""
    (tmp_path / "beside").mkdir()
    (tmp_path / "beside/secret").write_text("secret")
    volume = tmp_path / "volume"
    (volume / "a/b").mkdir(parents=True)
    (volume / "a/file").write_text("inside")
    links = {"near": "a", "up": "..", "out": "../beside", "full": "/", "a/turn": "../../beside", "nowhere": "../none"}
    for name, target in links.items():
        (volume / name).symlink_to(target)
    return volume


def opened(volume: Path, path: str) -> str:
    place = open_below(str(volume), path)
    try:
        return os.path.relpath(Path(f"/proc/self/fd/{place}").readlink(), volume)
    finally:
        os.close(place)


@pytest.mark.parametrize(
    ("path", "place"), [("a/b", "a/b"), ("near/b", "a/b"), ("a/file", "a/file"), ("./a", "a"), ("a//b", "a/b")]
)
def test_what_is_inside_is_opened_links_included(volume: Path, path: str, place: str) -> None:
    assert opened(volume, path) == place


@pytest.mark.parametrize(
    "path", ["out", "out/secret", "full", "full/etc", "up", "up/beside", "a/turn/secret", "..", "a/../..", "/etc"]
)
def test_what_leads_out_is_refused(volume: Path, path: str) -> None:
    with pytest.raises(UnsafePath):
        open_below(str(volume), path)


@pytest.mark.parametrize("path", ["none", "a/none", "nowhere"])
def test_what_is_not_there_is_not_found(volume: Path, path: str) -> None:
    with pytest.raises(FileNotFoundError):
        open_below(str(volume), path)


def test_directories_are_made_with_the_mode_that_is_asked_for(volume: Path) -> None:
    make_below(str(volume), "a/new/deep", 0o2775)
    make_below(str(volume), "a/new/deep", 0o700)
    assert [oct((volume / path).stat().st_mode & 0o7777) for path in ("a/new", "a/new/deep")] == ["0o2775", "0o2775"]


@pytest.mark.parametrize("path", ["out/new", "full/tmp/new", "a/turn/x/y", "up/new", "nowhere/new", "../new", "/new"])
def test_no_directory_is_made_outside(volume: Path, path: str) -> None:
    before = sorted(volume.parent.rglob("*"))
    with pytest.raises(OSError):  # noqa: PT011  # which one depends on where the way ends
        make_below(str(volume), path, 0o777)
    assert sorted(volume.parent.rglob("*")) == before


def test_only_regular_files_of_the_volume_are_read(volume: Path) -> None:
    os.mkfifo(volume / "pipe")
    assert read_below(str(volume), "near/file") == b"inside"
    for path in ("a", "pipe", "out/secret"):
        with pytest.raises(UnsafePath):
            read_below(str(volume), path)


def test_whoever_exchanges_a_directory_for_a_link_meanwhile_gains_nothing(volume: Path) -> None:
    """The attack of CVE-2021-25741: the directory and a link to a secret place take each other's name, without end."""
    (volume / "swap").mkdir()
    (volume / "swap/secret").write_text("decoy")
    (volume / "link").symlink_to("../beside")
    ended = threading.Event()

    def exchange() -> None:
        while not ended.is_set():
            (volume / "swap").rename(volume / "kept")
            (volume / "link").rename(volume / "swap")
            (volume / "swap").rename(volume / "link")
            (volume / "kept").rename(volume / "swap")

    thread = threading.Thread(target=exchange)
    thread.start()
    try:
        seen = {attempt(volume) for _ in range(3000)}
    finally:
        ended.set()
        thread.join()
    assert seen <= {"decoy", "refused"}
    assert "decoy" in seen


def attempt(volume: Path) -> str:
    try:
        return read_below(str(volume), "swap/secret").decode()
    except OSError:
        return "refused"
