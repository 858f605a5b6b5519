"""Find the Engine: what the user named, then the Docker context, then the sockets where Engines usually listen.

A socket file proves nothing, so every candidate is asked ``GET /_ping``, without docker-py, which is slow to import.
What the user named for this very call is never silently replaced by something else.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from msgspec import Struct

from runner.clock import Wakeup
from runner.engine.plainhttp import NoAnswer, NotHttp, ask
from runner.errors import EngineUnavailable

if TYPE_CHECKING:
    import http.client

PING_SECONDS: Final = 3.0
_PING_PAUSES: Final = (0.1, 0.2, 0.4, 0.8)
"""Seconds to wait before an Engine that answered with an error is asked again; then it is believed."""


class TlsFiles(Struct, frozen=True, kw_only=True):
    """Certificate files for an Engine behind TLS; "" where there is none. ``verify`` asks for the server's."""

    ca: str = ""
    cert: str = ""
    key: str = ""
    verify: bool = True


class EngineAddress(Struct, frozen=True, kw_only=True):
    """An Engine that answered: its address as DOCKER_HOST has it, where the address came from, the Docker context."""

    url: str
    source: str
    context: str = ""
    tls: TlsFiles | None = None


class _Candidate(Struct, frozen=True, kw_only=True):
    address: EngineAddress
    binding: bool = False
    """Named by the user for this call: it or nothing."""


def discover(environ: Mapping[str, str], home: Path, state_dir: Path, *, root: Path = Path("/")) -> EngineAddress:
    """Return the first Engine that answers.

    ``root`` stands for the top of the file system in the system-wide socket paths. Raises EngineUnavailable, whose hint
    names each address that was tried on a line of its own, and what to do.
    """
    refused: list[str] = []
    for candidate in _candidates(environ, home, state_dir, root):
        address = candidate.address
        reason = complaint(address)
        if not reason:
            return address
        if candidate.binding:
            raise EngineUnavailable(
                f"no Engine answers at {address.url} ({address.source}): {reason}",
                hint=f"start that Engine, or correct or unset what names it ({address.source})",
                recoverable=False,
            )
        refused.append(f"  {address.source}: {address.url}: {reason}")
    raise EngineUnavailable(
        "no Docker Engine answers",
        hint="\n".join(
            [
                "tried:",
                *refused,
                "start one of them, or name one in DOCKER_HOST, or install one:",
                "  Linux: https://docs.docker.com/engine/install/ (on Debian and Ubuntu also `apt-get install docker.io`)",
                "  macOS, Windows: Docker Desktop, Colima, OrbStack or Rancher Desktop",
            ]
        ),
        recoverable=False,
    )


def _candidates(environ: Mapping[str, str], home: Path, state_dir: Path, root: Path) -> Iterator[_Candidate]:
    folder = Path(environ.get("DOCKER_CONFIG") or home / ".docker")
    if host := environ.get("DOCKER_HOST"):
        tls = _environment_tls(environ, folder)
        yield _Candidate(address=EngineAddress(url=host, source="DOCKER_HOST", tls=tls), binding=True)
        return
    if name := environ.get("DOCKER_CONTEXT"):
        source = "DOCKER_CONTEXT"
    else:
        name, source = _current_context(folder), f"currentContext in {folder / 'config.json'}"
    if name and name != "default":
        yield _Candidate(address=_context(folder, name, source), binding=True)
        return
    for source, path in _usual_sockets(environ, home, root):
        yield _Candidate(address=EngineAddress(url=f"unix://{path}", source=source))
    engine = state_dir / "engine"
    private = f"unix://{engine / 'docker.sock'}"
    yield _Candidate(address=EngineAddress(url=private, source="private Engine"))
    noted = _read(engine / "address").strip()
    if noted and noted != private:
        yield _Candidate(address=EngineAddress(url=noted, source=str(engine / "address")))


def _usual_sockets(environ: Mapping[str, str], home: Path, root: Path) -> list[tuple[str, Path]]:
    runtime = Path(environ.get("XDG_RUNTIME_DIR") or root / f"run/user/{os.getuid()}")
    return [
        ("Docker", root / "var/run/docker.sock"),
        ("Docker Desktop", home / ".docker/run/docker.sock"),
        ("Docker Desktop", home / ".docker/desktop/docker.sock"),
        ("Colima", home / ".colima/default/docker.sock"),
        ("OrbStack", home / ".orbstack/run/docker.sock"),
        ("Rancher Desktop", home / ".rd/docker.sock"),
        ("rootless Docker", runtime / "docker.sock"),
        ("Podman", runtime / "podman/podman.sock"),
        ("Podman", root / "run/podman/podman.sock"),
    ]


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except (OSError, UnicodeDecodeError):
        return ""


