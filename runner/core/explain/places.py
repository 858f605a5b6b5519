"""Hosts and ports: where a command or a line says that a container connects to, and what Services stand behind names."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from runner.core.explain.case import Case, Subject
from runner.core.explain.words import same
from runner.core.model import EMPTY, Json

LOCAL = frozenset({"localhost", "127.0.0.1", "::1", "0.0.0.0"})
_HOST = r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_])?"
_URL = re.compile(rf"\b[a-z][a-z0-9+.-]*://(?:[^@/\s'\"]+@)?(?P<host>{_HOST})(?::(?P<port>\d+))?")
_PAIR = re.compile(rf"(?<![\w./:-])(?P<host>{_HOST}):(?P<port>\d{{2,5}})\b(?!:?\d|\.\d)")
_NC = re.compile(rf"\bnc(?:at)?\s+(?:-\S+\s+(?:\d+\s+)?)*(?P<host>{_HOST})\s+(?P<port>\d+)")
_FLAGS = re.compile(rf"(?:-h|--host(?:name)?)[= ]+['\"]?(?P<host>{_HOST})(?:.*?(?:-p|--port)[= ]+(?P<port>\d+))?")
_LOOKUP = re.compile(rf"\b(?:nslookup|dig|host|getent hosts|ping(?: -\S+(?: \d+)?)*)\s+(?P<host>{_HOST})")
_WORDS = re.compile(
    rf"(?:\bat\s+\(?[\"']?|\b(?:server|host(?:name)?)\s+\(?[\"'])(?P<host>{_HOST})[\"']?[^\n]*?port:?\s+(?P<port>\d+)",
    re.IGNORECASE,
)
_IN_SCRIPTS = (_NC, _LOOKUP, _URL, _FLAGS, _PAIR)
_NODE = re.compile(r"(?:ECONNREFUSED|ETIMEDOUT)\s+(?P<host>[\w.:-]+?):(?P<port>\d+)")
_IN_LINES = (_NODE, _WORDS, _URL, _PAIR)
_CLOCK = re.compile(r"^\d\d$")
CLUSTER = ".svc.cluster.local"


class Place(NamedTuple):
    """What somebody connects to; ``port`` is "" where it is not told."""

    host: str
    port: str = ""

    @property
    def is_local(self) -> bool:
        return self.host in LOCAL

    def __str__(self) -> str:
        return f"{self.host}:{self.port}" if self.port else self.host


def in_script(text: str) -> list[Place]:
    """The places that a command names."""
    return _all(_IN_SCRIPTS, text)


def in_line(text: str) -> list[Place]:
    """The places that a line of a log names."""
    return _all(_IN_LINES, text)


def _all(patterns: Sequence[re.Pattern[str]], text: str) -> list[Place]:
    found: dict[Place, None] = {}
    for pattern in patterns:
        for match in pattern.finditer(text):
            place = Place(same(match["host"]), match["port"] or "" if "port" in match.re.groupindex else "")
            if not _CLOCK.match(place.host) and not place.host.endswith((".py", ".go", ".js", ".rs", ".java", ".rb")):
                found.setdefault(place)
    named = {place.host for place in found if place.port}
    return [place for place in found if place.port or place.host not in named]


def of_environment(subject: Subject) -> Iterator[Place]:
    """The places that plain values of the environment name."""
    for one in subject.spec.get("env") or ():
        yield from in_script(str(one.get("value") or ""))


def split(case: Case, host: str) -> tuple[str, str]:
    """A cluster name as the name of a Service and a namespace (``db``, ``db.shop``, ``db.shop.svc…``)."""
    parts = host.removesuffix(".").removesuffix(CLUSTER).removesuffix(".svc").split(".")
    if len(parts) == 2:
        return parts[0], parts[1]
    return (parts[0], case.namespace) if len(parts) == 1 else (parts[-2], parts[-1])


def is_cluster_name(case: Case, host: str) -> bool:
    """Whether a name can only be a Service's: one word, or one that ends as Services' names do."""
    if host.endswith((CLUSTER, ".svc")) or "." not in host:
        return True
    name, namespace = split(case, host)
    spaces = {str((one.get("metadata") or EMPTY).get("namespace")) for one in case.known("Service") or ()}
    return host.count(".") == 1 and (namespace in spaces or case.object("Service", name, namespace) is not None)


def service(case: Case, host: str) -> Json | None:
    """The known Service behind a name."""
    name, namespace = split(case, host)
    return case.object("Service", name, namespace)


def selects(case: Case, value: Json) -> bool:
    """Whether a Service is served by the pod itself."""
    metadata, selector = value.get("metadata") or EMPTY, (value.get("spec") or EMPTY).get("selector") or EMPTY
    is_near = (metadata.get("namespace") or case.namespace) == case.namespace
    return is_near and bool(selector) and all(case.labels.get(key) == word for key, word in selector.items())


def port_of(subject: Subject, port: str) -> bool:
    """Whether a container is known to serve a port: it declares it, or its command names it."""
    if any(str(one.get("containerPort")) == port for one in subject.spec.get("ports") or ()):
        return True
    return bool(port) and re.search(rf"(?<!\d){port}(?!\d)", subject.script) is not None
