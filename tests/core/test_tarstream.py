"""Archives as they come: what tar, docker and Go write is read; what leads elsewhere, or is made to hurt, is refused."""

from __future__ import annotations

import io
import tarfile

import pytest

from runner.core.files import confinement as confinement_module
from runner.core.files.confinement import Confinement, leads_out
from runner.core.files.tarstream import BadArchive, Entry, Kind, TarReader
from tests.support.tars import DEVICES, END, HOSTILE, head, member, pax, reading, whole


def read(data: bytes, most: int = 1 << 30) -> list[tuple[Entry, bytes]]:
    reader = TarReader(reading(data, most))
    return [(entry, b"".join(reader.content())) for entry in reader]


def judged(data: bytes) -> list[tuple[str, ...]]:
    reader, confinement = TarReader(reading(data)), Confinement()
    return [confinement.place(entry) for entry in reader]


@pytest.mark.parametrize(
    "how", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT], ids=["ustar", "gnu", "pax"]
)
@pytest.mark.parametrize("most", [1, 700, 1 << 30])
def test_what_pythons_tarfile_writes_is_read_in_pieces_of_any_size(how: int, most: int) -> None:
    buffer, data = io.BytesIO(), b"hello" * 300
    long = ("d/" * 40 + "n" * 90) if how == tarfile.USTAR_FORMAT else "ä" * 100 + "/" + "n" * 200
    with tarfile.open(fileobj=buffer, mode="w", format=how) as tar:
        for name, kind, target in (("d", b"5", ""), (long, b"0", ""), ("d/l", b"2", "t" * 90), ("d/h", b"1", "d/x")):
            one = tarfile.TarInfo(name)
            one.type, one.linkname, one.mode, one.uid, one.mtime = kind, target, 0o4750, 1234, 99
            one.size = len(data) if kind == b"0" else 0
            tar.addfile(one, io.BytesIO(data))
    found = read(buffer.getvalue(), most)
    assert [(one.name.rstrip("/"), one.kind, one.target, content) for one, content in found] == [
        ("d", Kind.DIRECTORY, "", b""),
        (long, Kind.FILE, "", data),
        ("d/l", Kind.LINK, "t" * 90, b""),
        ("d/h", Kind.HARD_LINK, "d/x", b""),
    ]
    assert {(one.mode, one.user, one.time) for one, _ in found} == {(0o4750, 1234, 99)}


def test_large_numbers_and_extended_values_are_read() -> None:
    size = 9 * 2**30
    binary = b"\x80" + size.to_bytes(11)
    entry = next(iter(TarReader(reading(head(b"big", size_field=binary)))))
    assert (entry.name, entry.size) == ("big", size)
    extended = (
        pax(size=b"3", uid=b"70000", gid=b"70001", mtime=b"-12.5", comment=b"x") + head(b"a") + b"abc" + bytes(509)
    )
    ((one, content),) = read(extended + END)
    assert (one.size, one.user, one.group, one.time, content) == (3, 70000, 70001, -12, b"abc")
    assert read(pax(b"g", comment=b"a commit") + member(b"a", b"x") + END)[0][1] == b"x"


def test_a_long_target_of_gnus_is_read_and_a_damaged_header_is_refused() -> None:
    long = b"t/" * 80
    data = member(b"././@LongLink", long + b"\0", b"K") + head(b"l", b"2", target=b"short") + END
    assert [one.target for one, _ in read(data)] == [long.decode()]
    with pytest.raises(BadArchive, match="damaged"):
        read(b"x" + member(b"abc", b"x")[1:] + END)


def test_content_that_nobody_takes_is_skipped() -> None:
    reader = TarReader(reading(member(b"a", b"x" * 2000) + member(b"b", b"y") + END))
    assert [entry.name for entry in reader] == ["a", "b"]


def test_an_old_archive_marks_a_directory_by_its_name_and_a_contiguous_file_is_a_file() -> None:
    old = head(b"d/", b"\0", magic=b"\0" * 8)
    assert [(one.name, one.kind) for one, _ in read(old + member(b"c", b"x", b"7") + END)] == [
        ("d/", Kind.DIRECTORY),
        ("c", Kind.FILE),
    ]


@pytest.mark.parametrize("what", HOSTILE)
def test_what_leads_out_or_is_made_to_hurt_is_refused(what: str) -> None:
    with pytest.raises(BadArchive):
        judged(whole(HOSTILE[what]))


@pytest.mark.parametrize("kind", DEVICES)
def test_devices_and_fifos_are_told_apart(kind: str) -> None:
    assert [one.kind.value for one, _ in read(DEVICES[kind] + END)] == [kind]


def test_what_stays_inside_has_its_place() -> None:
    data = (
        member(b"./", kind=b"5")
        + member(b"./a//b/", kind=b"5")
        + member(b"a/f", b"x")
        + head(b"a/l", b"2", target=b"f")
        + head(b"a/l", b"2", target=b"f")
        + head(b"h", b"1", target=b"./a/f")
        + END
    )
    assert judged(data) == [(), ("a", "b"), ("a", "f"), ("a", "l"), ("a", "l"), ("h",)]


def test_more_links_than_anybody_has_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(confinement_module, "_MOST_LINKS", 2)
    with pytest.raises(BadArchive, match="more than 2 links"):
        judged(b"".join(head(b"l%d" % number, b"2", target=b"t") for number in range(3)) + END)


@pytest.mark.parametrize(
    ("place", "target", "is_out"),
    [
        ("l", "f", False),
        ("l", "./d/f", False),
        ("l", ".", False),
        ("d/l", "../f", False),
        ("d/e/l", "../../f", False),
        ("l", "..", True),
        ("l", "../f", True),
        ("d/l", "../../f", True),
        ("d/l", "x/../../f", True),
        ("l", "/etc/passwd", True),
        ("l", "", True),
    ],
)
def test_a_link_leads_out_by_an_absolute_path_or_by_climbing_too_far(place: str, target: str, *, is_out: bool) -> None:
    assert leads_out(tuple(place.split("/")), target) is is_out
