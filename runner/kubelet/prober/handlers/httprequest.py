"""The GET request of an httpGet handler: its URL and its headers, made as Go makes them.

Mirrors pkg/probe/http/request.go and what Go's net/url and net/http do with the parts.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final
from urllib.parse import quote, urlsplit

from msgspec import Struct

from runner.kubelet.prober.handlers.dialing import join_host_port

KUBERNETES_VERSION: Final = "1.37"

Headers = Mapping[str, Sequence[str]]
"""Values by canonical name, in the order in which they were given."""

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_BAD_VALUE = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_PATH_SAFE: Final = "/$&+,;=:@!'()*[]-._~"
_QUERY_SAFE: Final = _PATH_SAFE + '?%#|^`{}\\<>"'
_NOT_COPIED: Final = frozenset({"Host", "User-Agent", "Content-Length", "Transfer-Encoding", "Trailer"})


class RequestError(ValueError):
    """The request cannot be written; the text is Go's."""


class Request(Struct, frozen=True, kw_only=True):
    """One GET: the URL, its headers, and the host to name instead of the URL's own ("": the URL's)."""

    url: str
    headers: Headers
    host_header: str = ""


def user_agent(purpose: str) -> str:
    """``kube-probe/1.37`` and ``kube-lifecycle/1.37``."""
    return f"kube-{purpose}/{KUBERNETES_VERSION}"


def make_request(
    *, scheme: str, host: str, port: int, path: str, headers: Iterable[tuple[str, str]], purpose: str
) -> Request:
    """The request of a handler. Path and query come from ``path``; a fragment is not sent."""
    values: dict[str, list[str]] = {}
    for name, value in headers:
        values.setdefault(canonical(name), []).append(value)
    values.setdefault("User-Agent", [user_agent(purpose)])
    if not values.setdefault("Accept", ["*/*"])[0]:
        del values["Accept"]
    named = values.get("Host", [""])[0]
    url = f"{scheme.lower() or 'http'}://{join_host_port(host, port)}{_request_uri(path)}"
    return Request(url=url, headers=values, host_header=named)


def canonical(name: str) -> str:
    """A header's name as Go spells it: ``x-forwarded-for`` is ``X-Forwarded-For``."""
    if not _TOKEN.fullmatch(name):
        return name
    return "-".join(word[:1].upper() + word[1:].lower() for word in name.split("-"))


def _request_uri(path: str) -> str:
    if _BAD_ESCAPE.search(path) or _CONTROL.search(path):  # no URL: all of it is a path
        return _rooted(quote(path, safe=_PATH_SAFE))
    try:
        parts = urlsplit(path)
    except ValueError:
        return _rooted(quote(path, safe=_PATH_SAFE))
    query = f"?{quote(parts.query, safe=_QUERY_SAFE)}" if parts.query else ""
    return _rooted(quote(parts.path, safe=_PATH_SAFE + "%")) + query


def _rooted(path: str) -> str:
    return path if path.startswith("/") else f"/{path}"


def header_lines(request: Request) -> list[tuple[str, str]]:
    """The header lines as sent, in Go's order. Raises RequestError for values that HTTP cannot carry."""
    agent = request.headers.get("User-Agent", [""])[0]
    lines = [("Host", request.host_header or urlsplit(request.url).netloc.rpartition("@")[2])]
    lines += [("User-Agent", agent)] if agent else []
    for name in sorted(request.headers):
        if not _TOKEN.fullmatch(name):
            raise RequestError(f'net/http: invalid header field name "{name}"')
        if name not in _NOT_COPIED:
            lines += [(name, value.strip(" \t")) for value in request.headers[name]]
    for name, value in lines:
        if _BAD_VALUE.search(value):
            raise RequestError(f'net/http: invalid header field value for "{name}"')
    closes = any("close" in value.lower() for value in request.headers.get("Connection", ()))
    return lines if closes else [*lines, ("Connection", "close")]
