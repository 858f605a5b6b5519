"""One HTTP exchange over any connected socket, and the redirects that a kubelet follows.

Mirrors pkg/probe/http/http.go (DoHTTPProbe, RedirectChecker) and the error texts of Go's net/http. No proxy, no
keep-alive, no compression, no verification of certificates: any server at the address will do.
"""

from __future__ import annotations

import contextlib
import http.client
import io
import socket
import ssl
from typing import Any, Final
from urllib.parse import urljoin, urlsplit

from msgspec import Struct
from msgspec.structs import replace

from runner.clock import Deadline
from runner.core.text.gotext import quote
from runner.kubelet.prober.handlers.dialing import Connection, Dial, DialError, go_words
from runner.kubelet.prober.handlers.httprequest import Request, RequestError, header_lines
from runner.kubelet.prober.handlers.tlsclient import PlainHTTPAnswer, TlsEnd, arm

BODY_LIMIT: Final = 10 * 1024
_REQUESTS: Final = 10
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_HTTP_TO_HTTPS: Final = "http: server gave HTTP response to HTTPS client"
_AWAITING_HEADERS: Final = "context deadline exceeded (Client.Timeout exceeded while awaiting headers)"
_READING_BODY: Final = "context deadline exceeded (Client.Timeout or context cancellation while reading body)"


class Response(Struct, frozen=True, kw_only=True):
    """The last answer: its status and at most 10 KiB of its body.

    ``body_error`` says why the body could not be read to its end, or up to that limit.
    """

    status: int
    body: bytes
    location: str = ""
    body_error: str = ""


class GetError(Exception):
    """No answer; the text is Go's, ``Get "http://10.0.0.5:8080/": …``."""

    def __init__(self, url: str, reason: str, *, timed_out: bool = False) -> None:
        super().__init__(f"Get {quote(url)}: {reason}")
        self.timed_out = timed_out
        self.is_plain_http = reason == _HTTP_TO_HTTPS


def get(request: Request, dial: Dial, seconds: float | None) -> Response:
    """Make a request and follow its redirects as long as they stay with the host. Raises GetError, EngineError."""
    budget = Deadline(None)
    first_host = _hostname(request.url)
    made = 0
    while True:
        response, budget = _exchange(request, dial, seconds if made == 0 else budget.remaining())
        made += 1
        if response.status not in _REDIRECTS or not response.location:
            return response
        following = _redirected(request, response.location)
        if _hostname(following.url) != first_host:
            return response
        if made >= _REQUESTS:
            raise GetError(response.location, f"stopped after {_REQUESTS} redirects")
        request = following


def _redirected(request: Request, location: str) -> Request:
    try:
        url = urljoin(request.url, location)
        parts = urlsplit(url)
        absolute = bool(urlsplit(location).scheme)
        _ = parts.port
    except ValueError as problem:
        raise GetError(request.url, f"failed to parse Location header {quote(location)}: {problem}") from problem
    if parts.scheme not in ("http", "https"):
        raise GetError(url, f"unsupported protocol scheme {quote(parts.scheme)}")
    headers = dict(request.headers)
    if not (request.url.startswith("https:") and parts.scheme == "http"):
        headers.setdefault("Referer", [request.url])
    return replace(request, url=url, headers=headers, host_header="" if absolute else request.host_header)


def _hostname(url: str) -> str:
    """The host of a URL, spelled as in the URL."""
    address = urlsplit(url).netloc.rpartition("@")[2]
    return address[1:].partition("]")[0] if address.startswith("[") else address.partition(":")[0]


def _exchange(request: Request, dial: Dial, seconds: float | None) -> tuple[Response, Deadline]:
    """One request and its answer, and the time that is left."""
    parts = urlsplit(request.url)
    host, port = _hostname(request.url), parts.port or (443 if parts.scheme == "https" else 80)
    if seconds is not None and seconds <= 0:
        raise GetError(request.url, _AWAITING_HEADERS, timed_out=True)
    try:
        lines = header_lines(request)
        connection = dial(host, port, seconds)
    except RequestError as problem:
        raise GetError(request.url, str(problem)) from problem
    except DialError as problem:
        if problem.timed_out:
            raise GetError(request.url, _AWAITING_HEADERS, timed_out=True) from problem
        raise GetError(request.url, str(problem)) from problem
    with contextlib.ExitStack() as cleanup:
        cleanup.callback(connection.close)
        return _converse(request, lines, connection, host, cleanup), connection.deadline


