"""A pod's evidence as rules look at it: containers in the order of their starts, each with what is wrong and what it wrote."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from functools import cached_property
from typing import NamedTuple

from runner.core.events import container_of
from runner.core.explain.evidence import Evidence
from runner.core.explain.finding import Cause, Certainty, Finding, Quote
from runner.core.explain.words import one_line
from runner.core.model import EMPTY, Json
from runner.core.reasons import TerminatedReason, WaitingReason
from runner.core.text.times import parse_time

_UNTOLD = frozenset({"", WaitingReason.CONTAINER_CREATING, WaitingReason.POD_INITIALIZING})
_FLAPPING = 3
"""Restarts from which a container that has come up a moment ago still counts as failing."""
_MOMENT = timedelta(minutes=10)
"""A run of more than this ends a back-off (pkg/kubelet/kubelet.go)."""


class Line(NamedTuple):
    """A line that a container wrote; ``where`` is how a quote names the place."""

    where: str
    text: str

    def quote(self) -> Quote:
        return Quote(self.where, one_line(self.text))


class Mount(NamedTuple):
    """A volume where a container has it."""

    path: str
    volume: str
    kind: str
    is_read_only: bool
    source: Json
    sub_path: str

    def inside(self, path: str) -> str:
        """A path of the container as one below the volume's root."""
        return "/".join(part for part in (self.sub_path, path[len(self.path) :].strip("/")) if part)


