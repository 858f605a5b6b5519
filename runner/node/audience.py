"""The listeners of a run: the caller, the collector of the containers' output, and the records."""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial
from types import TracebackType
from typing import Self

from runner.clock import Clock
from runner.core.model import PodUID
from runner.core.narration import Listener, Narration
from runner.engine.protocol import Engine
from runner.kubelet.logs.follow import LogCollector
from runner.kubelet.options import RunOptions
from runner.node.recording import Recording
from runner.registry.home import Home


class Audience:
    """A listener that passes everything on. Log lines come from threads of their own, in order for each container."""

    def __init__(
        self,
        engine: Engine,
        home: Home,
        options: RunOptions,
        listener: Listener,
        clock: Clock,
        recording: Recording | None = None,
    ) -> None:
        """``recording`` is the run's, when it has begun already; it ends with this."""
        self._resources = ExitStack()
        self._is_closing = False
        self._listeners: list[Listener] = [listener]
        if recording is None:
            recording = Recording(engine, home, options, clock)
            recording.begin()
        self._recording = recording
        self.secrets = recording.secrets
        """What no listener may tell: filled by the pods' workers."""
        if recording.is_wanted:
            self._listeners.append(recording)
            self._resources.callback(recording.close)  # after the last line of the logs
        # The collector goes first: an attempt's last lines are told before it is said to end.
        self._logs = LogCollector(engine, home, self._tell, clock)
        self._resources.callback(self._logs.close)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._is_closing = True
        self._resources.close()

    def hurry(self, *, is_forced: bool) -> None:
        """The user asks for an end: the rest of the output is not told if they insist, or if only the output still lasts."""
        if is_forced or self._is_closing:
            self._logs.hurry()

    def forget(self, uid: PodUID) -> None:
        """A pod is let go of."""
        self._logs.forget(uid, then=partial(self._recording.forget, uid))

    def __call__(self, narration: Narration) -> None:
        self._logs(narration)
        self._tell(narration)

    def _tell(self, narration: Narration) -> None:
        for listener in self._listeners:
            listener(narration)
