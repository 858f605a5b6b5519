"""The images made of Debian's packages are the same bytes every time and arrive whole in a registry."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tools import registry
from tools.images import busybox_image
from tools.layers import Image, Layer
from tools.place import EnginePlace, engine_place


def names(archive: bytes) -> list[str]:
    """Return the paths of a tar."""
    with tarfile.open(fileobj=io.BytesIO(archive)) as opened:
        return opened.getnames()


def sample() -> Layer:
    """Return a layer with one of everything."""
    layer = Layer()
    layer.file("etc/deep/file", "text", 0o640)
    layer.symlink("bin/sh", "busybox")
    layer.directory("tmp", 0o1777)
    return layer


def test_a_layer_is_the_same_bytes_in_whatever_order_it_was_made() -> None:
    other = Layer()
    other.directory("tmp", 0o1777)
    other.symlink("bin/sh", "busybox")
    other.file("etc/deep/file", "text", 0o640)
    assert sample().archive() == other.archive()


def test_parent_directories_come_before_what_they_hold() -> None:
    assert names(sample().archive()) == ["bin", "bin/sh", "etc", "etc/deep", "etc/deep/file", "tmp"]


def test_members_keep_mode_and_link_and_have_no_time() -> None:
    with tarfile.open(fileobj=io.BytesIO(sample().archive())) as opened:
        found = {member.name: (member.mode, member.linkname, member.mtime, member.uid) for member in opened}
    assert found["etc/deep/file"] == (0o640, "", 0, 0)
    assert found["bin/sh"] == (0o777, "busybox", 0, 0)
    assert found["tmp"] == (0o1777, "", 0, 0)


def test_a_package_of_the_old_layout_lands_below_usr(tmp_path: Path) -> None:
    for folder in ("lib/here", "usr/lib/there"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "x.so.1").write_text("x")
    (tmp_path / "lib/here/link.so").symlink_to("x.so.1")
    layer = Layer()
    layer.tree(tmp_path, "lib", "usr/lib")
    wanted = ["usr", "usr/lib", "usr/lib/here", "usr/lib/here/link.so", "usr/lib/here/x.so.1"]
    assert names(layer.archive()) == [*wanted, "usr/lib/there", "usr/lib/there/x.so.1"]


def test_the_configuration_names_the_uncompressed_layers() -> None:
    configuration, (packed,) = Image(layers=(sample(),), settings={"Cmd": ["sh"]}, architecture="arm64").build()
    document = json.loads(configuration)
    digest = hashlib.sha256(gzip.decompress(packed)).hexdigest()
    assert document["rootfs"] == {"type": "layers", "diff_ids": [f"sha256:{digest}"]}
    assert (document["architecture"], document["config"]) == ("arm64", {"Cmd": ["sh"]})


def test_busybox_has_every_applet_it_lists_and_a_place_to_write(tmp_path: Path) -> None:
    program = tmp_path / "busybox"
    program.write_text("#!/bin/sh\nprintf 'busybox\\nhttpd\\nsh\\n'\n")
    program.chmod(0o755)
    image = busybox_image(program, "amd64")
    members = image.layers[0].members
    assert {path for path in members if path.startswith("bin/")} == {"bin/busybox", "bin/httpd", "bin/sh"}
    assert members["bin/sh"][0].linkname == "busybox"
    assert members["tmp"][0].mode == 0o1777
    assert {"root", "home", "etc/passwd", "etc/group"} <= set(members)
    assert image.settings["Cmd"] == ["sh"]


class FakeRegistry(ThreadingHTTPServer):
    """The few verbs of a registry that a push needs, kept in memory; it checks digests as a real one does."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), FakeRegistryHandler)
        self.blobs: dict[str, bytes] = {}
        self.manifests: dict[str, bytes] = {}
        self.uploads = 0


class FakeRegistryHandler(BaseHTTPRequestHandler):
    """One request to the fake registry."""

    server: FakeRegistry

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - the base class names it so
        """Keep quiet."""

    def _answer(self, status: int, location: str = "") -> None:
        self.send_response(status)
        if location:
            self.send_header("Location", location)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def do_HEAD(self) -> None:
        known = {**self.server.blobs, **self.server.manifests}
        self._answer(200 if self.path.rpartition("/")[2] in known else 404)

    def do_POST(self) -> None:
        self.server.uploads += 1
        self._answer(202, f"http://{self.headers['Host']}{self.path}one?_state=x")

    def do_PUT(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if "/manifests/" in self.path:
            assert self.headers["Content-Type"] == registry.MANIFEST_TYPE
            self.server.manifests[self.path.rpartition("/")[2]] = body
            self._answer(201)
            return
        digest = self.path.rpartition("digest=")[2]
        whole = digest == f"sha256:{hashlib.sha256(body).hexdigest()}" and "_state=x&" in self.path
        if whole:
            self.server.blobs[digest] = body
        self._answer(201 if whole else 400)


@pytest.fixture
def fake(tmp_path: Path) -> Iterator[tuple[EnginePlace, FakeRegistry]]:
    """A fake registry where the private Engine's place expects its own."""
    place = engine_place({"PODRUNNER_HOME": str(tmp_path)})
    place.registry.mkdir(parents=True)
    with FakeRegistry() as server:
        (place.registry / "port").write_text(str(server.server_address[1]))
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield place, server
        server.shutdown()
        thread.join()


def test_a_pushed_image_is_complete(fake: tuple[EnginePlace, FakeRegistry]) -> None:
    place, server = fake
    configuration, layers = Image(layers=(sample(), Layer()), settings={}, architecture="amd64").build()
    assert not registry.has(place, "library/x", "1")
    registry.push(place, "library/x", "1", configuration, layers)
    assert registry.has(place, "library/x", "1")
    manifest = json.loads(server.manifests["1"])
    assert server.blobs[manifest["config"]["digest"]] == configuration
    assert [server.blobs[layer["digest"]] for layer in manifest["layers"]] == layers
    assert [layer["size"] for layer in manifest["layers"]] == [len(layer) for layer in layers]


def test_a_second_tag_uploads_no_blob_again(fake: tuple[EnginePlace, FakeRegistry]) -> None:
    place, server = fake
    configuration, layers = Image(layers=(sample(),), settings={}, architecture="amd64").build()
    for tag in ("1", "latest"):
        registry.push(place, "library/x", tag, configuration, layers)
    assert (sorted(server.manifests), server.uploads) == (["1", "latest"], 2)


def test_the_port_is_chosen_once(tmp_path: Path) -> None:
    place = engine_place({"PODRUNNER_HOME": str(tmp_path)})
    assert registry.port(place) == registry.port(place) > 1023
