"""Jobs: pods that run to their end, so many of them, with failures counted and answered ever later.

Mirrors pkg/controller/job/job_controller.go, indexed_job_utils.go, success_policy.go and backoff_utils.go.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property

from msgspec import Struct

from runner.core.model import Json
from runner.core.text.times import later
from runner.core.workloads.failures import FailureAction, FailureVerdict, judge
from runner.core.workloads.model import COMPLETION_INDEX, Member, Reconciliation, Workload, WorkloadState
from runner.core.workloads.pods import PodObject, templated_pod

_BACKOFF = timedelta(seconds=10)
_BACKOFF_CAP = timedelta(minutes=10)
_FAILURE_COUNT = "batch.kubernetes.io/job-index-failure-count"
"""Seconds, 68 years: a longer deadline is none."""


def reconcile_job(workload: Workload, members: Sequence[Member], now: datetime, speed: float) -> Reconciliation:
    """Whether the Job is over, else which pods it lacks and when it may have them."""
    job = _Job(workload, tuple(members))
    end = _deadline(workload)
    active = tuple(member.uid for member in members if member.is_active)
    verdict = _failure(job, end, now) or _completion(job)
    if verdict is not None:
        state, reason, message = verdict
        return Reconciliation(delete=active, state=state, reason=reason, message=message)
    if workload.spec.get("suspend"):
        return Reconciliation(delete=active)
    create, due = _creations(job, now, speed)
    wakes = [moment for moment in (end, due) if moment is not None]
    return Reconciliation(
        create=tuple(create),
        wanted=len(job.active) + job.room,
        retry_at=due,
        wake_at=min(wakes, default=None),
    )


class JobCounts(Struct, frozen=True, kw_only=True):
    """A Job's pods in numbers, and its indexes that are done or given up (empty unless it is indexed)."""

    active: int
    ready: int
    terminating: int
    succeeded: int
    failed: int
    done_indexes: frozenset[int]
    failed_indexes: frozenset[int]


def count_pods(workload: Workload, members: Sequence[Member]) -> JobCounts:
    """Count a Job's pods as its status does."""
    job = _Job(workload, tuple(members))
    return JobCounts(
        active=sum(member.is_active for member in members),
        ready=sum(member.is_ready for member in members),
        terminating=sum(m.is_deleted and not (m.has_ended or m.is_gone) for m in members),
        succeeded=len(job.succeeded),
        failed=len(job.counted),
        done_indexes=job.done_indexes,
        failed_indexes=job.failed_indexes,
    )


def _deadline(workload: Workload) -> datetime | None:
    if workload.is_suspended:
        return None  # Its time counts from when it goes on.
    seconds = workload.spec.get("activeDeadlineSeconds")
    return None if seconds is None else later(workload.created_at, seconds)


@dataclass(frozen=True)
class _Job:
    """A Job with its pods sorted by how they fared."""

    workload: Workload
    members: tuple[Member, ...]

    @property
    def spec(self) -> Json:
        return self.workload.spec

    @property
    def is_indexed(self) -> bool:
        return self.spec.get("completionMode") == "Indexed"

    @property
    def completions(self) -> int | None:
        found = self.spec.get("completions")
        return None if found is None else int(found)

    @property
    def per_index_limit(self) -> int | None:
        found = self.spec.get("backoffLimitPerIndex")
        return None if found is None else int(found)

    @cached_property
    def succeeded(self) -> list[Member]:
        return [member for member in self.members if member.succeeded]

    @cached_property
    def active(self) -> list[Member]:
        """Pods that may still succeed; with the replacement policy Failed a pod that is being deleted has its place."""
        keeps_place = self.spec.get("podReplacementPolicy") == "Failed"
        return [
            member
            for member in self.members
            if member.is_active or (keeps_place and not member.has_ended and not member.is_gone)
        ]

    @cached_property
    def verdicts(self) -> list[tuple[Member, FailureVerdict]]:
        """The failed pods, and what the failure policy says about each; one that was deleted has failed too."""
        policy = self.spec.get("podFailurePolicy")
        failed = [member for member in self.members if not member.succeeded and member not in self.active]
        return [(member, judge(policy, member)) for member in failed]

    @property
    def failed(self) -> list[Member]:
        """The failed pods, those that the failure policy ignores included: they too make the next one wait."""
        return [member for member, _ in self.verdicts]

    @cached_property
    def counted(self) -> list[Member]:
        return [member for member, verdict in self.verdicts if verdict.action is not FailureAction.IGNORE]

    @cached_property
    def done_indexes(self) -> frozenset[int]:
        return frozenset(member.index for member in self.succeeded if member.index is not None)

    @cached_property
    def failed_indexes(self) -> frozenset[int]:
        """The indexes that are given up; without a limit for each index there are none."""
        limit = self.per_index_limit
        if limit is None:
            return frozenset()
        counts = Counter(member.index for member in self.counted)
        given_up = {member.index for member, verdict in self.verdicts if verdict.action is FailureAction.FAIL_INDEX}
        given_up.update(index for index, count in counts.items() if count > limit)
        return frozenset(index for index in given_up if index is not None) - self.done_indexes

    @property
    def remaining(self) -> int:
        """How many pods may still have to succeed, those that run included."""
        if self.completions is None:
            return 0 if self.succeeded else int(self.spec.get("parallelism") or 0)
        if self.is_indexed:
            return self.completions - len(self.done_indexes | self.failed_indexes)
        return self.completions - len(self.succeeded)

    @property
    def room(self) -> int:
        """How many pods may be added now."""
        parallelism = int(self.spec.get("parallelism") or 0)
        return max(0, min(parallelism, self.remaining) - len(self.active))


