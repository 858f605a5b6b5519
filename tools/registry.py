"""The registry mirror of the private Engine: Debian's docker-registry on loopback, and pushing images into it.

It serves `docker.io/library/*` names to our dockerd, so that a pull without Docker Hub still is a true pull.
Pushing is the Docker Registry HTTP API v2: blobs first, then a schema-2 manifest under each tag.
"""

from __future__ import annotations

import hashlib
import http.client
import json
import shutil
import socket
import subprocess
from pathlib import Path

from tools import debian, processes
from tools.place import EnginePlace, SetupError, say

MANIFEST_TYPE = "application/vnd.docker.distribution.manifest.v2+json"
CONFIG_TYPE = "application/vnd.docker.container.image.v1+json"
LAYER_TYPE = "application/vnd.docker.image.rootfs.diff.tar.gzip"


def pids(place: EnginePlace) -> list[int]:
    """Return the pids of our registry."""
    return processes.find("docker-registry", str(place.registry / "config.json"))


def port(place: EnginePlace) -> int:
    """Return the port of our registry: a free one, chosen once and remembered."""
    remembered = place.registry / "port"
    try:
        return int(remembered.read_text())
    except (OSError, ValueError):
        place.registry.mkdir(parents=True, exist_ok=True)
        with socket.create_server(("127.0.0.1", 0)) as server:
            chosen = int(server.getsockname()[1])
        remembered.write_text(f"{chosen}\n")
        return chosen


def url(place: EnginePlace) -> str:
    """Return the address that dockerd is given as its mirror."""
    return f"http://127.0.0.1:{port(place)}"


def _program(place: EnginePlace) -> Path:
    program = place.registry / "docker-registry"
    if not program.exists():
        say("Unpacking Debian's docker-registry")
        unpacked = place.registry / "unpacked"
        debian.unpack("docker-registry", unpacked)
        (unpacked / "usr/bin/docker-registry").rename(program)  # in one step: a program cut off halfway never counts
        shutil.rmtree(unpacked)
    return program


def _alive(place: EnginePlace) -> bool:
    try:
        return ask(place, "GET", "/v2/")[0] == 200
    except OSError:
        return False


def start(place: EnginePlace) -> None:
    """Start our registry unless it answers; call with the lock held."""
    if pids(place) and _alive(place):
        return
    processes.stop(pids(place), 10.0)
    program = _program(place)
    if _taken(port(place)):  # another process has it since: choose again, dockerd is told by `use_mirror`
        (place.registry / "port").unlink()
    configuration = place.registry / "config.json"  # JSON is YAML
    content = {
        "version": "0.1",
        "log": {"level": "warn", "accesslog": {"disabled": True}},
        "storage": {
            "filesystem": {"rootdirectory": str(place.registry / "content")},
            "delete": {"enabled": True},
            "cache": {"blobdescriptor": "inmemory"},
        },
        "http": {"addr": f"127.0.0.1:{port(place)}"},
    }
    configuration.write_text(json.dumps(content, indent=1) + "\n")
    arguments = [str(program), "serve", str(configuration)]
    log = place.log("registry")
    process: subprocess.Popen[bytes] = processes.spawn(arguments, log, {"PATH": debian.SYSTEM_PATH})
    processes.wait_until(lambda: process.poll() is not None or _alive(place), 30.0)
    if not _alive(place):
        raise SetupError(f"{processes.tail(log)}\nthe registry did not come up; the lines above end its log, {log}")


def _taken(number: int) -> bool:
    try:
        with socket.create_server(("127.0.0.1", number)):
            return False
    except OSError:
        return True


def ask(
    place: EnginePlace, method: str, path: str, body: bytes | None = None, kind: str = "application/octet-stream"
) -> tuple[int, str]:
    """Send one request to our registry; return the status and the Location header."""
    link = http.client.HTTPConnection("127.0.0.1", port(place), timeout=60)
    try:
        link.request(method, path, body=body, headers={"Content-Type": kind, "Accept": MANIFEST_TYPE})
        answer = link.getresponse()
        answer.read()
        return answer.status, answer.getheader("Location", "")
    except http.client.HTTPException as problem:
        raise OSError(f"not a registry: {problem!r}") from problem
    finally:
        link.close()


def has(place: EnginePlace, name: str, tag: str) -> bool:
    """Tell whether the registry has this tag."""
    return ask(place, "HEAD", f"/v2/{name}/manifests/{tag}")[0] == 200


def push_blob(place: EnginePlace, name: str, blob: bytes) -> dict[str, object]:
    """Upload a blob unless it is there; return its size and digest as a descriptor wants them."""
    digest = f"sha256:{hashlib.sha256(blob).hexdigest()}"
    if ask(place, "HEAD", f"/v2/{name}/blobs/{digest}")[0] != 200:
        _, location = ask(place, "POST", f"/v2/{name}/blobs/uploads/", b"")
        path = location[location.index("/v2/") :]
        status, _ = ask(place, "PUT", f"{path}{'&' if '?' in path else '?'}digest={digest}", blob)
        if status != 201:
            raise SetupError(f"the registry refused a blob of {name} with status {status}")
    return {"size": len(blob), "digest": digest}


def push(place: EnginePlace, name: str, tag: str, configuration: bytes, layers: list[bytes]) -> None:
    """Upload an image of gzipped layers under a tag."""
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST_TYPE,
        "config": {"mediaType": CONFIG_TYPE, **push_blob(place, name, configuration)},
        "layers": [{"mediaType": LAYER_TYPE, **push_blob(place, name, layer)} for layer in layers],
    }
    body = json.dumps(manifest, indent=1).encode()
    status, _ = ask(place, "PUT", f"/v2/{name}/manifests/{tag}", body, MANIFEST_TYPE)
    if status != 201:
        raise SetupError(f"the registry refused {name}:{tag} with status {status}")
