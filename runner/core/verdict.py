"""When a run is over, with which exit code and sentence: judged from its pods and workloads as they are, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

from msgspec import Struct

from runner.core.diagnosis import diagnose, with_cause
from runner.core.model import Container, Pod, RetryScope, RuleAction
from runner.core.printers.columns import status_word
from runner.core.reasons import WaitingReason
from runner.core.runview import PodView, RunView, WorkloadView
from runner.core.status.podstatus import ConditionType, ContainerStatus, Phase, PodStatus, Terminated
from runner.core.sync.restart import OOM_KILLED, matching_rule, should_restart, with_retry_scope
from runner.core.troubles import GivesUp, Trouble
from runner.core.until import Until
from runner.errors import ExitCode


class VerdictOptions(Struct, frozen=True, kw_only=True):
    """What a run waits for, and what it does not wait for.

    ``exit_code_from`` is ``[POD/]CONTAINER``. ``fail_fast``: what a kubelet would try again for ever is an end. A container
    may be restarted ``max_restarts`` times, None: without limit; or until ``gives_up`` says so of the n-th restart, so many
    seconds after the pod's creation. ``deadline`` is an instant on the same clock as ``now``, None: there is time.
    """

    until: Until = Until.COMPLETED
    exit_code_from: str = ""
    fail_fast: bool = True
    max_restarts: int | None = None
    gives_up: GivesUp | None = None
    scope: RetryScope = RetryScope.POD
    deadline: datetime | None = None


class Verdict(NamedTuple):
    """How a run ends; the message is "" where nothing needs saying."""

    exit_code: int
    message: str = ""


def verdict(view: RunView, options: VerdictOptions, now: datetime) -> Verdict | None:
    """How the run ends, None while it goes on."""
    found = _Judge(view, options, now).verdict()
    if found is not None:
        return found
    if view.is_interrupted:
        return Verdict(ExitCode.INTERRUPTED)
    if options.deadline is not None and now >= options.deadline:
        return Verdict(ExitCode.TIMEOUT, waiting(view, options))
    return None


def waiting(view: RunView, options: VerdictOptions) -> str:
    """A sentence about what the run still waits for when its time is up."""
    pods = [pod for pod in view.pods if _is_awaited(pod, options)]
    words = ", ".join(with_cause(f"{pod.name} is {status_word(pod.value) or 'Pending'}", pod.value) for pod in pods)
    return f"timed out waiting for {options.until}: {words}"


def left(view: RunView, options: VerdictOptions) -> int:
    """How many pods are not yet what the run waits for."""
    return sum(_is_awaited(pod, options) for pod in view.pods)


def _is_awaited(pod: PodView, options: VerdictOptions) -> bool:
    return not pod.is_gone and not reached(pod.status, options.until)


def reached(status: PodStatus, until: Until) -> bool:
    """Whether a pod is what a run waits for."""
    if until is Until.INITIALIZED:
        return status.is_true(ConditionType.INITIALIZED)
    return status.phase is Phase.SUCCEEDED or (until is Until.READY and status.is_true(ConditionType.READY))


def hopeless(pod: PodView, options: VerdictOptions) -> Trouble | None:
    """What keeps a pod from going on, tried often enough; None when nothing does, or when the options do not ask."""
    if not options.fail_fast:
        return None
    return next((one for one in pod.troubles if one.is_hopeless(options.max_restarts, options.gives_up)), None)


def gave_up(pod: PodView, options: VerdictOptions, now: datetime) -> str:
    """The container that was restarted too often, "" when none was: who runs the pod knows it, else restarts are counted."""
    if pod.gave_up is not None:
        return pod.gave_up
    if (options.max_restarts is None and options.gives_up is None) or pod.status.phase.is_terminal:
        return ""
    spec = with_retry_scope(Pod.from_json(pod.manifest), options.scope)
    if spec.is_deleted or pod.status.reason or _begins_anew(spec, pod.status):
        return ""
    elapsed = 0.0 if spec.created_at is None else (now - spec.created_at).total_seconds()
    for container, status in _to_restart(spec, pod.status):
        restart = status.restart_count + 1
        if options.max_restarts is not None and restart > options.max_restarts:
            return container.name
        if options.gives_up is not None and options.gives_up(restart, elapsed):
            return container.name
    return ""


def _to_restart(pod: Pod, status: PodStatus) -> Iterator[tuple[Container, ContainerStatus]]:
    """The containers that have ended and run again; sidecars do not when the pod's containers are through."""
    found = [(one, status.container(one.name)) for one in pod.all_containers()]
    ended = [(one, known, end) for one, known in found if known is not None and (end := _end_of(known)) is not None]
    again = [(one, known) for one, known, end in ended if _runs_again(pod, one, end)]
    apps = {one.name for one in pod.containers}
    over = {one.name for one, _, _ in ended} - {one.name for one, _ in again}
    return iter(()) if apps <= over else iter(again)


def _end_of(status: ContainerStatus) -> Terminated | None:
    """How a container has ended that does not run now."""
    waiting = status.waiting
    if waiting is not None and waiting.reason == WaitingReason.CRASH_LOOP_BACK_OFF:
        return status.last_terminated
    return status.terminated


def _runs_again(pod: Pod, container: Container, end: Terminated) -> bool:
    if container.is_regular_init and not end.exit_code and end.reason != OOM_KILLED:
        return False
    return should_restart(pod, container, end.exit_code or int(container.is_regular_init))


def _begins_anew(pod: Pod, status: PodStatus) -> bool:
    """Whether a rule of the manifest starts all containers again: that does not count as a restart."""
    for container in pod.all_containers():
        known = status.container(container.name)
        ended = known and known.terminated
        rule = ended and matching_rule(container, ended.exit_code)
        if rule and rule.action is RuleAction.RESTART_ALL and not rule.implied:
            return True
    return False


