"""``run``: the main job, in the foreground."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from runner.cli.app import App, app_of
from runner.cli.diary import show_log
from runner.cli.ending import finish
from runner.cli.faults import fault_options, faults_of, retry_of
from runner.cli.manifests import load_objects
from runner.cli.options import (
    DURATION,
    FORMAT,
    color_option,
    command,
    file_option,
    is_given,
    namespace_option,
    option,
    strict_option,
)
from runner.cli.readers import watched_readers
from runner.cli.signals import KEEPING, deleting, stop_on_signals
from runner.core.narration import Stood
from runner.errors import AlreadyExists, UsageError
from runner.render.formats import ALLOWED, OutputFormat
from runner.render.logs import LogPrinter
from runner.render.narrate import Narrator, Progress, narrator
from runner.render.records.standing import standing_lines
from runner.render.tail import LogTail

if TYPE_CHECKING:
    from runner.api.options import RunOptions, StopRequest
    from runner.core.faults.breakpoints import Breakpoint
    from runner.core.manifest import LoadedObject
    from runner.core.model import Json
    from runner.core.narration import Narration

MOST_GRACE = 10 * 365 * 86_400
"""Seconds: longer than anybody waits, and short enough for a date."""

_CHOICES = {
    "until": ("initialized", "ready", "completed"),
    "retry": ("pod", "container"),
    "keep": ("never", "failed", "always"),
    "progress": tuple(str(p) for p in Progress),
}
ENDS, FAILURES = "When it ends", "When something fails"
_CHANGES, _OUTPUT = "Changes for this run", "What it shows"


@command(
    "run", "podrunner run pod.yaml --until ready --timeout 60s", short_help="Run pods in the foreground: the main job."
)
@click.argument("paths", nargs=-1, metavar="[FILE]...", type=click.Path())
@file_option
@strict_option
@option(
    "--until",
    type=click.Choice(_CHOICES["until"]),
    default="completed",
    show_default=True,
    group=ENDS,
    help="What to wait for.",
)
@option("--timeout", type=DURATION, group=ENDS, help="Give up after this time (exit code 4).")
@option(
    "--fail-fast/--no-fail-fast",
    default=None,
    group=ENDS,
    help="End with 1 when something fails that a kubelet would try for ever: a missing image, ConfigMap, volume, a port "
    "that is taken. It counts as --max-restarts does. On with --until, else off.",
)
@option(
    "--exit-code-from",
    default="",
    metavar="[POD/]CONTAINER",
    group=ENDS,
    help="Pass on the exit code of this container.",
)
@option(
    "--keep",
    type=click.Choice(_CHOICES["keep"]),
    default="never",
    show_default=True,
    group=ENDS,
    help="When pods stay at the end.",
)
@option(
    "--grace-period",
    type=click.IntRange(min=0),
    group=ENDS,
    help="Seconds between SIGTERM and SIGKILL at the end (default: the pod's own).",
)
@option(
    "--retry",
    type=click.Choice(_CHOICES["retry"]),
    default="pod",
    show_default=True,
    group=FAILURES,
    help="What runs again when an init container fails: every container of the pod, or the failed one alone.",
)
@option(
    "--max-restarts",
    type=click.IntRange(min=0),
    group=FAILURES,
    help="Give up after so many restarts of any container.",
)
@option(
    "--backoff",
    default="10s..5m",
    show_default=True,
    metavar="FIRST..MOST",
    group=FAILURES,
    help="Waits between restarts.",
)
@option(
    "--speed",
    type=click.FloatRange(min=0, min_open=True),
    default=1.0,
    group=FAILURES,
    help="Our own waits pass N times faster.",
)
@option(
    "--set-image",
    "images",
    multiple=True,
    metavar="CONTAINER=IMAGE",
    group=_CHANGES,
    help="Another image; it is not pulled when the Engine has it.",
)
@option(
    "--env",
    multiple=True,
    metavar="[CONTAINER:]NAME=VALUE",
    group=_CHANGES,
    help="Set a variable, of all containers unless one is named; NAME- takes it away.",
)
@option(
    "--config",
    multiple=True,
    metavar="NAME/KEY=VALUE",
    group=_CHANGES,
    help="Set a key of a ConfigMap or Secret of the manifests.",
)
@fault_options(group=_CHANGES)
@option(
    "--break",
    "breaks",
    multiple=True,
    metavar="[POD/]CONTAINER[#N[-M]].WHEN",
    group=_CHANGES,
    help="Stop there until podrunner continue: migrate#1.failed. WHEN: created, running, ended, failed.",
)
@option("--replace", is_flag=True, group=_CHANGES, help="First delete what an earlier run has kept under these names.")
@option(
    "--sandbox-image", default="", group=_CHANGES, help="Use this image for the sandbox instead of the built-in one."
)
@option(
    "--progress",
    type=click.Choice(_CHOICES["progress"]),
    default="auto",
    show_default=True,
    envvar="PODRUNNER_PROGRESS",
    group=_OUTPUT,
    help="How to narrate; json prints one object a line.",
)
@option("-q", "--quiet", is_flag=True, group=_OUTPUT, help="No narration: the same as --progress quiet.")
@option("-v", "--verbose", count=True, group=_OUTPUT, help="Say more; -vv also shows every call to the Engine.")
@option("-o", "--output", type=FORMAT, group=_OUTPUT, help=f"Print the pods at the end: one of {ALLOWED}.")
@option(
    "--artifacts",
    type=click.Path(file_okay=False, path_type=Path),
    group=_OUTPUT,
    help="Write statuses, events and logs there.",
)
@option(
    "--trace",
    "trace",
    type=click.Choice(["failed", "full"]),
    default="failed",
    show_default=True,
    group=_OUTPUT,
    help="After which attempts to record what they changed in shared volumes: full is all.",
)
@option(
    "--history/--no-history",
    "has_history",
    default=True,
    envvar="PODRUNNER_HISTORY",
    group=_OUTPUT,
    help="Keep a record of this run, for podrunner history, attempts, trace and diff (default: yes).",
)
@color_option
@namespace_option
def run(paths: tuple[str, ...], files: tuple[str, ...], namespace: str, **flags: Any) -> int:
    """Run the pods of manifests in the foreground, narrate on standard error, print their logs, clean up at the end.

    FILE is a manifest, a folder of them, or - for standard input. Exit codes: 0 the pods reached what was asked for,
    1 they cannot, 2 usage error or invalid manifest, 3 no Engine, 4 timeout, 130 interrupted.
    """
    app = app_of()
    if flags["progress"] == Progress.JSON and not flags["quiet"]:
        app.speak_json()
    options = options_of(app, {**flags, "paths": paths, "files": files})
    loaded = load_objects(app, (*paths, *files), namespace, is_strict=flags["is_strict"])
    objects = _changed(loaded, flags)
    if flags["replace"]:
        for name in app.runner.remove_kept(objects, flags["grace_period"]):
            app.say(f"deleted {name}, which an earlier run had kept")
    stop = app.make_stop()
    listener, tail = _listener(app, stop, objects, flags), LogTail()

    def hear(narration: Narration) -> None:
        tail.take(narration)
        listener(narration)
        if isinstance(narration, Stood) and not narration.how and flags["progress"] != Progress.JSON:
            listener.note("\n".join(standing_lines(narration)))

    words = KEEPING if flags["keep"] == "always" else deleting(_longest_grace(objects))
    with stop_on_signals(stop, listener.note, words), watched_readers((app.out, app.err)):
        try:
            result = app.runner.run_to_end(objects, options, listener=hear, stop=stop)
        except AlreadyExists as problem:
            problem.advise(
                "podrunner run --replace deletes what an earlier run has kept; podrunner delete ends what runs"
            )
            raise
        finally:
            listener.close()
    given, values = (*paths, *files), [one.value for one in objects]
    return finish(app, result, tail, output=flags["output"], keep=options.keep, paths=given, objects=values)


def options_of(app: App, flags: dict[str, Any]) -> RunOptions:
    """What the flags of a command say of each of its runs. Raises UsageError."""
    from runner.api.options import Keep, RunOptions, Snapshots, Until, WorkerOptions
    from runner.api.retrying import RetryPolicy, parse_backoff

    paths = (*flags["paths"], *flags["files"])
    initial, cap = parse_backoff(flags["backoff"])
    worker = WorkerOptions(
        retry=RetryPolicy(scope=retry_of(flags, paths), initial=initial, cap=cap),
        max_restarts=flags["max_restarts"],
        speed=flags["speed"],
        sandbox_image=flags["sandbox_image"],
        snapshots=Snapshots.ALL if flags["trace"] == "full" else Snapshots.NONE,
    )
    if flags["timeout"] is not None and flags["timeout"] <= 0:
        raise UsageError("--timeout must be longer than nothing")
    return RunOptions(
        worker=worker,
        until=Until(flags["until"]),
        timeout=flags["timeout"],
        keep=Keep(flags["keep"]),
        artifacts=flags["artifacts"],
        history=_about(flags) if flags["has_history"] else None,
        exit_code_from=flags["exit_code_from"],
        grace=flags["grace_period"],
        fail_fast=is_given("until") if flags["fail_fast"] is None else flags["fail_fast"],
        faults=faults_of(app, flags, paths),
        breakpoints=_breakpoints(flags.get("breaks") or ()),
    )


def _breakpoints(texts: Sequence[str]) -> tuple[Breakpoint, ...]:
    if not texts:
        return ()
    from runner.core.faults.breakpoints import breakpoints_of

    return breakpoints_of(texts)


def _about(flags: dict[str, Any]) -> dict[str, Any]:
    """What the record of the run says of the command."""
    import runner as package

    paths = [*flags.pop("paths", ()), *flags.pop("files", ())]
    chosen = {name: value for name, value in flags.items() if value not in (None, (), False) and is_given(name)}
    return {"podrunner": package.__version__, "files": paths, "options": {k: _plain(v) for k, v in chosen.items()}}


def _plain(value: Any) -> Any:
    if isinstance(value, tuple | list):
        return [str(one).partition("=")[0] for one in value]  # Behind it stands what may be secret.
    return value if isinstance(value, bool | int | float) else str(value)


def _changed(objects: Sequence[LoadedObject], flags: dict[str, Any]) -> Sequence[LoadedObject]:
    """The objects with what the flags change about them."""
    given = [flags[name] for name in ("images", "env", "config")]
    if not any(given):
        return objects
    from runner.cli.changes import overrides_of

    return overrides_of(*given).apply(objects)


def _listener(app: App, stop: StopRequest, objects: Sequence[LoadedObject], flags: dict[str, Any]) -> Narrator:
    """The narration and the logs, each stream with its own colours; a machine format keeps standard output to itself."""
    specs = _pod_specs(objects)
    output: OutputFormat | None = flags["output"]
    out = app.out if output is None or output.is_table else app.err
    names = [
        c.get("name", "") for spec in specs for key in ("initContainers", "containers") for c in spec.get(key) or ()
    ]
    with_pod = len(specs) > 1 or all(o.kind != "Pod" for o in objects)
    logs = LogPrinter(out, app.paint(out, flags["color"]), names=() if with_pod else names, with_pod=with_pod)
    show_log(app, flags["verbose"])
    progress = Progress.QUIET if flags["quiet"] else Progress(flags["progress"])
    dumb = app.environ.get("TERM") == "dumb"
    listener = narrator(
        progress,
        app.err,
        app.paint(app.err, flags["color"]),
        logs,
        now=app.clock.now,
        verbose=bool(flags["verbose"]),
        dumb=dumb,
    )
    _notice_readers(app, stop, listener, keeps=flags["keep"] == "always")
    return listener


def _pod_specs(objects: Sequence[LoadedObject]) -> list[Json]:
    """What the pods of a run are made from."""
    specs = [o.value["spec"] for o in objects if o.kind == "Pod"]
    others = [o for o in objects if o.kind != "Pod"]
    if others:
        from runner.core.workloads import template_spec

        specs += [spec for spec in map(template_spec, others) if spec]
    return specs


def _longest_grace(objects: Sequence[LoadedObject]) -> float:
    """How long the pods of a run may take to end, in seconds."""
    periods = [spec.get("terminationGracePeriodSeconds") for spec in _pod_specs(objects)]
    return min(max((30 if period is None else period for period in periods), default=0), MOST_GRACE)


def _notice_readers(app: App, stop: StopRequest, listener: Narrator, *, keeps: bool) -> None:
    """End the run when a stream has lost its reader: once, since a second request would kill."""
    first = threading.Lock()

    def end(stream: str) -> None:
        if first.acquire(blocking=False) and not stop.requested:
            stop.request()
            what = "the pods are kept, and run on" if keeps else "deleting pods"
            listener.note(f"nobody reads standard {stream} any more: {what}")

    app.out.on_closed(partial(end, "output"))
    app.err.on_closed(partial(end, "error"))
