"""The files of an image, as they go into a volume."""

from __future__ import annotations

import io
import tarfile

from runner.kubelet.images.imagevolumes import without_engines_own


def tar(*members: tuple[str, bytes, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, kind, data in members:
            info = tarfile.TarInfo(name)
            info.type, info.size = kind, len(data) if kind == tarfile.REGTYPE else 0
            if kind in (tarfile.SYMTYPE, tarfile.LNKTYPE):
                info.linkname = data.decode()
            archive.addfile(info, io.BytesIO(data) if kind == tarfile.REGTYPE else None)
    return buffer.getvalue()


def test_what_the_engine_adds_and_devices_are_left_out() -> None:
    file, folder, link = tarfile.REGTYPE, tarfile.DIRTYPE, tarfile.SYMTYPE
    archive = tar(
        ("/", folder, b""),
        ("/.dockerenv", file, b""),
        ("/dev/console", file, b""),
        ("/dev/null", tarfile.CHRTYPE, b""),
        ("/etc", folder, b""),
        ("/etc/hosts", file, b"the image's own"),
        ("/etc/resolv.conf", file, b""),
        ("/etc/mtab", link, b"/proc/mounts"),
        ("/bin/sh", file, b"program"),
        ("/bin/ash", tarfile.LNKTYPE, b"/bin/sh"),
        ("/.profile", file, b"x"),
    )
    with tarfile.open(fileobj=io.BytesIO(without_engines_own(archive))) as found:
        names = {member.name: member.linkname for member in found}
        hosts = found.extractfile("etc/hosts")
        assert hosts is not None
        assert hosts.read() == b"the image's own"
    assert names == {"etc": "", "etc/hosts": "", "bin/sh": "", "bin/ash": "bin/sh", ".profile": ""}