class _Judge:
    """Looks at the pods and workloads of one run."""

    def __init__(self, view: RunView, options: VerdictOptions, now: datetime) -> None:
        self._view = view
        self._options = options
        self._now = now

    def verdict(self) -> Verdict | None:
        pods, workloads = self._view.pods, self._view.workloads
        if not pods and all(one.is_idle for one in workloads):
            return self._nothing_to_run()
        alone = [pod for pod in pods if not pod.maker]
        failed = [pod for pod in alone if pod.status.phase is Phase.FAILED or self._gave_up(pod)]
        failed += [pod for pod in pods if pod.maker and self._gave_up(pod)]
        broken = [one for one in workloads if one.reason and self._is_settled(one) and not one.is_complete]
        through = {pod.uid for pod in failed}
        over = all(self._reached(pod) or pod.uid in through or pod.is_gone for pod in alone)
        over = over and all(self._is_satisfied(one) or one in broken or self._is_gone(one) for one in workloads)
        if (failed or broken) and (over or self._options.until is not Until.COMPLETED):
            return self._failure(failed[0]) if failed else self._workload_failure(broken[0])
        if not over:
            return self._despair()
        names = [pod.name for pod in alone if pod.is_gone and not self._reached(pod)]
        names += [one.source for one in workloads if self._is_gone(one)]
        if names:
            return Verdict(ExitCode.POD_FAILED, f"deleted before it was {self._options.until}: {', '.join(names)}")
        return self._success()

    def _despair(self) -> Verdict | None:
        """What a kubelet would try again for ever ends a run that is not to wait for it."""
        for pod in self._view.pods:
            trouble = hopeless(pod, self._options)
            if trouble is not None and not pod.is_gone and not self._reached(pod):
                return self._hopeless(pod, trouble)
        return None

    def _hopeless(self, pod: PodView, trouble: Trouble) -> Verdict:
        return Verdict(self._container_code(ExitCode.POD_FAILED), f"pod {pod.name} cannot get there: {trouble}")

    def _nothing_to_run(self) -> Verdict:
        """No pods are wanted: they are as ready as they can be, but nothing suspended gets anywhere, and nothing completes."""
        suspended = any(one.is_suspended for one in self._view.workloads)
        if not suspended and self._options.until is not Until.COMPLETED:
            return self._success()
        return Verdict(
            ExitCode.POD_FAILED, "nothing to run: " + ", ".join(one.idleness for one in self._view.workloads)
        )

    def _success(self) -> Verdict:
        return Verdict(self._container_code(ExitCode.OK))

    def _failure(self, pod: PodView) -> Verdict:
        container = self._gave_up(pod)
        trouble = hopeless(pod, self._options) if container else None
        if trouble is not None and trouble.what == container:
            return self._hopeless(pod, trouble)  # Which of the two is seen first is chance; this one says why.
        if container:
            text = f"pod {pod.name}: gave up after too many restarts of {container}"
        else:
            text = f"pod {pod.name} failed: {pod.status.reason or status_word(pod.value)}"
        return Verdict(self._container_code(ExitCode.POD_FAILED), with_cause(text, pod.value, container))

    def _workload_failure(self, workload: WorkloadView) -> Verdict:
        """A workload's own verdict, and what became of the last pod that it made."""
        mine = self._view.pods_of(workload)
        text = workload.failure
        if mine and (found := diagnose(mine[-1].value)) is not None:
            text += f"; pod {mine[-1].name}, {found.sentence}"
        return Verdict(self._container_code(ExitCode.POD_FAILED), text)

    def _container_code(self, otherwise: ExitCode) -> int:
        """The exit code of the container that the caller named, else the run's own."""
        owner, _, name = self._options.exit_code_from.rpartition("/")
        pods: Sequence[PodView] = self._view.pods
        if self._view.workloads:
            pods = pods[::-1]  # A Job's last pod has the last word.
        for pod in pods if name else ():
            maker = self._view.maker_of(pod)
            if owner and owner != (pod.name if maker is None else maker.source):
                continue
            status = pod.status.container(name)
            ended = status and (status.terminated or status.last_terminated)
            if ended:
                return ended.exit_code
        return int(otherwise)

    def _reached(self, pod: PodView) -> bool:
        return reached(pod.status, self._options.until)

    def _gave_up(self, pod: PodView) -> str:
        return gave_up(pod, self._options, self._now)

    def _is_gone(self, workload: WorkloadView) -> bool:
        """Whether a workload was deleted before it came to an end of its own, and its pods are gone."""
        mine = self._view.pods_of(workload)
        return workload.is_deleted and not workload.is_over and all(pod.is_gone for pod in mine)

    def _is_settled(self, workload: WorkloadView) -> bool:
        """Whether a Job is over and none of its pods runs any more: only then it is told to be."""
        mine = self._view.pods_of(workload)
        return workload.is_over and all(pod.is_gone or pod.status.phase.is_terminal for pod in mine)

    def _is_satisfied(self, workload: WorkloadView) -> bool:
        """Whether a workload has come to what the run waits for: as many pods as it wants, or its end."""
        if workload.is_deleted and not workload.is_over:
            return False
        if workload.is_idle:
            return True
        if workload.is_over or self._options.until is Until.COMPLETED:
            return workload.is_complete and self._is_settled(workload)
        mine = [pod for pod in self._view.pods_of(workload) if not (pod.is_gone or pod.status.phase.is_terminal)]
        return sum(self._reached(pod) for pod in mine) >= workload.wanted
