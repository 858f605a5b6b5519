"""A run in the background of this process: its pods live on their own threads until somebody ends them."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING

from runner.api.history import PodHistory
from runner.api.pods import PodHandle
from runner.core.narration import LogLines, Narration, StatusChanged
from runner.errors import ExitCode, PodFailed, WaitTimeout
from runner.node.outcome import StopRequest

if TYPE_CHECKING:
    from runner.api.facade import Runner
    from runner.core.manifest import LoadedObject
    from runner.core.model import Json
    from runner.core.narration import Listener
    from runner.kubelet.options import RunOptions
    from runner.node.running import Running
    from runner.node.session import Session


class Life:
    """One run: begun by ``begin``, ended by ``end``; both by any thread, ``end`` more than once."""

    def __init__(self, runner: Runner, options: RunOptions, listener: Listener) -> None:
        self._runner = runner
        self._options = options
        self._listener = listener
        self._histories: dict[str, PodHistory] = {}
        self._handles: dict[str, PodHandle] = {}
        self._resources = ExitStack()
        self._session: Session | None = None
        self._stop = StopRequest()
        self._lock = threading.Lock()
        self._is_over = False
        self._supervisor: threading.Thread | None = None
        self._problem: BaseException | None = None

    def begin(self, objects: Sequence[LoadedObject], *, is_one: bool = False) -> tuple[PodHandle, ...]:
        """Start the pods and wait until they are what the options ask for; with ``is_one`` there has to be exactly one.

        Raises PodFailed and WaitTimeout with a report of all pods, when they are deleted again already (or kept, if the
        options say so).
        """
        __tracebackhide__ = True  # What went wrong is in the message; pytest leaves such frames out.
        try:
            launch = self._resources.enter_context(self._runner.launched(objects, self._options, is_one=is_one))
            for owned, _ in launch.pods:
                self._remember(owned.pod.manifest)
            self._session = self._resources.enter_context(self._runner.working(launch, self._hear, self._stop))
            self._session.on_trouble = self._wake_histories
            exit_code, message = self._session.wait(self._stop)
            for running in self._session.runs:  # They tell what they have come to a moment after it is so.
                if running.pod.uid in self._histories:
                    self._histories[running.pod.uid].take(running.worker.context.pod.manifest, running.status)
        except BaseException as error:
            if self._session is None:
                self._resources.__exit__(type(error), error, error.__traceback__)
            else:
                self.end(exit_code=ExitCode.INTERRUPTED)
            raise
        if exit_code != ExitCode.OK:
            self._fail(exit_code, message)
        if launch.controllers:
            self._supervisor = threading.Thread(target=self._supervise, name="podrunner-workloads", daemon=True)
            self._supervisor.start()
        return self.pods

    def _supervise(self) -> None:
        assert self._session is not None
        try:
            self._session.supervise(self._stop)
        except BaseException as error:  # It is raised to whoever waits for a pod.
            self._problem = error
            self._wake_histories()

    def _wake_histories(self) -> None:
        for history in list(self._histories.values()):
            history.wake()

    def _fail(self, exit_code: int, message: str) -> None:
        __tracebackhide__ = True
        pods = self.pods
        text = "\n\n".join([message or "the run was interrupted", *(pod.report() for pod in pods)])
        self.end(exit_code=exit_code)
        kind = WaitTimeout if exit_code == ExitCode.TIMEOUT else PodFailed
        raise kind(text, pod=pods[0] if pods else None)

    def _remember(self, manifest: Json) -> PodHistory:
        history = PodHistory.of(manifest)
        self._histories[history.ref.uid] = history
        self._handles[history.ref.uid] = PodHandle(self._runner, self, history)
        return history

    def _hear(self, narration: Narration) -> None:
        history = self._histories.get(narration.ref.uid)
        if history is None and isinstance(narration, StatusChanged):
            history = self._remember(narration.manifest)  # A workload has made another pod.
        if history is not None:
            history.hear(narration)
        if isinstance(narration, LogLines):
            for line in narration.lines:
                self._listener(line)
        else:
            self._listener(narration)

    @property
    def pods(self) -> tuple[PodHandle, ...]:
        """The pods that are there, in the order in which they came."""
        return tuple(handle for handle in list(self._handles.values()) if not handle.is_gone)

    def check(self) -> None:
        """Raise what broke a worker, or the workloads' controllers."""
        if self._problem is not None:
            raise self._problem
        for running in self._runs():
            if running.error is not None:
                raise running.error

    def gave_up(self, uid: str) -> str:
        """The container that was restarted too often; "" when none was."""
        return next((running.worker.gave_up for running in self._runs() if running.pod.uid == uid), "")

    def hopeless(self, uid: str) -> str:
        """What keeps a pod from going on and has been tried often enough; "" when nothing does."""
        session = self._session
        if session is None:
            return ""
        return next((session.hopeless(running) for running in session.runs if running.pod.uid == uid), "")

    def decision(self, uid: str) -> str:
        """The last decision about a pod that had something to do, as text."""
        return next((str(running.worker.last_plan or "") for running in self._runs() if running.pod.uid == uid), "")

    def wake(self) -> None:
        """Let the workers look at what was asked of them."""
        for running in self._runs():
            running.wakeup.set()

    def _runs(self) -> Sequence[Running]:
        return () if self._session is None else self._session.runs

    def announce_end(self, exit_code: int) -> None:
        """Begin to end, so that several runs end side by side."""
        if self._session is not None and not self._is_over and not self._session.keeps(exit_code):
            self._session.ask_for_deletion(self._options.grace)

    def end(self, *, exit_code: int = ExitCode.OK, at_once: bool = False) -> None:
        """Delete the pods, or let go of them, as the options say, and everything that came with them.

        ``at_once``: kill. A KeyboardInterrupt meanwhile does the same, and is raised again.
        """
        with self._lock:
            if self._is_over:
                return
            self._is_over = True
        try:
            if self._session is not None:
                self._stop.request()
                if at_once:
                    self._stop.request()
                if self._supervisor is not None:
                    self._supervisor.join()
                self._finish(self._session, exit_code)
        finally:
            for handle in self._handles.values():
                handle.release()
            self._resources.close()

    def _finish(self, session: Session, exit_code: int) -> None:
        try:
            session.finish(exit_code, self._stop)
        except KeyboardInterrupt:
            self._stop.request()
            session.delete_all(self._stop, grace=0)
            raise
