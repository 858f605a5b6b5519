"""Ports that somebody else has, or that only root may have."""

from __future__ import annotations

import re
from collections.abc import Iterator

from runner.core.explain.case import Case, Line, Subject
from runner.core.explain.finding import Cause, Certainty, Finding, Quote
from runner.core.explain.words import one_line

_TAKEN = re.compile(
    r"address (is )?already in use|EADDRINUSE|address in use|port (\d+ )?(is |"
    r"was )?already (in use|allocated|bound)|port is already allocated",
    re.IGNORECASE,
)
_LOW = re.compile(
    r"bind.*permission denied|permission denied.*(bind|listen)|EACCES.*:(\d+)|make_sock: could not bind", re.IGNORECASE
)
_PORT = re.compile(r"(?::|port[ =:]+)(\d{2,5})\b", re.IGNORECASE)
_TOLD = re.compile(r"(?:-p|--?port|--listen)[ =]?(\d{2,5})\b")
_FIRST_FREE = 1024
"""Below it, ports are root's (ip_unprivileged_port_start)."""


def _ports(text: str) -> list[str]:
    return list(dict.fromkeys(_PORT.findall(text)))


def taken(case: Case) -> Iterator[Finding]:
    """A container listens on a port that another container of the pod, or the host, has."""
    for subject in case.unwell:
        error = subject.start_error
        if error is not None and _TAKEN.search(error.text):
            ports = _ports(error.text)
            sentence = f"the host port{f' {ports[-1]}' if ports else ''} of {subject.title} is taken on this machine"
            then = "free the port, choose another hostPort, or leave it out"
            yield subject.finding(Cause.HOST_PORT_TAKEN, Certainty.CERTAIN, sentence, then, error.quote())
            continue
        said = next((line for line, _ in subject.says(_TAKEN)), None)
        if said is not None:
            yield _by_neighbour(case, subject, said)


def _by_neighbour(case: Case, subject: Subject, said: Line) -> Finding:
    near_by = [line.text for line in subject.lines]
    ports = _ports(said.text) or [port for text in reversed(near_by) for port in _ports(text)] or _own(subject)
    port = ports[-1] if ports else ""
    other = next(((one, quote) for one in case.containers if one is not subject and (quote := _uses(one, port))), None)
    named = f"port {port}" if port else "its port"
    if other is not None:
        sentence = (
            f"{subject.title} cannot have {named}: {other[0].title} of the same pod, which shares its network, has it"
        )
        then = f"let one of {subject.name} and {other[0].name} listen on another port"
        return subject.finding(Cause.PORT_TAKEN, Certainty.LIKELY, sentence, then, said.quote(), other[1])
    if case.spec.get("hostNetwork"):
        sentence = f"{subject.title} cannot have {named}: the pod uses the host's network, where it is taken"
        then = "free the port on the node, or choose another"
        host = Quote("spec.hostNetwork", "true")
        return subject.finding(Cause.PORT_TAKEN, Certainty.LIKELY, sentence, then, said.quote(), host)
    sentence = f"{subject.title} cannot have {named}: something in the pod has it already, perhaps the program itself"
    return subject.finding(
        Cause.PORT_TAKEN, Certainty.LIKELY, sentence, "see which programs of the pod listen there", said.quote()
    )


def _own(subject: Subject) -> list[str]:
    """The port that it was told to listen on, or that it declares."""
    declared = [str(one.get("containerPort")) for one in subject.spec.get("ports") or ()]
    return _TOLD.findall(subject.script) or declared


def _uses(other: Subject, port: str) -> Quote | None:
    """Where one sees that a container uses a port; one that is done uses none."""
    if not port or other.is_done:
        return None
    for one in other.spec.get("ports") or ():
        if str(one.get("containerPort")) == port:
            return Quote(f"{other.field}.ports", f"containerPort: {port}")
    pattern = re.compile(rf"(?<!\d){port}(?!\d)")
    if pattern.search(other.script):
        return Quote(f"{other.field}.args", one_line(other.script, 120))
    for variable in other.spec.get("env") or ():
        if "PORT" in str(variable.get("name")).upper() and str(variable.get("value")) == port:
            return Quote(f"{other.field}.env", f"{variable.get('name')}={port}")
    return next((line.quote() for line in other.lines if re.search(rf":{port}\b", line.text)), None)


def low(case: Case) -> Iterator[Finding]:
    """A port below 1024 for somebody who is not root."""
    for subject in case.unwell:
        for line, _ in subject.says(_LOW):
            port = next((one for one in _ports(line.text) if int(one) < _FIRST_FREE), None)
            if port is not None:
                user, _where = subject.user()
                sentence = (
                    f"{subject.title} runs as {user}, who may not listen on port {port}: "
                    f"those below {_FIRST_FREE} are root's"
                )
                then = "listen on a port from 1024 on and let the Service map it, or add NET_BIND_SERVICE to its capabilities"
                yield subject.finding(Cause.PORT_NEEDS_ROOT, Certainty.LIKELY, sentence, then, line.quote())
                break
