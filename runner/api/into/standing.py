"""``pod.stopped_at(…)`` and ``pod.retry()``: a pod that stands at a breakpoint, and one that waits for another try."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Literal, TypeAlias

from runner.api.into.part import Part
from runner.api.settings import Seconds, seconds_of
from runner.core.kindwords import PODS
from runner.core.status.podstatus import Phase
from runner.errors import NoSuchObject, PodError, WaitTimeout

if TYPE_CHECKING:
    from runner.client.contract import Client
    from runner.core.model import Json

How: TypeAlias = Literal["continue", "retry", "skip", "fail"]


class Stopped:
    """Where a pod stands: ``where`` as text (``migrate#1.failed``). It goes on once, as the first ``resume`` says."""

    def __init__(self, client: Client, namespace: str, pod: str, where: str) -> None:
        self.where = where
        self._client = client
        self._namespace = namespace
        self._pod = pod
        self._is_over = False

    def resume(self, how: How | str = "continue") -> None:
        """Let the pod go on: as it would have, the attempt made again (``retry``), taken for succeeded (``skip``) or failed.

        Returns when it has gone on. Raises UsageError for another word, PodError when it does not stand there any more,
        WaitTimeout.
        """
        __tracebackhide__ = True
        from runner.api.stops import go_on, resume_of

        wanted = resume_of(how)
        go_on(self._client, self._namespace, self._pod, wanted, self.where)
        self._is_over = True

    def leave(self) -> None:
        """Let it go on as it would have, unless it has gone on, or is gone."""
        if not self._is_over:
            with suppress(PodError, NoSuchObject):
                self.resume()

    def __repr__(self) -> str:
        return f"<Stopped {self._pod} at {self.where}>"


class Standing(Part):
    """What a pod's handle can do about breakpoints and back-offs."""

    @abstractmethod
    def report(self) -> str:
        """What became of the pod, for people."""

    @contextmanager
    def stopped_at(self, where: str, *, timeout: Seconds = 60) -> Iterator[Stopped]:
        """Wait until the pod stands at a breakpoint of its run, and let it go on at the end of the block.

        ``where`` is written as in ``breakpoints=[…]``. Raises UsageError for what is no breakpoint, PodError when the pod
        comes to its end or stands elsewhere, WaitTimeout.
        """
        __tracebackhide__ = True
        from runner.core.faults.breakpoints import Breakpoint

        wanted, found = Breakpoint.parse(where), ""
        with suppress(NoSuchObject):
            found = self._awaited_stop(where, seconds_of(timeout))
        if not found:
            raise PodError(f"pod {self.name} is over and never stood at {where}\n\n{self.report()}")
        if not wanted.is_met_at(found):
            raise PodError(f"pod {self.name} stands at {found}, not at {where}")
        stop = Stopped(self.runner.client, self.namespace, self.name, found)
        try:
            yield stop
        finally:
            stop.leave()

    def _awaited_stop(self, where: str, limit: float | None) -> str:
        """Where it stands now, or next; "": it comes to its end."""
        from runner.core.faults.breakpoints import stopped_at

        found: list[str] = []

        def is_over(pod: Json | None) -> bool:
            found[:] = [] if pod is None else [stopped_at(pod)]
            phase = "" if pod is None else (pod.get("status") or {}).get("phase")
            return pod is None or bool(found[0]) or phase in (Phase.SUCCEEDED, Phase.FAILED)

        try:
            self.runner.client.wait(PODS.kind, self.namespace, self.name, is_over, limit)
        except WaitTimeout as problem:
            text = f"pod {self.name} does not stand at {where} after {limit:g} s\n\n{self.report()}"
            raise WaitTimeout(text) from problem
        return found[0] if found else ""

    def retry(self) -> tuple[str, ...]:
        """End its back-offs now, as ``podrunner retry`` does. Returns the containers that try again.

        Raises PodError when nothing of it waits for another try.
        """
        __tracebackhide__ = True
        from runner.api.stops import retry

        return tuple(retry(self.runner.client, self.namespace, self.name, self.runner.clock.now()).split(", "))


__all__ = ["Standing", "Stopped"]