Verdict = tuple[WorkloadState, str, str]


def _failure(job: _Job, end: datetime | None, now: datetime) -> Verdict | None:
    failed = WorkloadState.FAILED
    for _, verdict in job.verdicts:
        if verdict.action is FailureAction.FAIL_JOB:
            return failed, "PodFailurePolicy", verdict.message
    if _exceeds_limit(job):
        return failed, "BackoffLimitExceeded", "Job has reached the specified backoff limit"
    if end is not None and now >= end:
        return failed, "DeadlineExceeded", "Job was active longer than specified deadline"
    most = job.spec.get("maxFailedIndexes")
    if most is not None and len(job.failed_indexes) > most:
        text = "Job has exceeded the specified maximal number of failed indexes"
        return failed, "MaxFailedIndexesExceeded", text
    if job.failed_indexes and job.remaining <= 0 and not job.active:
        return failed, "FailedIndexes", "Job has failed indexes"
    return None


def _exceeds_limit(job: _Job) -> bool:
    limit = int(job.spec.get("backoffLimit") or 0)
    if len(job.counted) > limit:
        return True
    if job.workload.template["spec"].get("restartPolicy") != "OnFailure":
        return False
    restarts = sum(c.restart_count for member in job.active for c in member.status.all_containers())
    return restarts > 0 if limit == 0 else restarts >= limit


def _completion(job: _Job) -> Verdict | None:
    complete = WorkloadState.COMPLETE
    rule = _success_rule(job)
    if rule is not None:
        return complete, "SuccessPolicy", f"Matched rules at index {rule}"
    is_over = job.remaining <= 0 and not (job.completions is None and job.active)
    return (complete, "CompletionsReached", "Reached expected number of succeeded pods") if is_over else None


def _success_rule(job: _Job) -> int | None:
    """The first rule of the success policy that holds."""
    for position, rule in enumerate((job.spec.get("successPolicy") or {}).get("rules") or ()):
        named, count = rule.get("succeededIndexes"), rule.get("succeededCount")
        wanted = job.done_indexes if named is None else _indexes(named)
        done = job.done_indexes & wanted
        if done and len(done) >= (len(wanted) if count is None else count):
            return position
    return None


def _indexes(text: str) -> frozenset[int]:
    """``1,3-5`` as a set."""
    found: set[int] = set()
    for part in text.split(",") if text else ():
        first, _, last = part.partition("-")
        found.update(range(int(first), int(last or first) + 1))
    return frozenset(found)


def _creations(job: _Job, now: datetime, speed: float) -> tuple[list[PodObject], datetime | None]:
    """The pods to create now, and when the next one that has to wait may be."""
    if job.is_indexed:
        return _indexed_creations(job, now, speed)
    due = _due(job.failed, job.succeeded, speed) if job.room else None
    if due is not None and now < due:
        return [], due
    return [_pod(job.workload, None) for _ in range(job.room)], None


def _indexed_creations(job: _Job, now: datetime, speed: float) -> tuple[list[PodObject], datetime | None]:
    taken = job.done_indexes | job.failed_indexes | {member.index for member in job.active}
    create: list[PodObject] = []
    dues: list[datetime] = []
    for index in range(job.completions or 0):
        if len(create) == job.room:
            break
        if index in taken:
            continue
        failures: Iterable[Member] = job.failed
        if job.per_index_limit is not None:
            failures = [member for member in job.failed if member.index == index]
        due = _due(failures, () if job.per_index_limit is not None else job.succeeded, speed)
        if due is None or now >= due:
            failed = sum(member.index == index for member in job.counted)
            create.append(_pod(job.workload, index, None if job.per_index_limit is None else failed))
        else:
            dues.append(due)
    return create, min(dues, default=None)


def _due(failures: Iterable[Member], successes: Iterable[Member], speed: float) -> datetime | None:
    """When the next pod may start after the failures since the last success; None: at once."""
    last_success = max((member.ended_at for member in successes if member.ended_at), default=None)
    times = sorted(member.ended_at for member in failures if member.ended_at)
    recent = [moment for moment in times if last_success is None or moment > last_success]
    if not recent:
        return None
    wait: timedelta = min(_BACKOFF * 2 ** min(len(recent) - 1, 20), _BACKOFF_CAP)
    return recent[-1] + wait / speed


def _pod(workload: Workload, index: int | None, failed: int | None = None) -> PodObject:
    """``failed``: how many pods of the index have failed, where that is limited for each index."""
    if index is None:
        return templated_pod(workload, generate=f"{workload.name}-")
    mark = {COMPLETION_INDEX: str(index)}

    def adjust(spec: PodObject) -> None:
        spec["hostname"] = f"{workload.name}-{index}"
        source = {"fieldRef": {"apiVersion": "v1", "fieldPath": f"metadata.labels['{COMPLETION_INDEX}']"}}
        variable = {"name": "JOB_COMPLETION_INDEX", "valueFrom": source}
        for container in (*(spec.get("initContainers") or ()), *spec["containers"]):
            written = container.get("env") or []
            if all(entry.get("name") != variable["name"] for entry in written):
                container["env"] = [*written, variable]

    return templated_pod(
        workload,
        generate=f"{workload.name}-{index}-",
        labels=mark,
        annotations=mark if failed is None else {**mark, _FAILURE_COUNT: str(failed)},
        adjust=adjust,
    )
