"""``repeat``: the same run many times, how often it passes, and where the failures part from a good run."""

from __future__ import annotations

import copy
import threading
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from runner.cli.app import App, app_of
from runner.cli.commands.run import ENDS, FAILURES, options_of
from runner.cli.commands.run import run as run_command
from runner.cli.manifests import load_objects
from runner.cli.options import command, option
from runner.cli.signals import stop_on_signals
from runner.errors import ExitCode, UsageError
from runner.render.formats import to_json

if TYPE_CHECKING:
    from runner.core.manifest import LoadedObject
    from runner.core.repeats.outcomes import Repetition

SHARED = (
    "files", "is_strict", "timeout", "fail_fast", "exit_code_from", "grace_period", "retry", "backoff", "speed", "images", "env",
    "config", "fault", "faults", "same_failures", "sandbox_image", "artifacts", "trace", "color",
)  # fmt: skip
"""The options that mean the same as with ``run``."""
_GROUP = "Repetitions"
_UNTIL = ("initialized", "ready", "completed")
_WORDS = ("deleting the pods of the runs that go on, Ctrl-C again to kill", "killing")


def _shared() -> list[click.Parameter]:
    known = {one.name: one for one in run_command.params}
    return [copy.copy(known[name]) for name in SHARED]


@command(
    "repeat",
    "podrunner repeat -n 50 --parallel 4 pod.yaml",
    short_help="Run the same many times: what fails, and where.",
    params=_shared(),
)
@click.argument("paths", nargs=-1, metavar="[FILE]...", type=click.Path())
@option(
    "-n", "--count", type=click.IntRange(1, 10_000), default=20, show_default=True, group=_GROUP, help="How many times."
)
@option(
    "--parallel",
    type=click.IntRange(1, 32),
    default=1,
    show_default=True,
    group=_GROUP,
    help="How many runs at a time.",
)
@option(
    "--until",
    type=click.Choice(_UNTIL),
    group=ENDS,
    help="What each run waits for (default: completed where all pods come to an end, else ready).",
)
@option(
    "--max-restarts",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    group=FAILURES,
    help="A run has failed after more restarts of any container.",
)
@option("-o", "--output", type=click.Choice(["text", "json"]), default="text", help="Form.")
@option("-q", "--quiet", is_flag=True, help="Do not tell of each run.")
@option("--namespace", default="default", show_default=True, envvar="PODRUNNER_NAMESPACE", help="Namespace.")
def repeat(paths: tuple[str, ...], files: tuple[str, ...], namespace: str, **flags: Any) -> int:
    """Run the pods of manifests many times; say how often they pass, and where each kind of failure parts from a good run.

    Each run has names and volumes of its own, in a namespace that goes with it. {n} in values of --env and --config is the
    number of the run, from 1. Exit codes: 0 all passed, 1 some did not, 2 usage error or invalid manifest, 3 no Engine, 130
    interrupted: then what is known so far is shown.
    """
    from runner.api.reproduce.repeating import repeat_runs

    app = app_of()
    objects = load_objects(app, (*paths, *files), namespace, is_strict=flags["is_strict"])
    options = _options(app, objects, {**flags, "paths": paths, "files": files})
    make = partial(_made, objects, flags)
    make(1)
    progress = _Progress(app, flags["count"], is_quiet=flags["quiet"])
    stop = app.make_stop()
    with stop_on_signals(stop, app.say, _WORDS):
        found = repeat_runs(
            app.runner,
            make,
            options,
            count=flags["count"],
            parallel=flags["parallel"],
            clock=app.clock,
            stop=stop,
            tell=progress.tell,
        )
    progress.end()
    if flags["output"] == "json":
        app.out.exact(to_json(found.to_json()))
    else:
        from runner.render.records.repeats import repeats_text

        width = app.out.columns
        app.out.write(repeats_text(found, width=width, paint=app.paint(app.out, flags["color"])))
    if found.is_interrupted:
        app.say(f"interrupted: {found.total} of {found.wanted} runs are done")
        return ExitCode.INTERRUPTED
    bad = next((one for one in found.outcomes if not one.is_good), None)
    if bad is not None and found.good is not None and bad.example.artifacts:
        app.say(f"hint: podrunner timeline {bad.example.artifacts} --compare {found.good.artifacts} -o html")
    return ExitCode.POD_FAILED if found.failed else ExitCode.OK


def _options(app: App, objects: Sequence[LoadedObject], flags: dict[str, Any]) -> Any:
    """The options of each run: what fails has failed, and nothing is kept but what was asked for."""
    from runner.api.reproduce.repeating import usual_end

    if flags["timeout"] is not None and flags["timeout"] <= 0:
        raise UsageError("--timeout must be longer than nothing")
    until = flags["until"] or str(usual_end(objects))
    fast = True if flags["fail_fast"] is None else flags["fail_fast"]
    return options_of(app, {**flags, "until": until, "fail_fast": fast, "keep": "never", "has_history": False})


def _made(objects: Sequence[LoadedObject], flags: dict[str, Any], number: int) -> Sequence[LoadedObject]:
    """The objects of one run."""
    from runner.api.reproduce.repeating import numbered
    from runner.cli.changes import overrides_of

    changes = overrides_of(flags["images"], numbered(flags["env"], number), numbered(flags["config"], number))
    return replace(changes, host_ports=changes.host_ports and flags["parallel"] == 1).apply(objects)


class _Progress:
    """Tells of runs as they end: a line that is written again on a terminal, else one line for each that failed."""

    def __init__(self, app: App, count: int, *, is_quiet: bool) -> None:
        self._app, self._count = app, count
        self._is_quiet = is_quiet
        self._is_live = app.err.is_terminal and app.environ.get("TERM") != "dumb" and not is_quiet
        self._lock = threading.Lock()
        self._done = self._failed = 0
        self._draw()

    def tell(self, one: Repetition, label: str) -> None:
        with self._lock:
            self._done += 1
            if not one.is_good:
                self._failed += 1
                if not self._is_quiet:
                    self._clear()
                    self._app.say(f"run {one.number}: {label}")
            self._draw()

    def end(self) -> None:
        with self._lock:
            self._clear()

    def _draw(self) -> None:
        if self._is_live:
            text = f"{self._done} of {self._count} runs done, {self._failed} failed"
            self._app.err.exact(f"\r\x1b[K{text}")

    def _clear(self) -> None:
        if self._is_live:
            self._app.err.exact("\r\x1b[K")
