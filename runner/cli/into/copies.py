"""What ``debug`` does with a copy, or with an ephemeral container, once it is known which."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from runner.cli.into.conversation import converse
from runner.core.kindwords import PODS
from runner.core.logquestion import LogQuestion
from runner.core.text.times import human_duration
from runner.errors import EngineConflict, NoSuchObject, UsageError

if TYPE_CHECKING:
    from types import FrameType

    from runner.api.types import Copy
    from runner.cli.app import App
    from runner.core.images.progress import PullProgress
    from runner.core.manifest.ephemeral import Debugger
    from runner.core.model import Json, Object

SHELL = ("sh", "-c", "if command -v bash >/dev/null 2>&1; then exec bash; else exec sh; fi")
"""The best shell that there is."""


@dataclass
class Place:
    """Of which pod, and for whom."""

    app: App
    namespace: str
    name: str
    quiet: bool = False
    tty: bool = False

    @property
    def has_tty(self) -> bool:
        """Whether there is a terminal on both sides; or one was asked for."""
        return self.tty or (self.app.stdin.isatty() and self.app.stdout.isatty())

    def say(self, text: str) -> None:
        """Tell the user something beside what commands say."""
        if not self.quiet:
            self.app.say(text)


@contextmanager
def gone_when_told() -> Iterator[None]:
    """SIGTERM and SIGHUP end the block as Ctrl-C does: what was made is removed."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def handle(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = {number: signal.signal(number, handle) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def in_copy(place: Place, container: str, attempt: int | None, image: str, argv: Sequence[str]) -> int:
    """A command, by default a shell, in a copy of an attempt. Returns its exit code."""
    client = place.app.runner.client
    with (
        gone_when_told(),
        client.copy_attempt(
            place.namespace, place.name, container, attempt, image=image, on_progress=_puller(place, image)
        ) as copy,
    ):
        _introduce(place, copy)
        if not argv and not copy.has_shell:
            where = f'"{image}"' if image else f'the image of "{copy.attempt.name}"'
            again = f"podrunner debug {place.name} -c {copy.attempt.name} --image busybox"
            raise UsageError(f"there is no shell in {where}", hint=f"{again} brings one")
        return converse(place.app, copy.session(argv or SHELL, tty=place.has_tty), tty=place.has_tty)


def _introduce(place: Place, copy: Copy) -> None:
    what = f"attempt {copy.attempt.number} of {copy.attempt.name}"
    text = f"a copy of {what}, which ended with exit code {copy.attempt.exit_code}; it is gone when you leave"
    if copy.root != "/":
        text = f"beside {text}\nits files: {copy.root}"
    place.say(text)
    if not copy.has_network:
        place.say("the pod's sandbox does not run: the copy is in no network")


def _puller(place: Place, image: str) -> Callable[[PullProgress], None]:
    told: list[str] = []

    def tell(_: PullProgress) -> None:
        if not told:
            told.append(image)
            place.say(f'Pulling image "{image}"')

    return tell


def run_again(place: Place, container: str, attempt: int | None) -> int:
    """The attempt's own command in a copy of it, and how it ends. Returns its exit code."""
    client = place.app.runner.client
    with gone_when_told(), client.rerun_attempt(place.namespace, place.name, container, attempt) as copy:
        what = f"attempt {copy.attempt.number} of {copy.attempt.name}"
        place.say(f"running the command of {what} again in a copy of it")
        if not copy.has_network:
            place.say("the pod's sandbox does not run: the copy is in no network")
        for chunk in copy.run():
            output = place.app.err if chunk.stream == "stderr" else place.app.out
            output.put_bytes(chunk.data)
        end = copy.end()
        took = human_duration(timedelta(seconds=round(end.seconds, 1)))
        before = f"{what} had ended with {copy.attempt.exit_code}"
        place.say(f"{end.text}, after {took}; {before}")
        return end.code


def beside(place: Place, asked: Debugger, *, attach: bool) -> int:
    """An ephemeral container in the pod, with kubectl's texts; then into it. Returns the exit code of what was run."""
    app = place.app
    if asked.target and not place.quiet:
        app.out.line(
            f'Targeting container "{asked.target}". If you don\'t see processes from this container it may be because the '
            "container runtime doesn't support this feature."
        )
    name = app.runner.client.add_debugger(place.namespace, place.name, asked)
    if not asked.name and not place.quiet:
        app.out.line(f"Defaulting debug container name to {name}.")
    if not attach:
        return 0
    status = _wait(place, name)
    if "running" in status["state"]:
        try:
            session = app.runner.client.attach(place.namespace, place.name, name, tty=asked.tty)
        except EngineConflict:
            status = _wait(place, name, ended=True)
        else:
            if asked.tty and not asked.command:
                place.say("If you don't see a command prompt, try pressing enter.")
            return converse(app, session, tty=asked.tty, redraws=True)
    for lines in app.runner.client.logs(place.namespace, place.name, LogQuestion(container=name)):
        for line in lines:
            app.out.put_bytes(line.content)
    return int(status["state"]["terminated"].get("exitCode") or 0)


def _wait(place: Place, name: str, *, ended: bool = False) -> Json:
    """Until the container runs, or has ``ended``: its status then."""
    said: set[str] = set()
    found: list[Json] = []

    def holds(pod: Object | None) -> bool:
        if pod is None:
            raise NoSuchObject(f'{PODS.resource} "{place.name}" not found')
        status: Any = next(
            (one for one in (pod.get("status") or {}).get("ephemeralContainerStatuses") or () if one["name"] == name),
            None,
        )
        if status is None:
            return False
        state = status.get("state") or {}
        message = (state.get("waiting") or {}).get("message")
        if message and message not in said:
            said.add(message)
            place.say(f"Warning: container {name}: {message}")
        if "terminated" in state or ("running" in state and not ended):
            found.append(status)
            return True
        return False

    place.app.runner.client.wait(PODS.kind, place.namespace, place.name, holds, None)
    return found[-1]
