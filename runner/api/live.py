"""A run in the background of this process: its pods live on their own threads until the program ends them."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING

from runner.api.history import PodHistory
from runner.api.pods import PodHandle
from runner.core.narration import LogLines, Narration, StatusChanged
from runner.errors import ExitCode, PodFailed, UsageError, WaitTimeout
from runner.node.outcome import StopRequest

if TYPE_CHECKING:
    from runner.api.launching import Launching
    from runner.api.waiting import Waiting
    from runner.core.manifest import LoadedObject
    from runner.core.model import Json
    from runner.core.narration import Listener
    from runner.kubelet.options import RunOptions
    from runner.node.recording import Recording
    from runner.node.running import Past, Running


class Life:
    """One run: begun by ``begin``, ended by ``end``; both by any thread, ``end`` more than once."""

    def __init__(self, runner: Launching, options: RunOptions, listener: Listener) -> None:
        self._runner = runner
        self._options = options
        self._listener = listener
        self._histories: dict[str, PodHistory] = {}
        self._handles: dict[str, PodHandle] = {}
        self._resources = ExitStack()
        self._run: Waiting | None = None
        self._recording: Recording | None = None
        self._stop = StopRequest()
        self._lock = threading.Lock()
        self._ender: threading.Thread | None = None
        """Who ends it, or has."""
        self._has_ended = threading.Event()
        self._telling = threading.local()
        self._beginner: threading.Thread | None = None
        self._has_begun = threading.Event()
        """Whether the pods have their workers, or never will."""

    def begin(self, objects: Sequence[LoadedObject], *, is_one: bool = False) -> tuple[PodHandle, ...]:
        """Start the pods and wait until they are what the options ask for; with ``is_one`` there has to be exactly one.

        A pod that stands at a breakpoint ends the wait: its program has to say how it goes on.
        Raises PodFailed and WaitTimeout with a report of all pods, when they are deleted again already (or kept, if the
        options say so).
        """
        __tracebackhide__ = True  # What went wrong is in the message; pytest leaves such frames out.
        try:
            self._launch(objects, is_one=is_one)
            assert self._run is not None
            exit_code, message = self._run.wait(self._stop, self._runner.client, leaves_standing=True)
            for view in self._run.node.view().pods:  # They tell what they have come to a moment after it is so.
                history = self._histories.get(view.uid)
                if history is not None:
                    history.take(view.manifest, view.status)
        except BaseException:
            if self._run is not None:
                self.end(exit_code=ExitCode.INTERRUPTED)
            raise
        if exit_code != ExitCode.OK:
            self._fail(exit_code, message)
        return self.pods

    def _launch(self, objects: Sequence[LoadedObject], *, is_one: bool) -> None:
        """Give the pods their workers. An ``end`` that comes meanwhile waits for it, and ends what it finds."""
        with self._lock:
            if self._ender is not None:
                raise UsageError("the run was ended before it began")
            self._beginner = threading.current_thread()
        try:
            launch = self._resources.enter_context(self._runner.launched(objects, self._options, is_one=is_one))
            for pod in launch.pods:
                self._remember(pod)
            self._recording = launch.recording
            self._run = self._resources.enter_context(self._runner.working(launch, self._hear, self._stop))
            self._run.node.on_trouble(self._wake_histories)
            self._run.node.on_leave(self._forget)
        except BaseException as error:
            self._resources.__exit__(type(error), error, error.__traceback__)
            raise
        finally:
            self._has_begun.set()

    def _forget(self, uid: str) -> None:
        """A pod is let go of: one that is gone is known to those alone who have its handle."""
        handle = self._handles.get(uid)
        if handle is not None and handle.is_gone:
            del self._handles[uid], self._histories[uid]
            handle.release()

    def _wake_histories(self) -> None:
        for history in list(self._histories.values()):
            history.wake()

    def _fail(self, exit_code: int, message: str) -> None:
        __tracebackhide__ = True
        if self._recording is not None:
            self._recording.end(exit_code, message)
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
        self._telling.depth = self._is_telling + 1
        try:
            self._tell(narration)
        finally:
            self._telling.depth -= 1

    @property
    def _is_telling(self) -> int:
        """Whether this thread calls listeners now: a listener must not wait for an end that waits for this thread."""
        return getattr(self._telling, "depth", 0)

    def _tell(self, narration: Narration) -> None:
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

    def check(self, uid: str) -> None:
        """Raise what broke a pod's worker, or the workloads' controllers."""
        if self._run is not None:
            self._run.node.check(uid)

    def gave_up(self, uid: str) -> str:
        """The container that was restarted too often; "" when none was."""
        found = self._find(uid)
        return "" if found is None else found.view.gave_up or ""

    def hopeless(self, uid: str) -> str:
        """What keeps a pod from going on and has been tried often enough; "" when nothing does."""
        return "" if self._run is None else self._run.hopeless(uid)

    def decision(self, uid: str) -> str:
        """The last decision about a pod that had something to do, as text."""
        found = self._find(uid)
        return "" if found is None else found.decision

    def _find(self, uid: str) -> Running | Past | None:
        return None if self._run is None else self._run.node.find(uid)

    def wake(self) -> None:
        """Let the workers look at what was asked of them."""
        if self._run is not None:
            self._run.node.store_written()

    def announce_end(self, exit_code: int) -> None:
        """Begin to end, so that several runs end side by side."""
        if self._run is not None and self._ender is None and not self._run.keeps(exit_code):
            self._run.ask_for_deletion(self._options.grace)

    def end(self, *, exit_code: int = ExitCode.OK, at_once: bool = False) -> None:
        """Delete the pods, or let go of them, as the options say, and everything that came with them.

        ``at_once``: kill. A KeyboardInterrupt meanwhile does the same, and is raised again. A second call returns when the
        first one has ended everything; it hurries that one if it is ``at_once``.
        """
        with self._lock:
            is_first = self._ender is None
            if is_first:
                self._ender = threading.current_thread()
            beginner = self._beginner
        if not is_first:
            self._await_end(at_once=at_once)
            return
        try:
            self._stop.request()
            if at_once:
                self._stop.request()
            if beginner not in (None, threading.current_thread()):
                self._has_begun.wait()
            if self._run is not None:
                self._finish(self._run, exit_code)
        finally:
            for handle in list(self._handles.values()):
                handle.release()
            try:
                self._resources.close()
            finally:
                self._has_ended.set()

    def _await_end(self, *, at_once: bool) -> None:
        """Wait for the thread that ends it already, which raises what goes wrong."""
        if at_once:
            self._stop.request()
        if self._ender is threading.current_thread() or self._is_telling:
            return
        try:
            self._has_ended.wait()
        except KeyboardInterrupt:
            self._stop.request()
            self._has_ended.wait()
            raise

    def _finish(self, run: Waiting, exit_code: int) -> None:
        try:
            run.finish(exit_code, self._stop)
        except KeyboardInterrupt:
            self._stop.request()
            if not run.keeps(exit_code):
                run.delete_all(self._stop, grace=0)
            raise
