"""When a run is over, with which exit code and sentence: judged from its pods and workloads as they are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from runner.core.diagnosis import diagnose, with_cause
from runner.core.printers.columns import status_word
from runner.core.status.podstatus import ConditionType, Phase
from runner.errors import ExitCode
from runner.kubelet.options import RunOptions, Until
from runner.node.running import Running

if TYPE_CHECKING:
    from runner.controllers.control import Controller


def hopeless(running: Running, options: RunOptions) -> str:
    """What keeps a pod from going on and has been tried often enough; "" when nothing does, or nobody wants to know."""
    trouble = running.worker.context.troubles.hopeless(options.worker) if options.fail_fast else None
    return "" if trouble is None else str(trouble)


class Judge:
    """Looks at the pods and workloads of one run."""

    def __init__(self, runs: Sequence[Running], controllers: Sequence[Controller], options: RunOptions) -> None:
        self._runs = runs
        self._controllers = controllers
        self._options = options

    def waiting(self) -> str:
        """A sentence about what the run still waits for."""
        waiting = [r for r in self._runs if not self._reached(r) and not r.is_over]
        words = ", ".join(with_cause(f"{r.pod.name} is {status_word(r.value) or 'Pending'}", r.value) for r in waiting)
        return f"timed out waiting for {self._options.until}: {words}"

    def verdict(self) -> tuple[int, str] | None:
        """How the run ends, None while it goes on. Raises what a worker ended with."""
        for running in self._runs:
            if running.error is not None:
                raise running.error
        if not self._runs and all(c.is_idle for c in self._controllers):
            return self._nothing_to_run()
        alone = [r for r in self._runs if r.controller is None]
        failed = [r for r in alone if r.status.phase is Phase.FAILED or r.worker.gave_up]
        failed += [r for r in self._runs if r.controller is not None and r.worker.gave_up]
        broken = [c for c in self._controllers if c.reason and self._is_settled(c) and not self._is_complete(c)]
        over = all(self._reached(r) or r in failed or r.worker.gone for r in alone)
        over = over and all(self._is_satisfied(c) or c in broken or self._is_gone(c) for c in self._controllers)
        if (failed or broken) and (over or self._options.until is not Until.COMPLETED):
            return self._failure(failed[0]) if failed else self._workload_failure(broken[0])
        if not over:
            return self._despair()
        names = [r.pod.name for r in alone if r.worker.gone and not self._reached(r)]
        names += [c.workload.source for c in self._controllers if self._is_gone(c)]
        if names:
            gone = ", ".join(names)
            return ExitCode.POD_FAILED, f"deleted before it was {self._options.until}: {gone}"
        return self._success()

    def _despair(self) -> tuple[int, str] | None:
        """What a kubelet would try again for ever ends a run that is not to wait for it."""
        for running in self._runs if self._options.fail_fast else ():
            trouble = hopeless(running, self._options)
            if trouble and not running.is_over and not self._reached(running):
                text = f"pod {running.pod.name} cannot get there: {trouble}"
                return self._container_code(ExitCode.POD_FAILED), text
        return None

    def _nothing_to_run(self) -> tuple[int, str]:
        """No pods are wanted: they are as ready as they can be, but nothing suspended gets anywhere, and nothing completes."""
        suspended = any(controller.workload.is_suspended for controller in self._controllers)
        if not suspended and self._options.until is not Until.COMPLETED:
            return self._success()
        return ExitCode.POD_FAILED, "nothing to run: " + ", ".join(c.idleness for c in self._controllers)

    def _success(self) -> tuple[int, str]:
        return self._container_code(0), ""

    def _failure(self, running: Running) -> tuple[int, str]:
        if running.worker.gave_up:
            text = f"pod {running.pod.name}: gave up after too many restarts of {running.worker.gave_up}"
        else:
            reason = running.status.reason or status_word(running.value)
            text = f"pod {running.pod.name} failed: {reason}"
        return self._container_code(ExitCode.POD_FAILED), with_cause(text, running.value, running.worker.gave_up)

    def _workload_failure(self, controller: Controller) -> tuple[int, str]:
        """A workload's own verdict, and what became of the last pod that it made."""
        mine = [running for running in self._runs if running.controller is controller]
        text = controller.verdict
        if mine and (found := diagnose(mine[-1].value)) is not None:
            text += f"; pod {mine[-1].pod.name}, {found.sentence}"
        return self._container_code(ExitCode.POD_FAILED), text

    def _container_code(self, otherwise: int) -> int:
        """The exit code of the container that the caller named, else the run's own."""
        owner, _, name = self._options.exit_code_from.rpartition("/")
        runs = self._runs if not self._controllers else self._runs[::-1]  # A Job's last pod has the last word.
        for running in runs if name else ():
            if owner and owner != (running.controller.workload.source if running.controller else running.pod.name):
                continue
            status = running.status.container(name)
            ended = status and (status.terminated or status.last_terminated)
            if ended:
                return ended.exit_code
        return int(otherwise)

    def _reached(self, running: Running) -> bool:
        status = running.status
        match self._options.until:
            case Until.INITIALIZED:
                return status.is_true(ConditionType.INITIALIZED)
            case Until.READY:
                return status.is_true(ConditionType.READY) or status.phase is Phase.SUCCEEDED
            case Until.COMPLETED:
                return status.phase is Phase.SUCCEEDED

    def _is_gone(self, controller: Controller) -> bool:
        """Whether a workload was deleted before it came to an end of its own, and its pods are gone."""
        mine = (running for running in self._runs if running.controller is controller)
        return controller.is_deleted and not controller.is_over and all(running.is_over for running in mine)

    def _is_complete(self, controller: Controller) -> bool:
        return controller.state == "Complete"

    def _is_settled(self, controller: Controller) -> bool:
        """Whether a Job is over and none of its pods runs any more: only then it is told to be."""
        mine = (running for running in self._runs if running.controller is controller)
        return controller.is_over and all(running.is_over or running.status.phase.is_terminal for running in mine)

    def _is_satisfied(self, controller: Controller) -> bool:
        """Whether a workload has come to what the run waits for: as many pods as it wants, or its end."""
        if controller.is_deleted and not controller.is_over:
            return False
        if controller.is_idle:
            return True
        if controller.is_over or self._options.until is Until.COMPLETED:
            return self._is_complete(controller) and self._is_settled(controller)
        mine = [r for r in self._runs if r.controller is controller and not (r.is_over or r.status.phase.is_terminal)]
        return sum(self._reached(running) for running in mine) >= controller.wanted