def _json(path: Path) -> dict[str, object]:
    try:
        document = json.loads(_read(path) or "{}")
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}


def _current_context(folder: Path) -> str:
    return str(_json(folder / "config.json").get("currentContext") or "")


def _context(folder: Path, name: str, source: str) -> EngineAddress:
    """The address that a Docker context stands for; raises EngineUnavailable when there is no such context."""
    key = hashlib.sha256(name.encode()).hexdigest()
    endpoints = _json(folder / "contexts/meta" / key / "meta.json").get("Endpoints")
    endpoint = endpoints.get("docker") if isinstance(endpoints, dict) else None
    host = endpoint.get("Host") if isinstance(endpoint, dict) else None
    if not isinstance(endpoint, dict) or not host:
        raise EngineUnavailable(
            f"Docker context {name!r} ({source}) does not exist in {folder}",
            hint="see `docker context ls`, then correct or unset it",
            recoverable=False,
        )
    files = folder / "contexts/tls" / key / "docker"
    tls = _tls(files, verify=not endpoint.get("SkipTLSVerify")) if files.is_dir() else None
    return EngineAddress(url=str(host), source=f"{source} ({name})", context=name, tls=tls)


def _environment_tls(environ: Mapping[str, str], folder: Path) -> TlsFiles | None:
    """DOCKER_TLS_VERIFY or DOCKER_CERT_PATH turn TLS on, the first also asks to verify the server, as in docker."""
    verify, path = environ.get("DOCKER_TLS_VERIFY", ""), environ.get("DOCKER_CERT_PATH", "")
    if not verify and not path:
        return None
    return _tls(Path(path) if path else folder, verify=bool(verify))


def _tls(folder: Path, *, verify: bool) -> TlsFiles:
    names = {
        name: str(folder / f"{name}.pem") if (folder / f"{name}.pem").exists() else "" for name in ("ca", "cert", "key")
    }
    return TlsFiles(ca=names["ca"], cert=names["cert"], key=names["key"], verify=verify)


def _ping(address: EngineAddress) -> int:
    """The status of the answer to one ping. Raises OSError, ValueError."""
    parts = urlsplit(address.url)
    if parts.scheme == "unix":
        return ask(parts.path, "GET", "/_ping", timeout=PING_SECONDS).status
    import http.client

    try:
        connection = _connection(address)
        try:
            connection.request("GET", "/_ping")
            answer = connection.getresponse()
            answer.read()
            return answer.status
        finally:
            connection.close()
    except http.client.RemoteDisconnected as problem:
        raise NoAnswer(str(problem)) from problem
    except http.client.HTTPException as problem:
        raise NotHttp(str(problem)) from problem


def _connection(address: EngineAddress) -> http.client.HTTPConnection:
    import http.client
    import ssl

    parts = urlsplit(address.url)
    if parts.scheme not in ("tcp", "http", "https"):
        raise ValueError(f"the address has {f'scheme {parts.scheme!r}' if parts.scheme else 'no scheme'}")
    host = parts.hostname or "localhost"
    if address.tls is None and parts.scheme != "https":
        return http.client.HTTPConnection(host, parts.port or 2375, timeout=PING_SECONDS)
    tls = address.tls or TlsFiles()
    trust = ssl.create_default_context(cafile=tls.ca or None)
    if not tls.verify:
        trust.check_hostname, trust.verify_mode = False, ssl.CERT_NONE
    if tls.cert:
        trust.load_cert_chain(tls.cert, tls.key or None)
    return http.client.HTTPSConnection(host, parts.port or 2376, timeout=PING_SECONDS, context=trust)


def complaint(address: EngineAddress) -> str:
    """Return why the Engine at an address cannot be used; "" when it answers.

    An ssh address is believed: to ask it takes the user's own ssh, and it was given on purpose.
    """
    if address.url.startswith("ssh://"):
        return ""
    for pause in _PING_PAUSES:
        reason, may_pass = _asked(address)
        if not may_pass:
            return reason
        Wakeup().wait(pause)
    return _asked(address)[0]


def _asked(address: EngineAddress) -> tuple[str, bool]:
    """Why one ping failed, "" when it did not, and whether another one may fare better: something answered."""
    try:
        status = _ping(address)
    except FileNotFoundError:
        return "there is no such socket", False
    except PermissionError:
        return "permission denied (is the user in the group of the socket?)", False
    except ConnectionRefusedError:
        return "nothing listens", False
    except TimeoutError:
        return f"no answer within {PING_SECONDS:g} s", False
    except NotHttp as problem:
        return "what answers does not speak HTTP", isinstance(problem, NoAnswer)
    except ConnectionResetError as problem:
        return str(problem), True
    except (OSError, ValueError) as problem:
        return str(problem) or type(problem).__name__, False
    return "" if status == 200 else f"answered /_ping with status {status}", status >= 500
