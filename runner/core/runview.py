"""What a client knows of the run that it waits for: pods and workloads as they are, folded from the changes of a watch.

A view holds the pods that the run has written and those that its workloads make; what else a watch brings is left out. It is
a value: a change gives another one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from runner.core.changes import ChangeType
from runner.core.events import container_of
from runner.core.model import EMPTY, Json
from runner.core.owners import MAKES, controller_of
from runner.core.reasons import EventReason, WaitingReason
from runner.core.status.podstatus import ConditionType, ContainerStatus, PodStatus
from runner.core.troubles import ENDLESS, SANDBOX, VOLUMES, Trouble

_PENDING = PodStatus()
_ERROR = "Error: "
"""Begins the event that follows every failed start of a container."""
_BACK_OFF = f"{_ERROR}{WaitingReason.IMAGE_PULL_BACK_OFF}"
"""The same while a pull is not tried."""
_OF_POD = {EventReason.FAILED_CREATE_SANDBOX: SANDBOX, EventReason.FAILED_MOUNT: VOLUMES}
_JOB_ENDS = {"SuccessCriteriaMet": "Complete", "Complete": "Complete", "FailureTarget": "Failed", "Failed": "Failed"}
"""What a Job's conditions say of it; the first of each is there before its last pod has ended."""
_FINAL_WORDS = ("NotFound", "not found", "denied", "unauthorized", "forbidden")
"""Registries that do not have an image, or do not give it, say so in these words."""
_PASSING = frozenset({WaitingReason.REGISTRY_UNAVAILABLE, WaitingReason.IMAGE_INSPECT_ERROR})


class Failures(Struct, frozen=True, kw_only=True):
    """Failed attempts at one thing: how often each event has told of them, and how many of those had another cause."""

    reason: str = ""
    message: str = ""
    counts: Mapping[str, int] = EMPTY
    of_others: int = 0

    @property
    def told(self) -> int:
        return sum(self.counts.values())

    def with_count(self, event: str, count: int) -> Failures:
        return replace(self, counts={**self.counts, event: count})

    def because(self, reason: str, message: str) -> Failures:
        """The same failures with the cause that a status shows; failures of another cause do not count."""
        others = self.of_others if self.reason in ("", reason) else max(0, self.told - 1)
        return replace(self, reason=reason, message=message, of_others=others)

    def trouble(self, what: str) -> Trouble | None:
        """The cause, None before it is known."""
        if not self.reason:
            return None
        attempts = max(1, self.told - self.of_others)
        passing = self.reason in _PASSING
        if self.reason == WaitingReason.ERR_IMAGE_PULL:
            passing = not any(word in self.message for word in _FINAL_WORDS)
        return Trouble(what=what, reason=self.reason, message=self.message, attempts=attempts, may_pass=passing)


class PodView(Struct, frozen=True, kw_only=True):
    """One pod. ``manifest`` is the v1 Pod without status; ``published`` None: there is no status yet.

    ``maker`` is the uid of the workload that has made it, "" for the run itself. ``gave_up`` names the container that was
    restarted too often when whoever runs the pod tells so, "": it has not given up, None: nobody tells, restarts are counted.
    ``known`` are troubles that whoever runs the pod tells of, None: they are read from events.
    """

    manifest: Json
    published: PodStatus | None = None
    maker: str = ""
    is_gone: bool = False
    gave_up: str | None = None
    known: tuple[Trouble, ...] | None = None
    failures: Mapping[str, Failures] = EMPTY

    @property
    def name(self) -> str:
        return str(self.manifest["metadata"]["name"])

    @property
    def uid(self) -> str:
        return str(self.manifest["metadata"]["uid"])

    @property
    def status(self) -> PodStatus:
        return self.published or _PENDING

    @property
    def value(self) -> dict[str, Any]:
        """The v1 Pod as it was published last; without a status before the first one."""
        status = self.published
        return {**self.manifest, **({} if status is None else {"status": status.to_json()})}

    @property
    def troubles(self) -> tuple[Trouble, ...]:
        """What keeps it from going on now."""
        if self.known is not None:
            return self.known
        found = (failures.trouble(what) for what, failures in self.failures.items())
        return tuple(trouble for trouble in found if trouble is not None)

    def with_status(self, manifest: Json, status: PodStatus | None) -> PodView:
        """The pod after a write to it."""
        failures = dict(self.failures)
        for one in (status or _PENDING).all_containers():
            _note_state(failures, one)
        if status is not None and status.is_true(ConditionType.READY_TO_START):
            failures.pop(SANDBOX, None)
            failures.pop(VOLUMES, None)
        return replace(self, manifest=manifest, published=status, failures=failures)

    def with_event(self, event: Json) -> PodView:
        """The pod after an event about it; most say nothing of failed attempts."""
        reason, message = str(event.get("reason") or ""), str(event.get("message") or "")
        name, count = str(event["metadata"]["name"]), int(event.get("count") or 1)
        what = _OF_POD.get(reason, "")  # type: ignore[call-overload]
        if what:
            cause = message.removeprefix("Failed to create pod sandbox: ")
            failures = self.failures.get(what, Failures()).with_count(name, count).because(reason, cause)
            return replace(self, failures={**self.failures, what: failures})
        what = container_of(event)
        if not what or reason != EventReason.FAILED or not message.startswith(_ERROR) or message == _BACK_OFF:
            return self
        return replace(
            self, failures={**self.failures, what: self.failures.get(what, Failures()).with_count(name, count)}
        )


def _note_state(failures: dict[str, Failures], status: ContainerStatus) -> None:
    """Take from a container's status why it waits, or that it waits no more."""
    waiting = status.waiting
    if waiting is None:
        failures.pop(status.name, None)
    elif waiting.reason in ENDLESS:
        failures[status.name] = failures.get(status.name, Failures()).because(waiting.reason, waiting.message)


