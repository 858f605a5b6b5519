"""A small Engine API on a unix socket: canned answers, so that the adapter meets every status and every broken stream."""

from __future__ import annotations

import contextlib
import http.server
import json
import socket
import socketserver
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

VERSION = {"ApiVersion": "1.41", "Version": "20.10.24", "Arch": "amd64", "Os": "linux"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A response. ``chunks`` None sends ``body`` in one piece; otherwise they are sent as HTTP chunks, and without
    ``whole`` the connection is cut after the last. ``hold`` keeps it open, silent, until the server ends."""

    status: int = 200
    body: bytes = b""
    chunks: tuple[bytes, ...] | None = None
    whole: bool = True
    hold: bool = False
    raw_stream: bool = False


def json_answer(document: object, status: int = 200) -> Answer:
    return Answer(status=status, body=json.dumps(document).encode())


def error_answer(status: int, text: str) -> Answer:
    return json_answer({"message": text}, status)


@dataclass(slots=True)
class Request:
    """A request as it came."""

    method: str
    path: str
    query: Mapping[str, str]
    body: bytes
    headers: Mapping[str, str]


@dataclass(slots=True)
class FakeApi:
    """``answers`` goes by method and unversioned path; a list is used up one by one. Everything else is 404."""

    url: str
    answers: dict[str, Answer | list[Answer]] = field(default_factory=dict)
    requests: list[Request] = field(default_factory=list)
    ended: threading.Event = field(default_factory=threading.Event)

    def paths(self) -> list[str]:
        return [f"{request.method} {request.path}" for request in self.requests]

    def answer(self, key: str) -> Answer:
        found = self.answers.get(key)
        if isinstance(found, list):
            return found.pop(0) if found else error_answer(404, f"page not found: {key}")
        return found or error_answer(404, f"page not found: {key}")


class _Server(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True
    api: FakeApi


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base class calls it so
        """Say nothing."""

    def address_string(self) -> str:
        return "unix"

    def _serve(self) -> None:
        api = self.server.api
        parts = urlsplit(self.path)
        path = parts.path
        if path.startswith("/v1."):
            path = "/" + path.split("/", 2)[2]
        query = {key: values[0] for key, values in parse_qs(parts.query).items()}
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        api.requests.append(Request(self.command, path, query, body, dict(self.headers)))
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # the client may go before the end
            self._send(api.answer(f"{self.command} {path}"), api)

    def _send(self, answer: Answer, api: FakeApi) -> None:
        self.send_response(answer.status)
        if answer.raw_stream:
            self.close_connection = True
            self.end_headers()
            self.wfile.write(answer.body)
        elif answer.chunks is None:
            self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            self.wfile.write(answer.body)
        else:
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for chunk in answer.chunks:
                self.wfile.write(f"{len(chunk):x}\r\n".encode() + chunk + b"\r\n")
            if answer.whole and not answer.hold:
                self.wfile.write(b"0\r\n\r\n")
        self.wfile.flush()
        if answer.hold:
            api.ended.wait(30)
        if answer.hold or not answer.whole:
            self.close_connection = True

    do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = _serve  # noqa: N815  # the base class looks for these names


@contextmanager
def fake_api(folder: Path, answers: Mapping[str, Answer | list[Answer]]) -> Iterator[FakeApi]:
    """Serve answers on a socket in a folder; ``/version`` and ``/_ping`` are answered unless given."""
    path = folder / "engine.sock"
    api = FakeApi(url=f"unix://{path}")
    api.answers = {"GET /version": json_answer(VERSION), "GET /_ping": Answer(body=b"OK"), **answers}
    with _Server(str(path), _Handler) as server:
        server.api = api
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield api
        finally:
            api.ended.set()
            server.shutdown()
            thread.join()


@contextmanager
def deaf_socket(path: Path) -> Iterator[None]:
    """A socket that takes connections and never answers."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        yield


def frames(*pieces: tuple[int, bytes]) -> bytes:
    """Multiplexed output: (1 or 2, payload)."""
    return b"".join(bytes([kind, 0, 0, 0]) + len(payload).to_bytes(4) + payload for kind, payload in pieces)


def lines(*documents: object) -> tuple[bytes, ...]:
    """JSON lines, one a chunk."""
    return tuple(json.dumps(document).encode() + b"\n" for document in documents)