class Subject:
    """One container: how it stands in the manifest, and what became of it."""

    def __init__(self, case: Case, spec: Json, status: Json, kind: str) -> None:
        self.case = case
        self.spec = spec
        self.status = status
        self.name = str(spec.get("name") or "")
        self.is_init = kind == "initContainers"
        self.is_sidecar = self.is_init and spec.get("restartPolicy") == "Always"
        self.field = f"spec.{kind}[{self.name}]"
        self.restarts = int(status.get("restartCount") or 0)
        state = status.get("state") or EMPTY
        self.running: Json | None = state.get("running")
        self.waiting: Json | None = state.get("waiting")
        self._terminated: Json | None = state.get("terminated")
        self._last: Json | None = (status.get("lastState") or EMPTY).get("terminated")

    @property
    def title(self) -> str:
        kind = "sidecar" if self.is_sidecar else "init container" if self.is_init else "container"
        return f"{kind} {self.name}"

    @cached_property
    def ended(self) -> Json | None:
        """The failed end that counts: of this instance, else of the one before; None when there is none."""
        if self._terminated is not None:
            return self._terminated if _is_failure(self._terminated) and not self._was_asked_to_end else None
        if self._last is None or not _is_failure(self._last):
            return None
        return self._last

    @property
    def _was_asked_to_end(self) -> bool:
        """Whether the end came because the pod is being deleted."""
        asked = self.case.deletion_asked
        finished = parse_time((self._terminated or EMPTY).get("finishedAt"))
        return asked is not None and finished is not None and finished >= asked

    @property
    def attempt(self) -> int | None:
        """The instance that the failed end is of; the running one without; None when nothing ran."""
        if self.ended is not None:
            is_before = self._terminated is None and self.running is not None
            return max(self.restarts - 1, 0) if is_before else self.restarts
        return self.restarts if self.running is not None else None

    @property
    def is_done(self) -> bool:
        return self._terminated is not None and not _is_failure(self._terminated)

    @cached_property
    def is_well(self) -> bool:
        """Whether nothing is wrong with it as far as its status tells."""
        if self.case.is_over_well:
            return True
        if self.waiting is not None:
            return self.waiting_reason in _UNTOLD and self.ended is None
        if self._terminated is not None:
            return self.ended is None
        if self.running is None:
            return True
        if self.status.get("ready"):
            return not self._has_just_come_up
        return False

    @property
    def _has_just_come_up(self) -> bool:
        """Whether it is up between two failures: a container without a readiness probe is ready at once."""
        began, now = parse_time((self.running or EMPTY).get("startedAt")), self.case.now
        is_young = began is not None and now is not None and now - began < _MOMENT
        return self.ended is not None and self.restarts >= _FLAPPING and is_young

    @property
    def waiting_reason(self) -> str:
        return str((self.waiting or EMPTY).get("reason") or "")

    @property
    def waiting_message(self) -> str:
        return str((self.waiting or EMPTY).get("message") or "")

    @property
    def exit_code(self) -> int | None:
        return None if self.ended is None else int(self.ended.get("exitCode") or 0)

    @property
    def end_reason(self) -> str:
        return str((self.ended or EMPTY).get("reason") or "")

    @cached_property
    def lines(self) -> tuple[Line, ...]:
        """What the instance that counts wrote last, else the newest that is known to have written; then its last message."""
        logs = self.case.evidence.logs
        numbers = sorted(number for name, number in logs if name == self.name and logs[name, number])
        found: list[Line] = []
        if numbers:
            wanted = self.attempt if self.attempt in numbers else numbers[-1]
            assert wanted is not None
            found = [Line(f"log of {self.name}, attempt {wanted}", text) for text in logs[self.name, wanted]]
        message = str((self.ended or EMPTY).get("message") or "")
        known = {line.text.strip() for line in found}
        found += [
            Line(f"termination message of {self.name}", text)
            for text in message.splitlines()
            if text.strip() and text.strip() not in known
        ]
        return tuple(found)

    def says(self, pattern: re.Pattern[str]) -> Iterator[tuple[Line, re.Match[str]]]:
        """The lines that match, the newest first."""
        for line in reversed(self.lines):
            match = pattern.search(line.text)
            if match is not None:
                yield line, match

    @cached_property
    def start_error(self) -> Line | None:
        """The runtime's words about why it could not be started or made."""
        if self.ended is not None and self.end_reason in (TerminatedReason.START_ERROR, "ContainerCannotRun"):
            return Line(f"status of {self.name}", str(self.ended.get("message") or self.waiting_message))
        if self.waiting_reason in (WaitingReason.RUN_CONTAINER_ERROR, WaitingReason.CREATE_CONTAINER_ERROR):
            return Line(f"status of {self.name}", self.waiting_message)
        told = self.case.told_of(self, "Failed", "Error: failed to start container")
        return Line("event Failed", str(told["message"])) if told is not None else None

    @property
    def command(self) -> tuple[str, ...]:
        """The words that the manifest has it run; without any the image's own count."""
        return tuple(str(word) for key in ("command", "args") for word in self.spec.get(key) or ())

    @property
    def script(self) -> str:
        """All of them as one text."""
        return " ".join(self.command)

    def setting(self, key: str) -> tuple[object, str]:
        """A field of the security context, its own before the pod's, and where it stands; None where there is none."""
        own = (self.spec.get("securityContext") or EMPTY).get(key)
        if own is not None:
            return own, f"{self.field}.securityContext.{key}"
        of_pod = (self.case.spec.get("securityContext") or EMPTY).get(key)
        return of_pod, f"spec.securityContext.{key}"

    @cached_property
    def mounts(self) -> tuple[Mount, ...]:
        """Its volumes, the deepest path first."""
        sources = {str(one.get("name")): one for one in self.case.spec.get("volumes") or ()}
        found = []
        for one in self.spec.get("volumeMounts") or ():
            volume = sources.get(str(one.get("name")), EMPTY)
            kind = next((key for key in volume if key != "name"), "emptyDir")
            found.append(
                Mount(
                    path=str(one.get("mountPath") or "").rstrip("/"),
                    volume=str(one.get("name")),
                    kind=kind,
                    is_read_only=bool(one.get("readOnly")),
                    source=volume.get(kind) or EMPTY,
                    sub_path=str(one.get("subPath") or "").strip("/"),
                )
            )
        return tuple(sorted(found, key=lambda mount: -len(mount.path)))

    def mount_of(self, path: str) -> Mount | None:
        """The volume that a path is on."""
        return next((one for one in self.mounts if path == one.path or path.startswith(f"{one.path}/")), None)

    def user(self) -> tuple[str, str]:
        """Who it runs as, in words, and where that stands ("" for the image's own user)."""
        uid, where = self.setting("runAsUser")
        return (f"user {uid}", where) if uid is not None else ("the image's user", "")

    def quote_status(self, **parts: object) -> Quote:
        """A quote of its status: ``exitCode: 1, reason: Error``."""
        return Quote(f"status of {self.name}", ", ".join(f"{key}: {one_line(value)}" for key, value in parts.items()))

    def quote_end(self) -> Quote:
        ended = self.ended or EMPTY
        return self.quote_status(exitCode=self.exit_code, reason=ended.get("reason") or "Error")

    def finding(
        self,
        cause: Cause,
        certainty: Certainty,
        sentence: str,
        then: str,
        *evidence: Quote,
        because_of: str = "",
        is_final: bool = False,
    ) -> Finding:
        """A finding about this container."""
        return Finding(
            cause=cause,
            certainty=certainty,
            sentence=sentence,
            next=then,
            evidence=evidence,
            container=self.name,
            attempt=self.attempt,
            because_of=because_of,
            is_final=is_final,
        )


