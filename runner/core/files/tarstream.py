"""Reads a tar as it comes, member by member, and trusts none of it: sizes are bounded, forms that nobody needs are refused.

Knows what tar, docker and Go write: ustar, pax and GNU's long names and large numbers (POSIX.1-2024 pax; GNU tar 1.35,
"Basic Tar Format"). ``tarfile`` would keep what a header says of itself, however large that is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from enum import StrEnum
from typing import Final

from msgspec import Struct

BLOCK: Final = 512
PIECE: Final = 262144
"""How much of a member's content is handed on at once, at most."""
LONGEST_HEADER: Final = 1024 * 1024
"""Bytes of one member's extended headers; a path has 4096 at most."""
LONGEST_NAME: Final = 4096
"""Bytes of a path, Linux' PATH_MAX."""
_MOST_CONTENT: Final = 2**63 - 1
_ENCODING: Final = ("utf-8", "surrogateescape")


class BadArchive(ValueError):
    """The bytes are no archive, end in the middle, or hold a form that is refused; the text says which."""


class Kind(StrEnum):
    """What a member is, as a sentence names it."""

    FILE = "file"
    DIRECTORY = "directory"
    LINK = "link"
    HARD_LINK = "hard link"
    CHARACTER_DEVICE = "character device"
    BLOCK_DEVICE = "block device"
    FIFO = "fifo"


class Entry(Struct, frozen=True, kw_only=True):
    """One member: its name as it is written, permission bits, owner, bytes of content, and where a link leads."""

    name: str
    kind: Kind
    mode: int = 0o644
    user: int = 0
    group: int = 0
    size: int = 0
    time: int = 0
    target: str = ""


_KINDS: Final = {
    b"0": Kind.FILE,
    b"\0": Kind.FILE,
    b"7": Kind.FILE,
    b"1": Kind.HARD_LINK,
    b"2": Kind.LINK,
    b"3": Kind.CHARACTER_DEVICE,
    b"4": Kind.BLOCK_DEVICE,
    b"5": Kind.DIRECTORY,
    b"6": Kind.FIFO,
}
_LONG_NAME, _LONG_TARGET, _EXTENDED, _GLOBAL = b"L", b"K", b"x", b"g"
_SPARSE: Final = b"S"
_MOVING: Final = frozenset({"path", "linkpath", "size"})
"""What a header for all members that follow may not say: nobody writes that, and every member would be another."""


class TarReader:
    """The members of an archive, of which ``read`` gives at most so many bytes, and none at the end.

    Iterating and ``content`` raise BadArchive, and what ``read`` raises.
    """

    def __init__(self, read: Callable[[int], bytes]) -> None:
        self._read = read
        self._rest = 0  # of the present member's content
        self._padding = 0
        self._buffer, self._at = b"", 0

    def __iter__(self) -> Iterator[Entry]:
        while (entry := self._next()) is not None:
            yield entry

    def content(self) -> Iterator[bytes]:
        """The content of the member that came last, in pieces; what is not taken is skipped."""
        while self._rest:
            piece = self._some(min(self._rest, PIECE))
            self._rest -= len(piece)
            yield piece

    # --- headers ------------------------------------------------------------------------------------------------------

    def _next(self) -> Entry | None:
        more: dict[str, str] = {}
        while True:
            for _ in self.content():
                pass
            self._exactly(self._padding)
            self._padding = 0
            block = self._block()
            if block is None:
                return None
            kind = block[156:157]
            size = _number(block[124:136])
            if kind in (_LONG_NAME, _LONG_TARGET, _EXTENDED, _GLOBAL):
                extension = self._extension(size)
                if kind == _LONG_NAME:
                    more["path"] = _text(extension)
                elif kind == _LONG_TARGET:
                    more["linkpath"] = _text(extension)
                else:
                    _take_records(extension, more, is_global=kind == _GLOBAL)
                continue
            entry = _entry(block, kind, size, more)
            self._rest = entry.size
            self._padding = -entry.size % BLOCK
            return entry

    def _block(self) -> bytes | None:
        """The next header; None at the end, which a block of zeros marks."""
        block = self._exactly(BLOCK)
        if block.count(0) == BLOCK:
            return None
        found = _number(block[148:156])
        counted = sum(block) - sum(block[148:156]) + 8 * 32
        if found != counted:
            raise BadArchive("this is no tar archive, or it is damaged")
        return block

    def _extension(self, size: int) -> bytes:
        if size > LONGEST_HEADER:
            raise BadArchive(f"a header of {size} bytes is refused, {LONGEST_HEADER} is the most")
        data = self._exactly(size)
        self._exactly(-size % BLOCK)
        return data

    # --- bytes --------------------------------------------------------------------------------------------------------

    def _some(self, most: int) -> bytes:
        """At least one byte, and at most so many."""
        if self._at == len(self._buffer):
            self._buffer, self._at = self._read(PIECE), 0
            if not self._buffer:
                raise BadArchive("the archive ends in the middle")
        piece = self._buffer[self._at : self._at + most]
        self._at += len(piece)
        return piece

    def _exactly(self, size: int) -> bytes:
        piece = self._some(size) if size else b""
        if len(piece) == size:
            return piece
        pieces = [piece]
        while (left := size - sum(map(len, pieces))) > 0:
            pieces.append(self._some(left))
        return b"".join(pieces)


