"""One request over a unix socket, and answers of every kind."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from runner.engine.plainhttp import Answer, NoAnswer, NotHttp, ask


@contextmanager
def answering(path: Path, text: bytes, heard: list[bytes]) -> Iterator[None]:
    """A server that gives one answer, then ends the connection."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                heard.append(connection.recv(65536))
                connection.sendall(text)

        thread = threading.Thread(target=serve)
        thread.start()
        yield
        thread.join()


def asked(folder: Path, text: bytes, *, body: bytes | None = None) -> tuple[Answer, bytes]:
    heard: list[bytes] = []
    with answering(folder / "s", text, heard):
        answer = ask(str(folder / "s"), "POST", "/x?y=1", timeout=5, body=body)
    return answer, heard[0]


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        (b"HTTP/1.0 200 OK\r\nA: b\r\n\r\nall to the end\n", Answer(200, b"all to the end\n")),
        (b"HTTP/1.1 201 Created\r\ncontent-LENGTH: 2\r\n\r\n{}and more", Answer(201, b"{}")),
        (b"HTTP/1.1 204 No Content\r\n\r\n", Answer(204, b"")),
        (b"HTTP/1.1 404\r\n\r\n", Answer(404, b"")),
    ],
)
def test_an_answer_is_its_status_and_its_body(text: bytes, answer: Answer, tmp_path: Path) -> None:
    assert asked(tmp_path, text)[0] == answer


def test_a_body_is_sent_with_its_length(tmp_path: Path) -> None:
    _, heard = asked(tmp_path, b"HTTP/1.0 200 OK\r\n\r\n", body=b'{"a": 1}')
    head, _, body = heard.partition(b"\r\n\r\n")
    assert head.splitlines()[0] == b"POST /x?y=1 HTTP/1.0"
    assert {b"Content-Length: 8", b"Content-Type: application/json"} < set(head.splitlines())
    assert body == b'{"a": 1}'


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (b"", NoAnswer),
        (b"SSH-2.0-OpenSSH_9.2\r\n", NotHttp),
        (b"HTTP/1.1 what\r\n\r\n", NotHttp),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", NotHttp),
    ],
)
def test_what_is_no_answer_or_breaks_off_is_an_error(text: bytes, problem: type[NotHttp], tmp_path: Path) -> None:
    with pytest.raises(problem):
        asked(tmp_path, text)
