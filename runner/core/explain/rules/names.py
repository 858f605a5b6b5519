"""Names that do not resolve."""

from __future__ import annotations

import re
from collections.abc import Iterator

from runner.core.explain.case import Case, Line, Subject
from runner.core.explain.finding import Cause, Certainty, Finding, Quote
from runner.core.explain.places import (
    CLUSTER,
    Place,
    in_line,
    in_script,
    is_cluster_name,
    of_environment,
    selects,
    service,
    split,
)
from runner.core.explain.words import listed, near, one_line, same
from runner.core.model import EMPTY

_NAME = r"(?P<name>[A-Za-z0-9_][\w.-]*)"
_NAMED = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"can't resolve '{_NAME}'",
        rf"server can't find {_NAME}: (?:NXDOMAIN|SERVFAIL)",
        rf"could not resolve host(?:name)?:? [\"']?{_NAME}",
        rf"bad address [\"']{_NAME}",
        rf"(?:ENOTFOUND|EAI_AGAIN) {_NAME}",
        rf"lookup {_NAME}(?: on \S+:\d+)?: (?:no such host|server misbehaving|temporary failure|i/o timeout)",
        rf"could not translate host name [\"']{_NAME}",
        rf"UnknownHostException: {_NAME}",
        rf"host not found in \w+ [\"']{_NAME}",
        rf"unknown (?:\w+ )?(?:server )?host:? [\"']?{_NAME}",
        rf"failed to resolve ['\"]{_NAME}",
        rf"unable to resolve (?:host )?(?:address )?[\"']?{_NAME}",
        rf"host='?{_NAME}'?.*(?:name resolution|Name or service not known)",
        rf"(?:lookup address information|failed to lookup address).*{_NAME}:\d",
        rf"{_NAME}: (?:Name or service not known|Temporary failure in name resolution|Name does not resolve)",
    )
)
_UNNAMED = re.compile(
    r"name or service not known|temporary failure in name resolution|"
    r"name does not resolve|getaddrinfo|nodename nor servname|NXDOMAIN|"
    r"could not resolve|failed to lookup address",
    re.IGNORECASE,
)
_NO_NAMES = frozenset({"error", "failed", "host", "socket", "gaierror", "resolution", "address"})


def unresolved(case: Case) -> Iterator[Finding]:
    """A container says that a name has no address."""
    for subject in case.unwell:
        found = _said(subject)
        if found is not None:
            yield _judged(case, subject, *found)


def _said(subject: Subject) -> tuple[str, Line] | None:
    """The name and the line that says so; the name may stand in another line, or in the command alone."""
    for pattern in _NAMED:
        for line, match in subject.says(pattern):
            name = same(match["name"]).rstrip(".")
            if name.lower() not in _NO_NAMES:
                return name, line
    said = next(subject.says(_UNNAMED), None)
    if said is None:
        return None
    line = said[0]
    around = [place for other in subject.lines for place in in_line(other.text)]
    places = [*in_line(line.text), *around, *in_script(subject.script), *of_environment(subject)]
    name = next(
        (place.host for place in places if not place.is_local and not place.host.replace(".", "").isdigit()), ""
    )
    return name, line


def _judged(case: Case, subject: Subject, name: str, line: Line) -> Finding:
    quotes = [line.quote()]
    if not name:
        sentence = f"{subject.title} asks for a name that does not resolve"
        return subject.finding(Cause.DNS_NAME, Certainty.LIKELY, sentence, "see which name in its log", *quotes)
    short = _short(case, name)
    found = service(case, short)
    if found is not None:
        yes, then, more = _exists(case, short)
        return subject.finding(
            Cause.DNS_NAME, Certainty.LIKELY, f"{subject.title} cannot resolve {short}, {yes}", then, *quotes, *more
        )
    if not is_cluster_name(case, short):
        sentence = f"{subject.title} cannot resolve {name}"
        then = "correct the name; if it is right, see whether the pod reaches the DNS server of the world outside"
        return subject.finding(Cause.DNS_NAME, Certainty.LIKELY, sentence, then, *quotes)
    sentence, then, more = _no_service(case, subject, short)
    return subject.finding(Cause.DNS_NAME, Certainty.LIKELY, sentence, then, *quotes, *more)