def _entry(block: bytes, kind: bytes, size: int, more: dict[str, str]) -> Entry:
    if kind == _SPARSE or any(word.startswith("GNU.sparse.") for word in more):
        raise BadArchive("sparse files are refused; write the archive without them (tar without -S)")
    known = _KINDS.get(kind)
    if known is None:
        raise BadArchive(f"a member of the unknown type {kind!r} is refused")
    name = more.get("path") or _name(block)
    if known is Kind.FILE and kind != b"7" and name.endswith("/"):
        known = Kind.DIRECTORY  # as archives from before 1988 have it
    target = more.get("linkpath") or _text(block[157:257])
    length = _whole(more["size"]) if "size" in more else size
    for text in (name, target):
        if len(text.encode(*_ENCODING)) > LONGEST_NAME:
            raise BadArchive(f"a name of more than {LONGEST_NAME} bytes is refused")
    return Entry(
        name=name,
        kind=known,
        mode=_number(block[100:108]) & 0o7777,
        user=_whole(more["uid"]) if "uid" in more else _number(block[108:116]),
        group=_whole(more["gid"]) if "gid" in more else _number(block[116:124]),
        size=length if known is Kind.FILE else 0,
        time=_seconds(more["mtime"]) if "mtime" in more else _number(block[136:148], is_signed=True),
        target=target if known in (Kind.LINK, Kind.HARD_LINK) else "",
    )


def _name(block: bytes) -> str:
    name = _text(block[:100])
    prefix = _text(block[345:500]) if block[257:263] == b"ustar\0" else ""
    return f"{prefix}/{name}" if prefix else name


def _text(field: bytes) -> str:
    return field.partition(b"\0")[0].decode(*_ENCODING)


def _number(field: bytes, *, is_signed: bool = False) -> int:
    """An octal number, or GNU's binary one. Raises BadArchive."""
    if field[0] & 0x80:
        value = int.from_bytes(field, signed=False) & ~(0x80 << 8 * (len(field) - 1))
        if field[0] == 0xFF:
            value = int.from_bytes(field, signed=True)
    else:
        digits = field.partition(b"\0")[0].strip()
        if digits.strip(b"01234567"):
            raise BadArchive("this is no tar archive, or it is damaged")
        value = int(digits or b"0", 8)
    if not is_signed and not 0 <= value <= _MOST_CONTENT:
        raise BadArchive(f"the number {value} in a header is refused")
    return value


def _whole(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 20) or int(text) > _MOST_CONTENT:
        raise BadArchive(f"the number {text[:40]!r} in a header is refused")
    return int(text)


def _seconds(text: str) -> int:
    whole = text.partition(".")[0]
    digits = whole.removeprefix("-")
    if not (digits.isascii() and digits.isdigit() and len(digits) < 20):
        raise BadArchive(f"the time {text[:40]!r} in a header is refused")
    return int(whole)


def _take_records(data: bytes, more: dict[str, str], *, is_global: bool) -> None:
    """Read a pax header: ``LENGTH KEY=VALUE`` lines, each as long as it says."""
    place = 0
    while place < len(data):
        space = data.find(b" ", place, place + 20)
        digits = data[place:space] if space > 0 else b""
        if not digits.isdigit():
            raise BadArchive("an extended header is damaged")
        end = place + int(digits)
        if end > len(data) or end <= space + 1 or data[end - 1 : end] != b"\n":
            raise BadArchive("an extended header is damaged")
        key, equals, value = data[space + 1 : end - 1].partition(b"=")
        word = key.decode(*_ENCODING)
        if not equals:
            raise BadArchive("an extended header is damaged")
        if is_global:
            if word in _MOVING or word.startswith("GNU.sparse."):
                raise BadArchive(f"a {word} for all members is refused")
        elif b"\0" in value and word in _MOVING:
            raise BadArchive("a name with a zero byte is refused")
        elif word in _MOVING or word in ("uid", "gid", "mtime") or word.startswith("GNU.sparse."):
            more[word] = value.decode(*_ENCODING)
        place = end
