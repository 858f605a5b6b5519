"""The image as bytes: what it contains, what it is called, and that it never varies."""

from __future__ import annotations

import hashlib
import io
import json
import struct
import tarfile
from typing import Any

import pytest

from runner.core.container.messages import FOLDER
from runner.core.network.clusterdns import ZONE
from runner.errors import UsageError
from runner.sandbox.image import (
    ARCHITECTURES,
    build_image,
    normalize_architecture,
    sandbox_image,
    sandbox_program,
    sandbox_reference,
)

ELF_MACHINES = {"amd64": 62, "arm64": 183}
"""``e_machine`` of the ELF header: EM_X86_64 and EM_AARCH64."""

PROGRAM_HEADER_INTERPRETER = 3
"""``p_type`` PT_INTERP: present in every program that needs a dynamic loader."""


def unpack(archive: bytes) -> dict[str, bytes]:
    """The regular files of a tar archive by name."""
    found: dict[str, bytes] = {}
    with tarfile.open(fileobj=io.BytesIO(archive)) as opened:
        for member in opened:
            content = opened.extractfile(member)
            assert content is not None, f"{member.name} is not a regular file"
            found[member.name] = content.read()
    return found


def read_manifest(archive: bytes) -> dict[str, Any]:
    """The only entry of the archive's manifest.json."""
    (entry,) = json.loads(unpack(archive)["manifest.json"])
    assert isinstance(entry, dict)
    return entry


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_shipped_program_is_a_small_static_executable_of_its_architecture(architecture: str) -> None:
    program = sandbox_program(architecture)
    assert program[:6] == b"\x7fELF\x02\x01", "64 bit, little endian"
    (machine,) = struct.unpack_from("<H", program, 18)
    assert machine == ELF_MACHINES[architecture]
    assert len(program) < 64 * 1024
    (headers_at,) = struct.unpack_from("<Q", program, 32)
    size, count = struct.unpack_from("<HH", program, 54)
    types = [struct.unpack_from("<I", program, headers_at + size * index)[0] for index in range(count)]
    assert types
    assert PROGRAM_HEADER_INTERPRETER not in types


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_equal_programs_give_equal_bytes(architecture: str) -> None:
    first = build_image(sandbox_program(architecture), architecture)
    second = build_image(bytes(bytearray(sandbox_program(architecture))), architecture)
    assert first == second
    assert first == sandbox_image(architecture)


def test_reference_and_id_change_with_the_program_and_with_the_architecture() -> None:
    images = [
        build_image(b"one", "amd64"),
        build_image(b"two", "amd64"),
        build_image(b"one", "arm64"),
    ]
    assert len({image.reference for image in images}) == 3
    assert len({image.id for image in images}) == 3


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_archive_describes_itself_without_contradiction(architecture: str) -> None:
    """An Engine checks these digests when it loads the archive; the id is what it will call the image."""
    image = sandbox_image(architecture)
    files = unpack(image.archive)
    manifest = read_manifest(image.archive)
    configuration_bytes = files[manifest["Config"]]
    configuration = json.loads(configuration_bytes)
    (layer_name,) = manifest["Layers"]
    assert manifest["RepoTags"] == [image.reference]
    assert image.id == f"sha256:{hashlib.sha256(configuration_bytes).hexdigest()}"
    assert image.reference == f"podrunner/sandbox:{image.id[7:23]}" == sandbox_reference(architecture)
    assert configuration["rootfs"]["diff_ids"] == [f"sha256:{hashlib.sha256(files[layer_name]).hexdigest()}"]
    assert configuration["architecture"] == architecture
    assert configuration["os"] == "linux"
    assert configuration["config"]["Entrypoint"] == ["/pause"]
    assert configuration["config"]["Labels"] == {"dev.podrunner/image": "sandbox"}


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_layer_holds_the_executable_and_a_link_to_the_zone_and_nothing_else(architecture: str) -> None:
    """Nothing of the machine that packed it: no owner, no time."""
    image = sandbox_image(architecture)
    (layer_name,) = read_manifest(image.archive)["Layers"]
    assert unpack(image.archive)[layer_name] == image.rootfs
    with tarfile.open(fileobj=io.BytesIO(image.rootfs)) as layer:
        member, link = layer.getmembers()
        content = layer.extractfile(member)
        assert content is not None
        assert content.read() == sandbox_program(architecture)
    assert (link.name, link.type, link.linkname) == (ZONE, tarfile.SYMTYPE, f"{FOLDER.removeprefix('/')}/{ZONE}")
    assert (member.name, member.mode, member.uid, member.gid, member.uname, member.mtime) == (
        "pause",
        0o755,
        0,
        0,
        "",
        0,
    )


@pytest.mark.parametrize(
    ("name", "expected"),
    [("amd64", "amd64"), ("arm64", "arm64"), ("x86_64", "amd64"), ("aarch64", "arm64"), ("AMD64", "amd64")],
)
def test_engine_and_kernel_names_of_an_architecture_mean_the_same_image(name: str, expected: str) -> None:
    assert normalize_architecture(name) == expected
    assert sandbox_image(name) == sandbox_image(expected)


@pytest.mark.parametrize("name", ["riscv64", "386", "", "arm"])
def test_machine_without_a_program_is_a_usage_error_that_names_the_way_out(name: str) -> None:
    with pytest.raises(UsageError) as caught:
        sandbox_image(name)
    assert repr(name) in str(caught.value)
    assert "--sandbox-image" in caught.value.hint