def _is_failure(ended: Json) -> bool:
    return bool(ended.get("exitCode")) or ended.get("reason") == TerminatedReason.OOM_KILLED


class Case:
    """The evidence with what every rule asks of it."""

    def __init__(self, evidence: Evidence) -> None:
        self.evidence = evidence
        self.pod = evidence.pod
        self.spec: Json = evidence.pod.get("spec") or EMPTY
        self.status: Json = evidence.pod.get("status") or EMPTY
        self.namespace = evidence.namespace
        self.labels: Json = (evidence.pod.get("metadata") or EMPTY).get("labels") or EMPTY

    @cached_property
    def containers(self) -> tuple[Subject, ...]:
        """All containers in the order in which they start."""
        found: list[Subject] = []
        for kind, key in (("initContainers", "initContainerStatuses"), ("containers", "containerStatuses")):
            known = {str(one.get("name")): one for one in self.status.get(key) or ()}
            found += [
                Subject(self, spec, known.get(str(spec.get("name")), EMPTY), kind) for spec in self.spec.get(kind) or ()
            ]
        return tuple(found)

    @cached_property
    def unwell(self) -> tuple[Subject, ...]:
        """Those with which something is wrong, or that are not where they should be."""
        return tuple(one for one in self.containers if not one.is_well)

    @property
    def is_over_well(self) -> bool:
        return self.status.get("phase") == "Succeeded"

    @cached_property
    def deletion_asked(self) -> datetime | None:
        """When the pod's deletion was asked for."""
        metadata = self.pod.get("metadata") or EMPTY
        end = parse_time(metadata.get("deletionTimestamp"))
        return None if end is None else end - timedelta(seconds=int(metadata.get("deletionGracePeriodSeconds") or 0))

    @cached_property
    def now(self) -> datetime | None:
        """The instant of the evidence: when it was taken, else the newest that it tells of."""
        if self.evidence.now is not None:
            return self.evidence.now
        told = [parse_time(one.get("lastTimestamp")) for one in self.evidence.events]
        return max((one for one in told if one is not None), default=None)

    @cached_property
    def events(self) -> tuple[Json, ...]:
        """The pod's events, oldest first."""
        return tuple(
            sorted(self.evidence.events, key=lambda one: str(one.get("lastTimestamp") or one.get("eventTime")))
        )

    def told(self, reason: str, words: str = "") -> Json | None:
        """The newest event of a reason whose message has the words; None when there is none."""
        found = (one for one in reversed(self.events) if one.get("reason") == reason)
        return next((one for one in found if words in str(one.get("message") or "")), None)

    def told_of(self, subject: Subject, reason: str, words: str = "") -> Json | None:
        """The same, of one container."""
        found = (one for one in reversed(self.events) if one.get("reason") == reason)
        about = (one for one in found if container_of(one) == subject.name)
        return next((one for one in about if words in str(one.get("message") or "")), None)

    def known(self, kind: str) -> Sequence[Json] | None:
        """All objects of a kind, None when nobody knows which there are."""
        return self.evidence.objects.get(kind)

    def names(self, kind: str, namespace: str | None = None) -> list[str]:
        """Names of the known objects of a kind, of the pod's namespace unless told otherwise."""
        wanted = namespace or self.namespace
        found = ((one.get("metadata") or EMPTY) for one in self.known(kind) or ())
        return [str(one.get("name")) for one in found if (one.get("namespace") or wanted) == wanted]

    def object(self, kind: str, name: str, namespace: str | None = None) -> Json | None:
        """One object, None when it is not known."""
        wanted = namespace or self.namespace
        for one in self.known(kind) or ():
            metadata = one.get("metadata") or EMPTY
            if metadata.get("name") == name and (metadata.get("namespace") or wanted) == wanted:
                return one
        return None

    def elsewhere(self, kind: str, name: str) -> str:
        """Another namespace that has an object of this name, "" when none is known."""
        found = ((one.get("metadata") or EMPTY) for one in self.known(kind) or ())
        return next(
            (str(one.get("namespace")) for one in found if one.get("name") == name and one.get("namespace")), ""
        )

    def starts_after(self, subject: Subject) -> tuple[Subject, ...]:
        """The containers behind an init container, which cannot run before it has ended, or has started if it is a sidecar."""
        return self.containers[self.containers.index(subject) + 1 :]

    def quote_event(self, event: Json) -> Quote:
        count = int(event.get("count") or 1)
        times = f" (x{count})" if count > 1 else ""
        return Quote(f"event {event.get('reason')}{times}", one_line(event.get("message") or ""))
