"""Servers that do not answer: the pod's own containers, its own Service, Services with another port or without pods."""

from __future__ import annotations

import re
from collections.abc import Iterator

from runner.core.explain.case import Case, Subject
from runner.core.explain.finding import Cause, Certainty, Finding, Quote
from runner.core.explain.places import Place, in_line, in_script, of_environment, port_of, selects, service, split
from runner.core.explain.words import listed, one_line
from runner.core.model import EMPTY, Json

_REFUSED = re.compile(
    r"connection refused|ECONNREFUSED|actively refused|connect: cannot assign|"
    r"connection timed out|ETIMEDOUT|i/o timeout|no route to host|"
    r"can't connect|could not connect|connection to .* failed|failed to connect|"
    r"unable to connect",
    re.IGNORECASE,
)


def unanswered(case: Case) -> Iterator[Finding]:
    """A container cannot connect, or an init container waits for a server."""
    for subject in case.unwell:
        found = _place(subject)
        if found is not None:
            yield from _judged(case, subject, *found)


def _place(subject: Subject) -> tuple[Place, Quote, bool] | None:
    """What it cannot connect to, where that stands, and whether it has said so."""
    said = next(subject.says(_REFUSED), None)
    script = Quote(f"{subject.field}.command", one_line(subject.script, 120))
    if said is not None:
        line = said[0]
        places = [place for place in in_line(line.text) if place.port] or in_line(line.text)
        places = places or in_script(subject.script) or list(of_environment(subject))
        return (places[0], line.quote(), True) if places else (Place(""), line.quote(), True)
    if subject.is_init and not subject.is_sidecar and subject.running is not None:
        places = in_script(subject.script)
        return (places[0], script, False) if places else None
    return None


def _judged(case: Case, subject: Subject, place: Place, quote: Quote, has_said: bool) -> Iterator[Finding]:
    found = service(case, place.host) if place.host else None
    if place.is_local or place.host in (case.evidence.name, str(case.status.get("podIP"))):
        yield from _own(case, subject, place, quote, has_said=has_said)
    elif found is not None and selects(case, found) and _is_held_up(subject, found):
        yield _itself(subject, place, quote, found)
    elif found is not None and place.port and not _serves(found, place.port):
        ports = listed(str(one.get("port")) for one in (found.get("spec") or EMPTY).get("ports") or ())
        name = str(found["metadata"]["name"])
        sentence = f"{subject.title} connects to port {place.port} of Service {name}, which serves {ports}"
        then = f"use port {ports}, or add {place.port} to Service {name}"
        yield subject.finding(
            Cause.SERVICE_PORT, Certainty.LIKELY, sentence, then, quote, Quote(f"Service {name}: spec.ports", ports)
        )
    elif has_said:
        yield _other(case, subject, place, quote, found)


def _own(case: Case, subject: Subject, place: Place, quote: Quote, *, has_said: bool) -> Iterator[Finding]:
    """The server is to be in the same pod."""
    servers = [one for one in case.containers if one is not subject and place.port and port_of(one, place.port)]
    if subject.is_init:
        later = [one for one in case.starts_after(subject) if one in servers] or list(case.starts_after(subject))
        earlier = [one for one in servers if one not in later]
        if earlier or not later:
            return
        names = listed(one.name for one in later)
        is_known = later[0] in servers
        sentence = (
            f"{subject.title} needs a server at {place}, and what could be one ({names}) starts only after it has ended"
        )
        then = f"make the server a sidecar (restartPolicy: Always) and put it before {subject.name} in initContainers"
        if is_known and later[0].is_sidecar:
            then = f"put {later[0].name} before {subject.name} in initContainers"
        quotes = [quote, Quote(f"{later[0].field}", f"starts after {subject.name}")] if is_known else [quote]
        certainty = Certainty.LIKELY if has_said or is_known else Certainty.POSSIBLE
        yield subject.finding(Cause.NEEDS_LATER_CONTAINER, certainty, sentence, then, *quotes)
        return
    broken = next((one for one in servers if not one.is_well), None)
    if broken is not None:
        sentence = (
            f"{subject.title} cannot connect to {place}: {broken.title} of the pod, which serves it, does not run"
        )
        then = f"see what is wrong with {broken.name}"
        yield subject.finding(Cause.CONNECTION_REFUSED, Certainty.LIKELY, sentence, then, quote, because_of=broken.name)
        return
    sentence = f"{subject.title} cannot connect to {place}: in the pod nothing listens there"
    then = "start the server in the pod, or use the name of the Service that has it: localhost is the pod itself"
    yield subject.finding(Cause.CONNECTION_REFUSED, Certainty.LIKELY, sentence, then, quote)


def _is_held_up(subject: Subject, found: Json) -> bool:
    """Whether the pod can serve the Service only when this container is through, or ready."""
    return subject.is_init or not (found.get("spec") or EMPTY).get("publishNotReadyAddresses")


def _itself(subject: Subject, place: Place, quote: Quote, found: Json) -> Finding:
    name = str(found["metadata"]["name"])
    selector = ",".join(f"{key}={word}" for key, word in found["spec"]["selector"].items())
    quotes = [quote, Quote(f"Service {name}: spec.selector", selector)]
    sentence = (
        f"{subject.title} waits for {place}: Service {name} is served "
        f"by this very pod, which is not ready before {subject.name} is"
    )
    if subject.is_init:
        sentence = (
            f"{subject.title} waits for {place}: Service {name} is served "
            "by this very pod, whose containers start only after it"
        )
        then = f"wait in the container itself, or let {subject.name} not wait for its own Service"
        return subject.finding(Cause.WAITS_FOR_ITSELF, Certainty.LIKELY, sentence, then, *quotes)
    quotes.append(Quote(f"Service {name}: spec.publishNotReadyAddresses", "not set"))
    then = f"connect to localhost, or set publishNotReadyAddresses: true on Service {name}"
    return subject.finding(Cause.WAITS_FOR_ITSELF, Certainty.LIKELY, sentence, then, *quotes)


def _serves(found: Json, port: str) -> bool:
    ports = (found.get("spec") or EMPTY).get("ports") or ()
    return not ports or any(str(one.get("port")) == port for one in ports)


def _other(case: Case, subject: Subject, place: Place, quote: Quote, found: Json | None) -> Finding:
    """A server elsewhere."""
    quotes, where = [quote], str(place) if place.host else "its server"
    then = (
        f"see that {where} runs and listens there"
        if place.host
        else "see in its log which server, and whether that runs"
    )
    sentence = f"{subject.title} cannot connect to {where}"
    if found is not None:
        name, namespace = split(case, place.host)
        sentence += f": nothing ready stands behind Service {name}, or it does not listen"
        then = (
            f"see whether the pods of Service {name} are ready: `kubectl get "
            f"endpointslices -n {namespace} -l kubernetes.io/service-name={name}`"
        )
    return subject.finding(Cause.CONNECTION_REFUSED, Certainty.LIKELY, sentence, then, *quotes)
