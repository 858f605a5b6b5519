"""Archives: what is written is read again, and moves as it is."""

from __future__ import annotations

import io
import tarfile

from runner.clock import VIRTUAL_START
from runner.core.archives import ArchiveWriter, Member


def _archive() -> bytes:
    archive = ArchiveWriter(VIRTUAL_START)
    archive.directory("etc", 0o755, group=7)
    archive.file("etc/motd", b"hello", 0o640, user=5, group=7)
    archive.link("etc/issue", "motd")
    return archive.content()


def test_an_archive_gives_back_what_was_written_to_it_and_its_time() -> None:
    with tarfile.open(fileobj=io.BytesIO(_archive())) as tar:
        found = [(one.name, one.type, one.mode, one.uid, one.gid, one.size, one.linkname) for one in tar]
        assert {one.mtime for one in tar} == {VIRTUAL_START.timestamp()}
    assert found == [
        ("etc", tarfile.DIRTYPE, 0o755, 0, 7, 0, ""),
        ("etc/motd", tarfile.REGTYPE, 0o640, 5, 7, 5, ""),
        ("etc/issue", tarfile.SYMTYPE, 0o777, 0, 0, 0, "motd"),
    ]


def test_a_member_that_was_read_stands_elsewhere_and_leads_elsewhere() -> None:
    buffer = io.BytesIO()
    with (
        tarfile.open(fileobj=io.BytesIO(_archive()), tarinfo=Member) as source,
        tarfile.open(fileobj=buffer, mode="w") as target,
    ):
        for one in source:
            assert isinstance(one, Member)
            one.move(f"srv/{one.name}", "news" if one.issym() else None)
            target.addfile(one, source.extractfile(one) if one.isreg() else None)
    with tarfile.open(fileobj=io.BytesIO(buffer.getvalue())) as tar:
        assert [(one.name, one.linkname) for one in tar] == [
            ("srv/etc", ""),
            ("srv/etc/motd", ""),
            ("srv/etc/issue", "news"),
        ]
        content = tar.extractfile("srv/etc/motd")
        assert content is not None
        assert content.read() == b"hello"
