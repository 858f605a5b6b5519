"""Waiting for what a pod says: a line of its output, an answer of its HTTP server."""

from __future__ import annotations

import http.client
import re
from abc import abstractmethod
from collections.abc import Callable, Container
from typing import TYPE_CHECKING, Protocol, TypeVar

from runner.api.into.part import Part
from runner.api.settings import Seconds, seconds_of
from runner.clock import Countdown
from runner.errors import PodFailed, UsageError, WaitTimeout

if TYPE_CHECKING:
    from runner.api.history import PodHistory

Found = TypeVar("Found")
FINE = range(200, 400)
"""The default for what counts as an answer: the statuses that a kubelet's HTTP probe takes for success."""
_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 0.5
_ANSWER_SECONDS = 10.0
_SHOWN_LINES = 5


class Printing(Protocol):
    """A container whose output can be read."""

    @property
    def name(self) -> str: ...

    def logs(self) -> str: ...


class Answers(Part):
    """The part of a pod's handle that waits for what its containers say."""

    history: PodHistory

    @abstractmethod
    def container(self, name: str) -> Printing:
        """One of its containers. Raises UsageError when there is none of that name."""

    @abstractmethod
    def port(self, port: int | str) -> tuple[str, int]:
        """Where this process reaches a port of the pod."""

    @abstractmethod
    def _why_over(self) -> str:
        """Why the pod does not get any further; "" while it may."""

    @abstractmethod
    def _first(self) -> str:
        """The name of its first container."""

    def wait_for_log(
        self, pattern: str | re.Pattern[str], *, container: str = "", timeout: Seconds = 60
    ) -> re.Match[str]:
        """Wait until a container, the first one unless named, has printed what matches, and give the match.

        What it printed before counts too; ``^`` and ``$`` are those of lines. Raises WaitTimeout with its last lines,
        PodFailed when the pod ends or does not get any further, UsageError for a container that there is not.
        """
        __tracebackhide__ = True
        wanted = re.compile(pattern, re.MULTILINE)
        handle, seen = self.container(container or self._first()), [""]

        def look() -> re.Match[str] | None:
            try:
                seen[0] = handle.logs()
            except UsageError:  # It has printed nothing yet.
                return None
            return wanted.search(seen[0])

        def last() -> str:
            lines = seen[0].splitlines()[-_SHOWN_LINES:]
            return "it has printed nothing" if not lines else "its last lines:\n" + "\n".join(lines)

        return self._look_again(look, f"container {handle.name} has not printed {wanted.pattern!r}", last, timeout)

    def wait_for_http(
        self, path: str, port: int | str, *, status: int | Container[int] = FINE, timeout: Seconds = 60
    ) -> int:
        """Wait until a GET of the path at a port (number or name) of the pod is answered with a status, and give that.

        ``status``: one, or those that count (default 200 to 399); redirections are not followed. Raises as ``wait_for_log``.
        """
        __tracebackhide__ = True
        wanted, seen = ((status,) if isinstance(status, int) else status), ["no request was sent"]

        def look() -> int | None:
            try:
                found = _answer(self.port(port), path)
            except (OSError, http.client.HTTPException, UsageError) as problem:
                seen[0] = str(problem) or type(problem).__name__
                return None
            seen[0] = f"the answer was {found}"
            return found if found in wanted else None

        what = f"http://{self.name}:{port}/{path.removeprefix('/')} is not answered as it should be"
        return self._look_again(look, what, lambda: seen[0], timeout)

    def _look_again(
        self, look: Callable[[], Found | None], what: str, last: Callable[[], str], timeout: Seconds
    ) -> Found:
        """Look until something is found, ever less often."""
        __tracebackhide__ = True
        limit = seconds_of(timeout)
        patience, pause = Countdown(self.runner.clock, limit), _FIRST_PAUSE
        while True:
            over = self._why_over()  # Before the look: what was said at the very end counts.
            found = look()
            if found is not None:
                return found
            if over:
                raise PodFailed(f"{what}, and pod {self.name} {over}; {last()}", pod=self)
            if patience.is_over:
                raise WaitTimeout(f"{what} after {limit:g} s; {last()}", pod=self)
            self.history.wait(lambda: bool(self._why_over()), patience.within(pause))
            pause = min(2 * pause, _LONGEST_PAUSE)


def _answer(address: tuple[str, int], path: str) -> int:
    link = http.client.HTTPConnection(*address, timeout=_ANSWER_SECONDS)
    try:
        link.request("GET", f"/{path.removeprefix('/')}", headers={"Connection": "close"})
        answer = link.getresponse()
        answer.read()
        return answer.status
    finally:
        link.close()
