"""A private registry on loopback for the daemon to pull from: the read half of the registry API, behind a password."""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import json
import tarfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import docker

MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
CONFIG = "application/vnd.docker.container.image.v1+json"
LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"


def digest(blob: bytes) -> str:
    return f"sha256:{hashlib.sha256(blob).hexdigest()}"


@dataclass
class Registry:
    """What it serves: blobs by digest, manifests by repository and tag or digest. ``address`` is its host and port."""

    address: str
    user: str
    password: str
    blobs: dict[str, bytes] = field(default_factory=dict)
    manifests: dict[str, bytes] = field(default_factory=dict)

    def add(self, client: docker.DockerClient, image: str, repository: str, tag: str) -> str:
        """Serve an image that the Engine has; return the manifest's digest."""
        saved = io.BytesIO(b"".join(client.images.get(image).save()))
        with tarfile.open(fileobj=saved) as archive:

            def read(name: str) -> bytes:
                reader = archive.extractfile(name)
                assert reader is not None
                return reader.read()

            (described,) = json.loads(read("manifest.json"))
            config = read(described["Config"])
            layers = [gzip.compress(read(name), 1, mtime=0) for name in described["Layers"]]
        for blob in (config, *layers):
            self.blobs[digest(blob)] = blob
        manifest = json.dumps(
            {
                "schemaVersion": 2,
                "mediaType": MANIFEST,
                "config": {"mediaType": CONFIG, "size": len(config), "digest": digest(config)},
                "layers": [{"mediaType": LAYER, "size": len(one), "digest": digest(one)} for one in layers],
            }
        ).encode()
        self.manifests |= {f"{repository}/{tag}": manifest, f"{repository}/{digest(manifest)}": manifest}
        return digest(manifest)

    def secret(self, name: str, *, password: str | None = None, registry: str | None = None) -> dict[str, Any]:
        """A pull secret, with its password or another one."""
        pair = f"{self.user}:{self.password if password is None else password}"
        entry = {"auth": base64.b64encode(pair.encode()).decode()}
        content = json.dumps({"auths": {registry or self.address: entry}})
        return {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": name},
            "type": "kubernetes.io/dockerconfigjson",
            "data": {".dockerconfigjson": base64.b64encode(content.encode()).decode()},
        }

    def answer(self, path: str, headers: Mapping[str, str]) -> tuple[int, str, bytes]:
        """Status, content type and body."""
        wanted = base64.b64encode(f"{self.user}:{self.password}".encode()).decode()
        if headers.get("Authorization") != f"Basic {wanted}":
            error = {"code": "UNAUTHORIZED", "message": "authentication required"}
            return 401, "application/json", json.dumps({"errors": [error]}).encode()
        if path == "/v2/":
            return 200, "application/json", b"{}"
        repository, kind, name = path.removeprefix("/v2/").rsplit("/", 2)
        found = self.blobs.get(name) if kind == "blobs" else self.manifests.get(f"{repository}/{name}")
        if found is None:
            return 404, "application/json", b'{"errors": [{"code": "NOT_FOUND", "message": "not here"}]}'
        return 200, MANIFEST if kind == "manifests" else "application/octet-stream", found


@contextmanager
def private_registry(user: str, password: str) -> Iterator[Registry]:
    """A registry while the block runs."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            status, kind, body = registry.answer(self.path, dict(self.headers))
            self.send_response(status)
            if status == 401:
                self.send_header("WWW-Authenticate", 'Basic realm="private"')
            if kind == MANIFEST:
                self.send_header("Docker-Content-Digest", digest(body))
            self.send_header("Docker-Distribution-Api-Version", "registry/2.0")
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body)

        do_HEAD = do_GET  # noqa: N815 - the names that http.server looks for

        def log_message(self, *words: object) -> None:
            """Nothing is logged."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    registry = Registry(address=f"127.0.0.1:{server.server_port}", user=user, password=password)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield registry
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
