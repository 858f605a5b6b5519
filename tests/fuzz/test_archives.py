"""Mutated archives, into a container and out of one: no traceback, nothing outside of the directory, no half a file.

PODRUNNER_FUZZ says how many archives are tried; `make fuzz` asks for 20,000.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runner.client.packing import Owning, checked
from runner.client.unpacking import CopyError, unpack
from runner.core.files.copying import CopyOptions
from runner.core.files.tarstream import BadArchive
from tests.support.tars import DEVICES, HOSTILE, head, member, pax, reading, sealed, whole

COUNT = int(os.environ.get("PODRUNNER_FUZZ") or 300)
FRIENDLY = [
    member(b"d/", kind=b"5"),
    member(b"d/f", b"content" * 100),
    head(b"d/l", b"2", target=b"f"),
    head(b"h", b"1", target=b"d/f"),
    pax(path="d/ä".encode(), mtime=b"1.5") + member(b"x", b"y"),
    member(b"././@LongLink", b"d/" + b"n" * 150 + b"\0", b"L") + member(b"x", b"y"),
]
PIECES = [*FRIENDLY, *HOSTILE.values(), *DEVICES.values()]


@st.composite
def archives(draw: st.DrawFn) -> bytes:
    """Good and bad members one after the other, with some bytes exchanged, half of the time under a right checksum."""
    data = bytearray(whole(b"".join(draw(st.lists(st.sampled_from(PIECES), min_size=1, max_size=5)))))
    for place, value in draw(st.lists(st.tuples(st.integers(0, 8191), st.integers(0, 255)), max_size=4)):
        if data:
            data[place % len(data)] = value
            start = place % len(data) // 512 * 512
            if value & 1 and len(data) >= start + 512:
                data[start : start + 512] = sealed(data[start : start + 512])
    return bytes(data[: draw(st.integers(0, len(data)))] if draw(st.booleans()) else data)


def tree(root: Path) -> dict[str, bytes | str]:
    """Everything below a directory, links as where they lead."""
    found: dict[str, bytes | str] = {}
    for folder, directories, files in os.walk(root):
        for name in (*directories, *files):
            path = Path(folder, name)
            shown = str(path.relative_to(root))
            found[shown] = str(path.readlink()) if path.is_symlink() else path.read_bytes() if path.is_file() else "dir"
    return found


@settings(
    max_examples=COUNT, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)
@given(archives(), st.sampled_from([1, 513, 1 << 20]))
def test_no_archive_leads_out_of_its_directory(
    tmp_path_factory: pytest.TempPathFactory, data: bytes, most: int
) -> None:
    root = tmp_path_factory.mktemp("root")
    inside = root / "inside"
    outside = root / "secret"
    outside.write_text("secret")
    with suppress(CopyError, BadArchive):
        unpack(reading(data, most), inside, CopyOptions())
    found = tree(root)
    assert {name for name in found if not name.startswith("inside")} == {"secret"}
    assert found["secret"] == b"secret"
    assert not [name for name in found if name.endswith(".podrunner")]
    for name, target in found.items():
        if isinstance(target, str) and target != "dir":
            assert (root / name).parent.joinpath(target).resolve().is_relative_to(inside.resolve()), (name, target)
    sent = b""
    with suppress(CopyError):
        sent = b"".join(checked(reading(data, most), Owning(), 0))
    with suppress(CopyError, BadArchive):  # A hard link may lead to a file that only the container has.
        unpack(reading(sent), root / "again", CopyOptions())
    assert sum(name.split("/")[0] not in ("inside", "secret", "again") for name in tree(root)) == 0
