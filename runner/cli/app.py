"""What a command works with: streams, environment, clock and the facade, all given from outside."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, TextIO

import click

from runner.clock import Clock, SystemClock
from runner.errors import UsageError
from runner.render.streams import Output, wants_colour
from runner.render.style import Paint
from runner.render.wrapping import wrapped

if TYPE_CHECKING:
    from runner.api.options import StopRequest
    from runner.cli.surface import RunnerSurface


def _real_runner(environ: Mapping[str, str], home: str | None) -> RunnerSurface:
    from runner.api.facade import Runner

    return Runner(environ=environ, home=home)


def _real_stop() -> StopRequest:
    from runner.api.options import StopRequest

    return StopRequest()


def _open(stream: TextIO | None) -> TextIO:
    """A standard stream that was closed by the caller (``>&-``) is None in Python."""
    return io.StringIO() if stream is None else stream


@dataclass
class App:
    """One invocation. Tests pass their own streams, environment, clock and runner."""

    stdin: TextIO = field(default_factory=lambda: _open(sys.stdin))
    stdout: TextIO = field(default_factory=lambda: _open(sys.stdout))
    stderr: TextIO = field(default_factory=lambda: _open(sys.stderr))
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)
    clock: Clock = field(default_factory=SystemClock)
    make_runner: Callable[[Mapping[str, str], str | None], RunnerSurface] = _real_runner
    make_stop: Callable[[], StopRequest] = _real_stop
    home: str | None = None
    speaks_json: bool = False
    """Whether standard error holds one JSON object a line."""

    @cached_property
    def out(self) -> Output:
        """Results."""
        return Output(self.stdout)

    @cached_property
    def err(self) -> Output:
        """Narration and complaints; podrunner goes on when no reader is left."""
        return Output(self.stderr, on_closed=lambda: None)

    @cached_property
    def runner(self) -> RunnerSurface:
        """The facade, made when it is first needed."""
        return self.make_runner(self.environ, self.home)

    def close(self) -> None:
        """Close what the facade opened."""
        if "runner" in self.__dict__:
            self.runner.release()

    def use_home(self, home: str | None) -> None:
        """Have state live there."""
        self.home = home

    def speak_json(self) -> None:
        """From now on standard error holds one JSON object a line."""
        self.speaks_json = True

    def paint(self, output: Output, choice: str = "") -> Paint:
        """Colours for one of the streams; without a choice $PODRUNNER_COLOR decides, else the terminal."""
        wanted = choice or self.environ.get("PODRUNNER_COLOR") or "auto"
        return Paint(wants_colour(wanted, self.environ, is_terminal=output.is_terminal))

    def say(self, text: str, *, hanging: int = 0) -> None:
        """Say something on standard error. With ``hanging`` a terminal gets it broken between words, so many blanks below."""
        if self.speaks_json:
            self._tell({"type": "note", "text": text})
        elif not (hanging and self.err.is_terminal):
            self.err.line(text)
        else:
            for part in text.split("\n"):
                for line in wrapped(part, self.err.columns - 1, hanging=hanging):
                    self.err.line(line)

    def tell_error(self, message: str, hint: str, code: int, cause: Mapping[str, Any] | None = None) -> None:
        """The last word of a command that speaks JSON."""
        more = {} if cause is None else {"cause": cause}
        self._tell({"type": "error", "message": message, "hint": hint, "exitCode": int(code), **more})

    def _tell(self, value: Mapping[str, Any]) -> None:
        from runner.render.narrate_json import json_line

        self.err.exact(json_line(value) + "\n")


def app_of(context: click.Context | None = None) -> App:
    """The invocation that a click context belongs to."""
    found = (context or click.get_current_context()).find_object(App)
    return found if found is not None else App()


def pod_arguments(words: tuple[str, ...]) -> tuple[str, ...]:
    """Pod names out of ``po NAME…``, ``pod/NAME…`` or plain names. Raises UsageError for another kind."""
    if words and words[0] in POD_WORDS:
        words = words[1:]
    return tuple(pod_name(word) for word in words)


def pod_name(word: str) -> str:
    """``NAME`` out of ``NAME`` or ``pod/NAME``. Raises UsageError for another kind."""
    kind, slash, name = word.rpartition("/")
    if slash and kind not in POD_WORDS:
        raise UsageError(f'the server doesn\'t have a resource type "{kind}"', hint="podrunner knows pods and events")
    if not name:
        raise UsageError("arguments in resource/name form must have a name")
    return name


POD_WORDS = ("po", "pod", "pods")