def _short(case: Case, name: str) -> str:
    """A name without what the search list of the pod's resolver put behind it."""
    for suffix in (f".{case.namespace}{CLUSTER}", CLUSTER, ".cluster.local"):
        if name.endswith(suffix):
            return name.removesuffix(suffix).removesuffix(".svc")
    return name


def _exists(case: Case, name: str) -> tuple[str, str, list[Quote]]:
    """The Service is there: who asks uses another DNS server, its pods are not ready, or the resolver does not complete names."""
    bare, namespace = split(case, name)
    full = f"{bare}.{namespace}{CLUSTER}"
    quotes = [Quote(f"Services of namespace {namespace}", bare)]
    policy = str(case.spec.get("dnsPolicy") or "ClusterFirst")
    if policy in ("Default", "None") or (case.spec.get("hostNetwork") and policy == "ClusterFirst"):
        quotes.append(Quote("spec.dnsPolicy", policy))
        wanted = "ClusterFirstWithHostNet" if case.spec.get("hostNetwork") else "ClusterFirst"
        return "for the pod does not ask the cluster's DNS", f"set spec.dnsPolicy: {wanted}", quotes
    value = service(case, name) or EMPTY
    if (value.get("spec") or EMPTY).get("clusterIP") == "None":
        quotes.append(Quote(f"Service {bare}: spec.clusterIP", "None"))
        whose = "this pod itself" if selects(case, value) else "its pods"
        then = f"wait until {whose} can be ready without it, or set publishNotReadyAddresses: true on Service {bare}"
        return f"a headless Service, which has addresses only while pods are ready ({whose})", then, quotes
    return (
        "although the Service exists: its resolver does not complete the short name",
        f"use the full name {full}; some images' resolvers ignore the search list",
        quotes,
    )


def _no_service(case: Case, subject: Subject, name: str) -> tuple[str, str, list[Quote]]:
    bare, namespace = split(case, name)
    if case.known("Service") is None:
        look = "`podrunner get svc`" if case.evidence.is_here else f"`kubectl get svc -n {namespace}`"
        then = f"see that Service {bare} exists in namespace {namespace}, and how it is written: {look}"
        return f"{subject.title} asks for {name}, for which the cluster's DNS has no answer", then, []
    elsewhere = case.elsewhere("Service", bare)
    known = case.names("Service", namespace)
    quotes = [Quote(f"Services of namespace {namespace}", listed(known) or "none")]
    sentence = f"{subject.title} asks for {name}, and there is no Service {bare} in namespace {namespace}"
    if elsewhere:
        return sentence, f"write {bare}.{elsewhere}: the Service is in namespace {elsewhere}", quotes
    other = near(bare, known)
    if other:
        return sentence, f"write {other} instead of {bare}, if that is meant", quotes
    return sentence, f"create Service {bare} in namespace {namespace}, or correct the name", quotes


def awaited(case: Case) -> Iterator[Finding]:
    """An init container waits, without a word about it, for a Service that is not there."""
    for subject in case.unwell:
        if case.known("Service") is None or not subject.is_init or subject.running is None:
            continue
        if _said(subject) is not None:
            continue
        for place in in_script(subject.script):
            if _is_unknown(case, place):
                sentence, then, more = _no_service(case, subject, place.host)
                quote = Quote(f"{subject.field}.command", one_line(subject.script, 120))
                yield subject.finding(Cause.DNS_NAME, Certainty.LIKELY, sentence, then, quote, *more)
                break


def _is_unknown(case: Case, place: Place) -> bool:
    is_name = not place.is_local and not place.host.replace(".", "").isdigit() and place.host != "kubernetes"
    return is_name and is_cluster_name(case, place.host) and service(case, place.host) is None
