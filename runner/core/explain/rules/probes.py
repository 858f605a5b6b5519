"""Probes that fail: at a port where nothing listens, a path that is not there, by the wrong protocol, too early, too hastily."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from runner.core.events import container_of
from runner.core.explain.case import Case, Subject
from runner.core.explain.finding import Cause, Certainty, Finding, Quote
from runner.core.explain.words import listed, one_line
from runner.core.model import EMPTY, Json
from runner.core.text.times import parse_time

_FAILED = re.compile(r"^(Readiness|Liveness|Startup) probe (?:failed|errored)")
_REFUSED = re.compile(r"connection refused", re.IGNORECASE)
_STATUS = re.compile(r"statuscode: (\d+)")
_SCHEME = re.compile(
    r"server gave HTTP response to HTTPS client|first record does not look like a TLS handshake|"
    r"malformed HTTP|HTTP request to an HTTPS server",
    re.IGNORECASE,
)
_SLOW = re.compile(
    r"Client\.Timeout|context deadline exceeded|timed out after|timeout: .* exceeded|"
    r"i/o timeout|deadlineexceeded|command .* timed out",
    re.IGNORECASE,
)
_COMMAND = re.compile(
    r"executable file not found|command not found|: not found|no such file or directory|exec format error",
    re.IGNORECASE,
)
_NAMED_PORT = re.compile(r"couldn't find port|invalid port|no container port|port .* not found", re.IGNORECASE)
_LISTENS = re.compile(
    r"(?:listen|serv|start|bind|bound|addr|running|port)[^\n]*?(?::|port[ =:\"]+)(\d{2,5})\b", re.IGNORECASE
)
_TOLD = re.compile(r"(?:address|addr|port|listen|bind)[^\s=]*[= ]+[\w.*\[\]]*:?(\d{2,5})\b", re.IGNORECASE)
_UNAUTHORIZED = ("401", "403")


class _Failing(NamedTuple):
    """A probe that fails, and the newest event that says so; ``kills``: its failures end the container."""

    subject: Subject
    kind: str
    probe: Json
    event: Json
    kills: bool

    @property
    def field(self) -> str:
        return f"{self.subject.field}.{self.kind}Probe"

    @property
    def message(self) -> str:
        return str(self.event.get("message"))

    @property
    def port(self) -> str:
        handler = self.probe.get("httpGet") or self.probe.get("tcpSocket") or self.probe.get("grpc") or EMPTY
        return str(handler.get("port") or "")

    def number(self, key: str, default: int) -> int:
        return int(self.probe.get(key) or default)

    def found(
        self, case: Case, cause: Cause, certainty: Certainty, sentence: str, then: str, *quotes: Quote
    ) -> Finding:
        return self.subject.finding(cause, certainty, sentence, then, case.quote_event(self.event), *quotes)


def failing(case: Case) -> Iterator[Finding]:
    """Probes that have failed as often as they may. A slow start within its bounds is nothing."""
    for subject in case.unwell:
        found = [
            one for kind in ("startup", "liveness", "readiness") if (one := _failing(case, subject, kind)) is not None
        ]
        if found:
            yield _judged(case, next((one for one in found if one.kills), found[0]))


def _failing(case: Case, subject: Subject, kind: str) -> _Failing | None:
    probe = subject.spec.get(f"{kind}Probe")
    events = [one for one in case.events if one.get("reason") == "Unhealthy" and container_of(one) == subject.name]
    told = [one for one in events if (match := _FAILED.match(str(one.get("message")))) and match[1].lower() == kind]
    if not probe or not told:
        return None
    killed = case.told_of(subject, "Killing", f"failed {kind} probe")
    count = sum(int(one.get("count") or 1) for one in told)
    if killed is None and (
        kind != "readiness" or count < int(probe.get("failureThreshold") or 3) or subject.running is None
    ):
        return None
    return _Failing(subject, kind, probe, told[-1], killed is not None)


def _judged(case: Case, one: _Failing) -> Finding:
    message = one.message
    status = _STATUS.search(message)
    if _SCHEME.search(message) or (status and status[1] == "400" and _speaks_tls(one)):
        return _scheme(case, one)
    if status is not None:
        return _status(case, one, status[1])
    if _COMMAND.search(message) and one.probe.get("exec"):
        sentence = f"the {one.kind} probe of {one.subject.title} runs a command that the image does not have"
        return one.found(case, Cause.PROBE_COMMAND, Certainty.CERTAIN, sentence, f"correct {one.field}.exec.command")
    if _NAMED_PORT.search(message):
        sentence = (
            f"the {one.kind} probe of {one.subject.title} names port {one.port}, which the container does not have"
        )
        return one.found(
            case, Cause.PROBE_PORT, Certainty.CERTAIN, sentence, f"add the port of that name, or correct {one.field}"
        )
    if _SLOW.search(message):
        return _hasty(case, one)
    if _REFUSED.search(message):
        return _refused(case, one)
    text = one_line(message.partition(": ")[2] or message, 110)
    sentence = f"the {one.kind} probe of {one.subject.title} fails{_outcome(one)}: {text}"
    return one.found(
        case, Cause.PROBE_FAILS, Certainty.CERTAIN, sentence, f"see what the program says to {one.field} and why"
    )


def _outcome(one: _Failing) -> str:
    return ", so the container is restarted" if one.kills else ", so the pod is not ready"


def _speaks_tls(one: _Failing) -> bool:
    return "HTTPS" in one.message or str((one.probe.get("httpGet") or EMPTY).get("port")) in ("443", "8443", "https")


def _scheme(case: Case, one: _Failing) -> Finding:
    is_https = (one.probe.get("httpGet") or EMPTY).get("scheme") == "HTTPS"
    asked, spoken = ("HTTPS", "HTTP") if is_https else ("HTTP", "HTTPS")
    sentence = f"the {one.kind} probe of {one.subject.title} asks by {asked}, and the program speaks {spoken}"
    return one.found(case, Cause.PROBE_SCHEME, Certainty.CERTAIN, sentence, f"set {one.field}.httpGet.scheme: {spoken}")


def _status(case: Case, one: _Failing, code: str) -> Finding:
    path = str((one.probe.get("httpGet") or EMPTY).get("path") or "/")
    quote = Quote(f"{one.field}.httpGet.path", path)
    if code == "404":
        sentence = (
            f"the {one.kind} probe of {one.subject.title} asks for {path}, "
            f"which the program does not serve (404){_outcome(one)}"
        )
        return one.found(
            case,
            Cause.PROBE_PATH,
            Certainty.CERTAIN,
            sentence,
            f"set {one.field}.httpGet.path to one that it serves",
            quote,
        )
    if code in _UNAUTHORIZED:
        sentence = f"the {one.kind} probe of {one.subject.title} asks for {path}, which the program does not show to it ({code})"
        return one.found(
            case,
            Cause.PROBE_PATH,
            Certainty.CERTAIN,
            sentence,
            "choose a path that needs no login, or give httpHeaders",
            quote,
        )
    sentence = f"the program of {one.subject.title} answers its {one.kind} probe {path} with {code}{_outcome(one)}"
    return one.found(case, Cause.PROBE_FAILS, Certainty.CERTAIN, sentence, "see in its log why it is not well", quote)


def _hasty(case: Case, one: _Failing) -> Finding:
    seconds = one.number("timeoutSeconds", 1)
    sentence = f"the {one.kind} probe of {one.subject.title} gives {seconds} s for an answer, which is too little{_outcome(one)}"
    then = f"raise {one.field}.timeoutSeconds, or let the program answer sooner"
    return one.found(
        case, Cause.PROBE_TIMEOUT, Certainty.LIKELY, sentence, then, Quote(f"{one.field}.timeoutSeconds", str(seconds))
    )


def _refused(case: Case, one: _Failing) -> Finding:
    subject, port = one.subject, _number(one)
    listens = _listening(subject)
    declared = [str(item.get("containerPort")) for item in subject.spec.get("ports") or ()]
    if port and port not in [number for number, _ in listens] and listens:
        number, quote = listens[0]
        sentence = f"the {one.kind} probe of {subject.title} asks port {port}, and the program listens on {number}{_outcome(one)}"
        then = f"let {one.field} ask port {number}, or the program listen on {port}"
        return one.found(case, Cause.PROBE_PORT, Certainty.LIKELY, sentence, then, quote)
    if port and declared and port not in declared:
        sentence = (
            f"the {one.kind} probe of {subject.title} asks port {port}, where "
            f"nothing listens; it declares {listed(declared)}{_outcome(one)}"
        )
        then = f"let {one.field} ask port {declared[0]}"
        return one.found(
            case, Cause.PROBE_PORT, Certainty.LIKELY, sentence, then, Quote(f"{subject.field}.ports", listed(declared))
        )
    if one.kills and _was_cut_short(one):
        budget = one.number("initialDelaySeconds", 0) + one.number("failureThreshold", 3) * one.number(
            "periodSeconds", 10
        )
        sentence = (
            f"the {one.kind} probe of {subject.title} ends it before it listens "
            f"on port {port}: it has about {budget} s to start"
        )
        then = "add a startupProbe with room (failureThreshold × periodSeconds), which holds the others back"
        if one.kind == "startup":
            then = f"raise {one.field}.failureThreshold"
        quote = Quote(one.field, (
            f"initialDelaySeconds {one.number('initialDelaySeconds', 0)}, "
            f"periodSeconds {one.number('periodSeconds', 10)}, failureThreshold "
            f"{one.number('failureThreshold', 3)}"
        ))  # fmt: skip
        return one.found(case, Cause.SLOW_START, Certainty.LIKELY, sentence, then, quote)
    sentence = (
        f"nothing listens on port {port or '?'} of {subject.title}, which its {one.kind} probe asks{_outcome(one)}"
    )
    then = f"see in its log whether it has come up and on which port, and compare with {one.field}"
    return one.found(case, Cause.PROBE_PORT, Certainty.POSSIBLE, sentence, then)


def _number(one: _Failing) -> str:
    """The probe's port as a number, by its name where it has one."""
    ports = one.subject.spec.get("ports") or ()
    return next((str(item.get("containerPort")) for item in ports if item.get("name") == one.port), one.port)


def _listening(subject: Subject) -> list[tuple[str, Quote]]:
    """The ports that it says it listens on, or that it was told to."""
    found = [(match[1], line.quote()) for line, match in subject.says(_LISTENS) if "refused" not in line.text]
    told = [
        (port, Quote(f"{subject.field}.args", one_line(subject.script, 120))) for port in _TOLD.findall(subject.script)
    ]
    return [*found, *told]


def _was_cut_short(one: _Failing) -> bool:
    """Whether its runs last about as long as the probe lets them."""
    ended = one.subject.ended or EMPTY
    began, finished = parse_time(ended.get("startedAt")), parse_time(ended.get("finishedAt"))
    if began is None or finished is None or not one.subject.restarts:
        return False
    budget = one.number("initialDelaySeconds", 0) + one.number("failureThreshold", 3) * one.number("periodSeconds", 10)
    grace = int(one.subject.case.spec.get("terminationGracePeriodSeconds") or 30)
    return (finished - began).total_seconds() <= budget + grace + 2 * one.number("periodSeconds", 10)