def _converse(
    request: Request, lines: list[tuple[str, str]], connection: Connection, host: str, cleanup: contextlib.ExitStack
) -> Response:
    wire = _Wire(connection.socket, connection.deadline)
    try:
        if request.url.startswith("https:"):
            secured = TlsEnd(connection.socket, connection.deadline, host)
            secured.handshake()
            wire = _Wire(secured, connection.deadline)
        exchange = _Conversation(host, wire)
        parts = urlsplit(request.url)
        exchange.putrequest(
            "GET",
            f"{parts.path or '/'}{'?' if parts.query else ''}{parts.query}",
            skip_host=True,
            skip_accept_encoding=True,
        )
        for name, value in lines:
            exchange.putheader(name, value.encode())
        exchange.endheaders()
        answer = cleanup.enter_context(exchange.getresponse())
    except (OSError, http.client.HTTPException, ValueError) as problem:
        raise _get_error(request.url, problem, connection) from problem
    body, body_error = _body(answer)
    return Response(status=answer.status, body=body, location=answer.getheader("Location", ""), body_error=body_error)


def _body(answer: http.client.HTTPResponse) -> tuple[bytes, str]:
    try:
        body = answer.read(BODY_LIMIT)
    except TimeoutError:
        return b"", _READING_BODY
    except http.client.IncompleteRead as problem:
        return problem.partial, "unexpected EOF"
    except (OSError, http.client.HTTPException, ValueError) as problem:
        return b"", go_words(problem)
    return body, "unexpected EOF" if answer.length and len(body) < BODY_LIMIT else ""


def _get_error(url: str, problem: Exception, connection: Connection) -> GetError:
    """Why no answer came, in Go's words."""
    trouble = connection.trouble()
    if isinstance(problem, TimeoutError) or (trouble is not None and trouble.timed_out):
        return GetError(url, _AWAITING_HEADERS, timed_out=True)
    if trouble is not None:
        return GetError(url, str(trouble))
    return GetError(url, _reason(problem, connection))


def _reason(problem: Exception, connection: Connection) -> str:
    match problem:
        case PlainHTTPAnswer():
            return _HTTP_TO_HTTPS
        case ssl.SSLEOFError() | ssl.SSLZeroReturnError() | http.client.RemoteDisconnected():
            return "EOF"
        case ssl.SSLError(reason="WRONG_VERSION_NUMBER" | "RECORD_LAYER_FAILURE"):
            return "tls: first record does not look like a TLS handshake"
        case ssl.SSLError():
            return f"tls: {(problem.reason or str(problem)).lower().replace('_', ' ')}"
        case http.client.BadStatusLine():
            line = str(problem.args[0]).rstrip("\r\n")
            return f"net/http: HTTP/1.x transport connection broken: malformed HTTP response {quote(line)}"
        case BrokenPipeError():
            return f"write tcp {_ends(connection)}: write: broken pipe"
        case OSError():
            return f"read tcp {_ends(connection)}: read: {go_words(problem)}"
        case _:
            return f"net/http: HTTP/1.x transport connection broken: {problem}"


def _ends(connection: Connection) -> str:
    """``local->remote`` as Go names a connection; the local end only where it is one of the network."""
    with contextlib.suppress(OSError):
        name = connection.socket.getsockname()
        if isinstance(name, tuple):
            return f"{name[0]}:{name[1]}->{connection.peer}"
    return connection.peer


def _arm(end: socket.socket | TlsEnd, deadline: Deadline) -> None:
    """A TLS end keeps the deadline itself."""
    if isinstance(end, socket.socket):
        arm(end, deadline)


class _Wire:
    """A socket for http.client whose reads and writes share one deadline."""

    def __init__(self, end: socket.socket | TlsEnd, deadline: Deadline) -> None:
        self._end = end
        self._deadline = deadline

    def sendall(self, data: bytes) -> None:
        _arm(self._end, self._deadline)
        self._end.sendall(data)

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(_Reader(self._end, self._deadline))

    def close(self) -> None:
        """Nothing: the connection's owner closes it."""


class _Conversation(http.client.HTTPConnection):
    """An HTTP connection over a socket that is connected already."""

    def __init__(self, host: str, wire: _Wire) -> None:
        super().__init__(host)
        self.sock = wire


class _Reader(io.RawIOBase):
    def __init__(self, end: socket.socket | TlsEnd, deadline: Deadline) -> None:
        self._end = end
        self._deadline = deadline

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        _arm(self._end, self._deadline)
        return self._end.recv_into(buffer)
