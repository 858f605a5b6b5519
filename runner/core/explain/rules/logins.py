"""Servers that answer and refuse the login, and variables that came out empty because of their order."""

from __future__ import annotations

import re
from collections.abc import Iterator

from runner.core.explain.case import Case, Subject
from runner.core.explain.finding import Cause, Certainty, Finding, Quote
from runner.core.explain.words import listed
from runner.core.model import EMPTY

_REFUSED = re.compile(
    r"password authentication failed|access denied for user|authentication failed|\bNOAUTH\b|\bWRONGPASS\b"
    r"|no password supplied|login failed for user|invalid (?:username|user name|user) or password|ORA-01017"
    r"|SASL.*(?:fail|invalid)|role \"[^\"]+\" does not exist|bad credentials",
    re.IGNORECASE,
)
_USED = re.compile(r"(?<!\$)\$\(([A-Za-z_][A-Za-z0-9_]*)\)")


def refused(case: Case) -> Iterator[Finding]:
    """A server does not take the credentials: the network is all right."""
    for subject in case.unwell:
        said = next((line for line, _ in subject.says(_REFUSED)), None)
        if said is None:
            continue
        secrets = list(dict.fromkeys(_secrets(subject)))
        held = f" in Secret {listed(secrets)}" if secrets else ""
        sentence = f"the server that {subject.title} connects to answers, and refuses its user or password"
        then = (
            f"compare the credentials{held} with the server's; one that has its data already keeps its first password"
        )
        quotes = [Quote(f"{subject.field}.env", f"Secret {listed(secrets)}")] if secrets else []
        yield subject.finding(Cause.LOGIN_REFUSED, Certainty.LIKELY, sentence, then, said.quote(), *quotes)


def _secrets(subject: Subject) -> Iterator[str]:
    """The Secrets that the environment reads."""
    for one in subject.spec.get("env") or ():
        name = ((one.get("valueFrom") or EMPTY).get("secretKeyRef") or EMPTY).get("name")
        if name:
            yield str(name)
    for one in subject.spec.get("envFrom") or ():
        name = (one.get("secretRef") or EMPTY).get("name")
        if name:
            yield str(name)


def used_too_early(case: Case) -> Iterator[Finding]:
    """``$(NAME)`` in a variable stands for those before it alone; else it stays as it is (pkg/kubelet/kubelet_pods.go)."""
    for subject in case.unwell:
        variables = list(subject.spec.get("env") or ())
        names = [str(one.get("name")) for one in variables]
        for number, one in enumerate(variables):
            used = _USED.findall(str(one.get("value") or ""))
            later = next((name for name in used if name in names[number:] and name not in names[:number]), "")
            if later:
                name = names[number]
                sentence = (
                    f"{subject.title} has $({later}) in {name}, and {later} is set only after it: it stays as it is"
                )
                then = f"put {later} before {name} in {subject.field}.env"
                quote = Quote(f"{subject.field}.env", f"{name}={one.get('value')}")
                yield subject.finding(Cause.VARIABLE_ORDER, Certainty.LIKELY, sentence, then, quote)
                break