class WorkloadView(Struct, frozen=True, kw_only=True):
    """One workload. ``source`` is what the manifest calls it (``deployment/web``); ``wanted``: how many pods are to be alive.

    ``state`` is Active, Complete or Failed, with the reason and message of a Job's condition. ``is_deleted``: somebody has
    asked for its deletion.
    """

    uid: str
    source: str
    most_pods: int
    wanted: int = 0
    state: str = "Active"
    reason: str = ""
    message: str = ""
    is_suspended: bool = False
    is_deleted: bool = False

    @property
    def is_over(self) -> bool:
        return self.state != "Active"

    @property
    def is_complete(self) -> bool:
        return self.state == "Complete"

    @property
    def is_idle(self) -> bool:
        """Whether it wants no pods, now or later: a suspended Job, no replicas."""
        return not (self.is_over or self.is_deleted) and (self.is_suspended or self.most_pods == 0)

    @property
    def failure(self) -> str:
        """Why a Job has failed, in one line."""
        return f"{self.source} failed: {self.reason}: {self.message}"

    @property
    def idleness(self) -> str:
        """Why it makes no pods, in one line."""
        if self.is_suspended:
            return f"{self.source} is suspended and makes no pods (spec.suspend is true)"
        return f"{self.source} asks for no pods"

    @classmethod
    def of(cls, value: Json) -> WorkloadView:
        """A v1 object that owns pods; a Deployment's or CronJob's ReplicaSet or Job is known by their name."""
        metadata, spec, status = value["metadata"], value.get("spec") or EMPTY, value.get("status") or EMPTY
        parent = next((one for one in metadata.get("ownerReferences") or () if one.get("kind") in MAKES), None)
        kind, name = (str(value["kind"]), metadata["name"]) if parent is None else (parent["kind"], parent["name"])
        most, wanted = _numbers(str(value["kind"]), spec, status)
        ends = [one for one in status.get("conditions") or () if one.get("type") in _JOB_ENDS]
        end = ends[0] if ends and value["kind"] == "Job" else EMPTY
        return cls(
            uid=str(metadata["uid"]),
            source=f"{kind.lower()}/{name}",
            most_pods=most,
            wanted=wanted,
            state=_JOB_ENDS.get(end.get("type", ""), "Active"),
            reason=end.get("reason") or "",
            message=end.get("message") or "",
            is_suspended=value["kind"] == "Job" and bool(spec.get("suspend")),
            is_deleted=bool(metadata.get("deletionTimestamp")),
        )


def _numbers(kind: str, spec: Json, status: Json) -> tuple[int, int]:
    """How many pods of a workload may be alive at once, and how many are to be now."""
    if kind == "DaemonSet":
        return 1, 1
    if kind != "Job":
        replicas = int(spec.get("replicas") or 0)
        return replicas, replicas
    most, completions = int(spec.get("parallelism") or 0), spec.get("completions")
    if completions is None:
        return most, most
    left = max(0, int(completions) - int(status.get("succeeded") or 0))
    return min(most, int(completions)), min(most, left)


class RunView(Struct, frozen=True, kw_only=True):
    """All of a run. ``is_interrupted``: its user has asked for its end."""

    pods: Sequence[PodView] = ()
    workloads: Sequence[WorkloadView] = ()
    is_interrupted: bool = False

    def pods_of(self, workload: WorkloadView) -> list[PodView]:
        """The pods that a workload has made, deleted ones included."""
        return [pod for pod in self.pods if pod.maker == workload.uid]

    def maker_of(self, pod: PodView) -> WorkloadView | None:
        """The workload that has made a pod."""
        return next((one for one in self.workloads if one.uid == pod.maker), None) if pod.maker else None

    def after(self, change: ChangeType, value: Json) -> RunView:
        """The view after one change of a watch: to a pod, an event or a workload."""
        if value.get("kind") == "Event":
            uid = (value.get("involvedObject") or EMPTY).get("uid")
            return self._with_pods([one.with_event(value) if one.uid == uid else one for one in self.pods])
        if value.get("kind") == "Pod":
            return self._after_pod(change, value)
        return self._after_workload(change, value)

    def _with_pods(self, pods: Sequence[PodView]) -> RunView:
        return replace(self, pods=tuple(pods))

    def _after_pod(self, change: ChangeType, value: Json) -> RunView:
        """A new pod is the run's when one of its workloads has made it."""
        uid, maker = str(value["metadata"]["uid"]), controller_of(value)
        pods = list(self.pods)
        number = next((number for number, one in enumerate(pods) if one.uid == uid), None)
        if number is None:
            if change is ChangeType.DELETED or all(one.uid != maker for one in self.workloads):
                return self
            number = len(pods)
            pods.append(PodView(manifest=value, maker=maker))
        if change is ChangeType.DELETED:
            pods[number] = replace(pods[number], is_gone=True)
        else:
            status = value.get("status")
            manifest = {key: part for key, part in value.items() if key != "status"}
            pods[number] = pods[number].with_status(manifest, PodStatus.from_json(status) if status else None)
        return self._with_pods(pods)

    def _after_workload(self, change: ChangeType, value: Json) -> RunView:
        """Only workloads that are known change; the object between a Deployment and its pods is the known one."""
        uid = value["metadata"].get("uid")
        if all(one.uid != uid for one in self.workloads):
            return self
        made = WorkloadView.of(value)
        if change is ChangeType.DELETED:
            made = replace(made, is_deleted=True)
        return replace(self, workloads=tuple(made if one.uid == uid else one for one in self.workloads))
