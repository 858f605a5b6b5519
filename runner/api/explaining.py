"""Why a pod of this machine is not where it should be: its evidence, gathered by the client, and what the rules make of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime

from runner.client.contract import Client
from runner.core.explain.evidence import Attempt, Evidence
from runner.core.explain.explaining import Explanation, explain
from runner.core.explain.gathering import USED, evidence_of
from runner.core.logquestion import LogQuestion
from runner.core.model import Json
from runner.errors import RunnerError

LINES = 60
"""That are read of an attempt, the last ones."""
ATTEMPTS = 2
"""That are read of a container, the newest ones."""


def explain_pod(client: Client, pod: Json, now: datetime) -> Explanation:
    """What is wrong with a stored pod. What cannot be read is missing."""
    return explain(evidence(client, pod, now, output(client, pod)))


def evidence(
    client: Client,
    pod: Json,
    now: datetime,
    logs: Mapping[Attempt, Sequence[str]],
    others: Sequence[Json] | None = None,
) -> Evidence:
    """A pod's evidence: its events, what it may refer to, and the output that is given.

    ``others`` are what came in the same manifests: with them all is known that the pod could find. Without them it may have
    lived among objects that are gone.
    """
    found: list[Json] = []
    with suppress(RunnerError):
        found += client.events(pod)
    for kind in USED:
        with suppress(RunnerError):
            found += client.list(kind).items
    known = {_key(one) for one in found}
    found += [one for one in others or () if _key(one) not in known]
    return evidence_of(pod, found, logs, now=now, is_here=True, is_whole=others is not None)


def _key(value: Json) -> tuple[object, object, object]:
    metadata = value.get("metadata") or {}
    return value.get("kind"), metadata.get("namespace") or "default", metadata.get("name")


def output(client: Client, pod: Json) -> dict[Attempt, Sequence[str]]:
    """The last lines of the newest attempts of each container that has run."""
    metadata, status = pod["metadata"], pod.get("status") or {}
    found: dict[Attempt, Sequence[str]] = {}
    for key in ("initContainerStatuses", "containerStatuses"):
        for one in status.get(key) or ():
            name = str(one.get("name"))
            with suppress(RunnerError):
                for attempt in client.attempts(metadata["namespace"], metadata["name"], name)[-ATTEMPTS:]:
                    question = LogQuestion(container=name, attempt=attempt, tail=LINES)
                    batches = client.logs(metadata["namespace"], metadata["name"], question)
                    lines = [line.data for batch in batches for line in batch]
                    found[name, attempt] = [data.decode("utf-8", "replace").rstrip("\n") for data in lines]
    return found
