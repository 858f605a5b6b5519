"""Find an Engine that answers: DOCKER_HOST, the Docker context, then the sockets where Engines usually listen.

A socket file proves nothing; every candidate is asked `GET /_ping`. The order is that of runner/engine/discover.py, which
cannot be used here, as this runs before anything is installed; a test keeps the two together.
"""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tools.place import EnginePlace, SetupError

PING_SECONDS = 3.0


class _UnixConnection(http.client.HTTPConnection):
    """HTTP over a unix socket."""

    def __init__(self, path: str, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def connection(url: str, timeout: float) -> http.client.HTTPConnection:
    """Return an unopened connection to the Engine at `url` (unix, tcp, http or https); ValueError for other kinds."""
    parts = urlsplit(url)
    if parts.scheme == "unix":
        return _UnixConnection(parts.path or parts.netloc, timeout)
    if parts.scheme not in ("tcp", "http", "https"):
        raise ValueError(f"{url}: {parts.scheme or 'no scheme'} cannot be asked from here")
    if parts.scheme == "https" or os.environ.get("DOCKER_TLS_VERIFY"):
        folder = Path(os.environ.get("DOCKER_CERT_PATH") or Path.home() / ".docker")
        context = ssl.create_default_context()
        if (folder / "ca.pem").exists():
            context.load_verify_locations(folder / "ca.pem")
        if (folder / "cert.pem").exists():
            context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
        return http.client.HTTPSConnection(
            parts.hostname or "localhost", parts.port or 2376, timeout=timeout, context=context
        )
    return http.client.HTTPConnection(parts.hostname or "localhost", parts.port or 2375, timeout=timeout)


def request(url: str, method: str, path: str, timeout: float) -> tuple[int, bytes]:
    """Ask the Engine at `url`; return status and whole body. OSError where it does not answer."""
    link = connection(url, timeout)
    try:
        link.request(method, path)
        answer = link.getresponse()
        return answer.status, answer.read()
    except http.client.HTTPException as problem:
        raise OSError(f"not an HTTP server: {problem!r}") from problem
    finally:
        link.close()


def complaint(url: str) -> str:
    """Return why the Engine at `url` cannot be used; the empty string when it answers.

    An ssh address is believed: asking it needs the user's ssh, and it was given on purpose.
    """
    if url.startswith("ssh://"):
        return ""
    try:
        status, _ = request(url, "GET", "/_ping", PING_SECONDS)
    except FileNotFoundError:
        return "there is no such socket"
    except PermissionError:
        return "permission denied (is the user in the group of the socket?)"
    except ConnectionRefusedError:
        return "nothing listens"
    except (OSError, ValueError) as problem:
        return str(problem) or type(problem).__name__
    return "" if status == 200 else f"answered /_ping with {status}"


def answers(url: str) -> bool:
    """Tell whether an Engine answers at `url`."""
    return not complaint(url)


def get_json(url: str, path: str) -> dict[str, Any]:
    """Return the object that the Engine answers on `path`."""
    _, body = request(url, "GET", path, 30.0)
    document: dict[str, Any] = json.loads(body)
    return document


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """An address where an Engine may be; a `binding` one was named by the user: it or nothing."""

    source: str
    url: str
    binding: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The first Engine that answers, if any, and the candidates that do not, each with the reason."""

    engine: Candidate | None
    refused: tuple[tuple[Candidate, str], ...]


def _context_url(folder: Path, name: str) -> str | None:
    meta = folder / "contexts/meta" / hashlib.sha256(name.encode()).hexdigest() / "meta.json"
    try:
        host = json.loads(meta.read_text())["Endpoints"]["docker"]["Host"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return str(host) if host else None


def _context(environment: Mapping[str, str], home: Path) -> list[Candidate]:
    folder = Path(environment.get("DOCKER_CONFIG") or home / ".docker")
    name, source = environment.get("DOCKER_CONTEXT"), "DOCKER_CONTEXT"
    if not name:
        source = f"currentContext in {folder / 'config.json'}"
        try:
            name = json.loads((folder / "config.json").read_text()).get("currentContext")
        except (OSError, ValueError, AttributeError):
            name = None
    if not name or name == "default":
        return []
    url = _context_url(folder, name)
    if url is None:
        raise SetupError(f"Docker context {name!r} ({source}) does not exist in {folder}; see `docker context ls`")
    return [Candidate(source=f"{source} ({name})", url=url, binding=True)]


def candidates(environment: Mapping[str, str], place: EnginePlace, top: Path = Path("/")) -> list[Candidate]:
    """Return where an Engine may be, the best first; the private one, if it runs, comes last.

    `top` replaces the root of the file system for the system-wide sockets.
    """
    home = Path(environment.get("HOME") or "~").expanduser()
    runtime = Path(environment.get("XDG_RUNTIME_DIR") or top / f"run/user/{os.getuid()}")
    host = environment.get("DOCKER_HOST")
    if host and host != place.url:  # our own address in DOCKER_HOST: a stopped private Engine is simply started again
        return [Candidate(source="DOCKER_HOST", url=host, binding=True)]
    if not host and (named := _context(environment, home)):
        return named
    usual = [
        ("Docker", top / "var/run/docker.sock"),
        ("Docker Desktop", home / ".docker/run/docker.sock"),
        ("Docker Desktop", home / ".docker/desktop/docker.sock"),
        ("Colima", home / ".colima/default/docker.sock"),
        ("OrbStack", home / ".orbstack/run/docker.sock"),
        ("Rancher Desktop", home / ".rd/docker.sock"),
        ("rootless Docker", runtime / "docker.sock"),
        ("Podman", runtime / "podman/podman.sock"),
        ("Podman", top / "run/podman/podman.sock"),
    ]
    private = Candidate(source="private Engine", url=place.url)
    return [*(Candidate(source=source, url=f"unix://{path}") for source, path in usual), private]


def discover(environment: Mapping[str, str], place: EnginePlace, top: Path = Path("/")) -> Found:
    """Ask the candidates in order and stop at the first that answers."""
    refused: list[tuple[Candidate, str]] = []
    for candidate in candidates(environment, place, top):
        reason = complaint(candidate.url)
        if not reason:
            return Found(engine=candidate, refused=tuple(refused))
        refused.append((candidate, reason))
    return Found(engine=None, refused=tuple(refused))
