"""Why a pod is not where it should be: every rule is asked, and a cause silences its symptoms.

The order of a container's life decides what is a symptom: what goes wrong earlier explains what goes wrong later
(``finding.Stage``). Nothing here is a guess from a model: the same evidence gives the same answer.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

from msgspec import Struct

from runner.core.diagnosis import diagnose
from runner.core.explain.case import Case, Subject
from runner.core.explain.evidence import Evidence
from runner.core.explain.finding import GENERIC, ORDER, Certainty, Finding
from runner.core.explain.rules import (
    commands,
    connections,
    deadline,
    endless,
    exits,
    files,
    hooks,
    images,
    injected,
    logins,
    memory,
    names,
    nodes,
    permissions,
    ports,
    probes,
    readonly,
    references,
    scripts,
    users,
)
from runner.core.explain.words import listed
from runner.core.model import EMPTY
from runner.core.reasons import WaitingReason
from runner.core.text.times import format_time, parse_duration, parse_time

Rule = Callable[[Case], Iterator[Finding]]

RULES: tuple[Rule, ...] = (
    injected.injected,
    nodes.ended_by_node, nodes.fits_nowhere, nodes.sandbox,
    references.in_environment, references.in_volumes, references.claims, references.other_mounts,
    images.pulls,
    users.non_root, users.unknown, memory.oom,
    commands.architecture, commands.not_found, commands.not_executable, commands.working_directory, commands.mounted_onto,
    scripts.carriage_returns,
    readonly.privileges, readonly.read_only, permissions.denied, ports.taken, ports.low,
    files.missing, files.full, hooks.post_start,
    logins.used_too_early, logins.refused, names.unresolved, names.awaited, connections.unanswered, endless.init_never_ends,
    probes.failing,
    deadline.exceeded, exits.waits, exits.ends,
)  # fmt: skip
"""Every rule. Their order does not matter: ``finding.Cause`` is in order."""

_BACK_OFF = re.compile(r"^back-off (\S+) restarting")


class Explanation(Struct, frozen=True, kw_only=True):
    """Causes, most telling first; ``silenced`` are symptoms of theirs. ``state`` is what holds the pod up, as its status says.

    ``looked_at`` says which evidence there was and what was missing. ``retry`` says when the next attempt is made, "" where
    that is not known.
    """

    name: str
    namespace: str
    state: str = ""
    findings: tuple[Finding, ...] = ()
    silenced: tuple[Finding, ...] = ()
    looked_at: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    retry: str = ""

    @property
    def cause(self) -> Finding | None:
        """The one to begin with."""
        return next(iter(self.findings), None)

    @property
    def told(self) -> Finding | None:
        """The cause that is worth a word where something failed; None when it is known only that something ended."""
        return None if self.cause is None or self.cause.cause in GENERIC else self.cause

    def to_json(self) -> dict[str, Any]:
        """As ``explain -o json`` prints it."""
        return {
            "pod": {"namespace": self.namespace, "name": self.name},
            "state": self.state,
            "causes": [one.to_json() for one in self.findings],
            "silenced": [one.to_json() for one in self.silenced],
            "lookedAt": list(self.looked_at),
            "missing": list(self.missing),
            **({"retry": self.retry} if self.retry else {}),
        }


def explain(evidence: Evidence) -> Explanation:
    """Ask every rule, and order what they find."""
    case = Case(evidence)
    found = [] if case.is_over_well else [one for rule in RULES for one in rule(case)]
    order = {subject.name: number for number, subject in enumerate(case.containers)}
    weight = {Certainty.CERTAIN: 0, Certainty.LIKELY: 0, Certainty.POSSIBLE: 1}
    found.sort(key=lambda one: (weight[one.certainty], one.stage, order.get(one.container, -1), ORDER[one.cause]))
    kept = [one for one in found if not any(other.explains(one) for other in found)]
    return Explanation(
        name=evidence.name,
        namespace=evidence.namespace,
        state=_state(case),
        findings=tuple(kept),
        silenced=tuple(one for one in found if one not in kept),
        looked_at=tuple(_looked_at(case)),
        missing=tuple(_missing(case)),
        retry=_retry(case),
    )


def _state(case: Case) -> str:
    found = None if case.is_over_well else diagnose(case.pod)
    return "" if found is None else found.sentence


def _looked_at(case: Case) -> Iterator[str]:
    yield f"the status of {len(case.containers)} container{'' if len(case.containers) == 1 else 's'}"
    if case.events:
        yield f"{len(case.events)} event{'' if len(case.events) == 1 else 's'}"
    logs = sorted({name for (name, _), lines in case.evidence.logs.items() if lines})
    if logs:
        yield f"the output of {listed(logs)}"
    kinds = [
        f"{len(found)} {kind}{'' if len(found) == 1 else 's'}" for kind, found in case.evidence.objects.items() if found
    ]
    if kinds:
        yield listed(kinds)


def _missing(case: Case) -> Iterator[str]:
    """What somebody could still bring."""
    if not case.events:
        yield "events"
    silent = [one for one in case.unwell if (one.ended is not None or one.running is not None) and not one.lines]
    if silent:
        yield f"the output of {listed(one.name for one in silent)}"
    is_foreign = not case.evidence.is_here
    if is_foreign and case.known("Service") is None and any(one.is_init for one in case.unwell):
        yield "Services"


def _retry(case: Case) -> str:
    return next((text for subject in case.unwell if (text := _next_try(subject))), "")


def _next_try(subject: Subject) -> str:
    """When a crash loop goes on: its back-off is counted from the end of the last attempt."""
    if subject.waiting_reason != WaitingReason.CRASH_LOOP_BACK_OFF:
        return ""
    match = _BACK_OFF.match(subject.waiting_message)
    finished = parse_time((subject.ended or EMPTY).get("finishedAt"))
    if match is None:
        return f"attempt {subject.restarts + 1} of {subject.name} comes after its back-off"
    if finished is None:
        return f"attempt {subject.restarts + 1} of {subject.name} comes after a back-off of {match[1]}"
    at = format_time(finished + timedelta(seconds=parse_duration(match[1])))
    return f"attempt {subject.restarts + 1} of {subject.name} comes after a back-off of {match[1]}, at {at}"
