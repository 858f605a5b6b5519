"""Helpers of the set-up's tests: an Engine that only answers `/_ping`, on a unix socket."""

from __future__ import annotations

import socketserver
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

Listen = Callable[..., str]


@pytest.fixture
def short_path() -> Iterator[Path]:
    """A temporary directory with a short name: the address of a unix socket holds about a hundred bytes."""
    with tempfile.TemporaryDirectory(prefix="pr", dir="/tmp") as folder:
        yield Path(folder)


def _server(path: Path, status: int) -> socketserver.ThreadingUnixStreamServer:
    class Ping(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status if self.path == "/_ping" else 404)
            self.end_headers()

        def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - the base class names it so
            """Keep quiet."""

        def address_string(self) -> str:
            return "unix"

    class Server(socketserver.ThreadingUnixStreamServer):
        daemon_threads = True

    return Server(str(path), Ping)


@pytest.fixture
def listen() -> Iterator[Listen]:
    """A function that lets a fake Engine listen on a path, and returns its address."""
    with ExitStack() as stack:

        def start(path: Path, status: int = 200) -> str:
            path.parent.mkdir(parents=True, exist_ok=True)
            server = stack.enter_context(_server(path, status))
            thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
            thread.start()
            stack.callback(thread.join)
            stack.callback(server.shutdown)
            return f"unix://{path}"

        yield start
