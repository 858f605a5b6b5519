"""Archives for tests, good ones and bad ones, written header by header: no writer of archives would make the bad ones."""

from __future__ import annotations

from collections.abc import Callable

BLOCK = 512
END = bytes(2 * BLOCK)


def padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % BLOCK)


def head(
    name: bytes,
    kind: bytes = b"0",
    size: int = 0,
    *,
    target: bytes = b"",
    mode: int = 0o644,
    prefix: bytes = b"",
    size_field: bytes = b"",
    magic: bytes = b"ustar\x0000",
) -> bytes:
    """One header block with a right checksum."""
    block = bytearray(BLOCK)
    block[0 : len(name)] = name
    block[100:107] = b"%07o" % mode
    block[108:115] = b"%07o" % 1000
    block[116:123] = b"%07o" % 100
    block[124:136] = size_field or b"%011o\0" % size
    block[136:147] = b"%011o" % 1700000000
    block[156:157] = kind
    block[157 : 157 + len(target)] = target
    block[257:265] = magic
    block[345 : 345 + len(prefix)] = prefix
    return sealed(block)


def sealed(block: bytearray) -> bytes:
    """The block with the checksum that it has to have."""
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


def member(name: bytes, data: bytes = b"", kind: bytes = b"0", **more: bytes) -> bytes:
    return head(name, kind, len(data), target=more.get("target", b""), prefix=more.get("prefix", b"")) + padded(data)


def pax(kind: bytes = b"x", **records: bytes) -> bytes:
    """An extended header; ``GNU_sparse_`` stands for the dots in such a key."""
    data = b"".join(record(key.replace("GNU_sparse_", "GNU.sparse."), value) for key, value in records.items())
    return member(b"PaxHeader", data, kind)


def record(key: str, value: bytes) -> bytes:
    body = b" " + key.encode() + b"=" + value + b"\n"
    length = len(body) + 1
    while len(str(length)) + len(body) != length:
        length = len(str(length)) + len(body)
    return str(length).encode() + body


def reading(data: bytes, most: int = 1 << 30) -> Callable[[int], bytes]:
    """What gives the bytes of an archive, never more than ``most`` at once."""
    place = 0

    def read(size: int) -> bytes:
        nonlocal place
        piece = data[place : place + min(size, most)]
        place += len(piece)
        return piece

    return read


HOSTILE: dict[str, bytes] = {
    "an absolute name": member(b"/etc/evil", b"x"),
    "a name that climbs": member(b"../evil", b"x"),
    "a name that climbs in the middle": member(b"a/../../evil", b"x"),
    "a prefix that climbs": member(b"evil", b"x", prefix=b"../.."),
    "a long name that climbs": member(b"././@LongLink", b"../evil\0", b"L") + member(b"harmless", b"x"),
    "an extended name that climbs": pax(path=b"../evil") + member(b"harmless", b"x"),
    "an absolute extended name": pax(path=b"/tmp/evil") + member(b"harmless", b"x"),
    "a file through a link": head(b"l", b"2", target=b"/tmp") + member(b"l/evil", b"x"),
    "a file through a link to a directory inside": member(b"d/", kind=b"5")
    + head(b"l", b"2", target=b"d")
    + member(b"l/evil", b"x"),
    "a file in the place of a link": head(b"l", b"2", target=b"/tmp/evil") + member(b"l", b"x"),
    "a directory in the place of a link": head(b"l", b"2", target=b"/tmp") + member(b"l/", kind=b"5"),
    "a hard link out": head(b"h", b"1", target=b"/etc/passwd"),
    "a hard link that climbs": head(b"h", b"1", target=b"../../etc/passwd"),
    "a hard link through a link": head(b"l", b"2", target=b"/etc") + head(b"h", b"1", target=b"l/passwd"),
    "a hard link to a link": head(b"l", b"2", target=b"/etc/passwd") + head(b"h", b"1", target=b"l"),
    "a hard link to the directory itself": head(b"h", b"1", target=b"."),
    "a file without a name": member(b"", b"x"),
    "a file that is the directory itself": member(b"./", b"x", kind=b"7"),
    "a sparse file of GNU's": head(b"s", b"S"),
    "a sparse file of pax": pax(GNU_sparse_map=b"0,1", GNU_sparse_size=b"1") + member(b"s", b"x"),
    "a type that nobody knows": head(b"m", b"Z"),
    "a header that says how large it is": head(b"x", b"x", size_field=b"77777777777\0"),
    "a long name without an end": head(b"././@LongLink", b"L", size_field=b"77777777777\0"),
    "a name for all that follow": pax(b"g", path=b"everything") + member(b"a", b"x"),
    "sparse for all that follow": pax(b"g", GNU_sparse_map=b"0,1") + member(b"a", b"x"),
    "a name longer than any path": pax(path=b"a/" * 3000) + member(b"a", b"x"),
    "a name with a zero byte": pax(path=b"a\0b") + member(b"a", b"x"),
    "a negative size": head(b"a", size_field=b"\xff" * 12),
    "a size beyond all numbers": head(b"a", size_field=b"\x80" + b"\xff" * 11),
    "an extended size that is no number": pax(size=b"-1") + member(b"a", b"x"),
    "an extended size beyond all numbers": pax(size=b"9" * 19) + member(b"a", b"x"),
    "a time that is no time": pax(mtime=b"soon") + member(b"a", b"x"),
    "an extended header without its length": member(b"p", b"path=a\n", b"x"),
    "an extended header longer than it is": member(b"p", b"99 path=a\n", b"x"),
    "an extended header without a value": member(b"p", b"7 path\n", b"x"),
    "a number that is none": head(b"a", size_field=b"zzz\0"),
    "more content than comes": head(b"a", size=5000) + bytes(512),
    "no end": member(b"a", b"x"),
    "nothing": b"",
    "no archive": b"#!/bin/sh\n" * 100,
}
"""What must be refused, with the end of an archive behind it where it has one."""

DEVICES = {"character device": head(b"c", b"3"), "block device": head(b"b", b"4"), "fifo": head(b"f", b"6")}


def whole(text: bytes) -> bytes:
    """An archive, with an end unless it must not have one."""
    return text if text in (HOSTILE["no end"], HOSTILE["nothing"], HOSTILE["no archive"]) else text + END
