"""``run``: the main job, in the foreground."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from runner.cli.app import App, app_of
from runner.cli.diary import show_log
from runner.cli.manifests import load_objects
from runner.cli.options import (
    DURATION,
    FORMAT,
    color_option,
    command,
    file_option,
    namespace_option,
    option,
    strict_option,
)
from runner.cli.readers import watched_readers
from runner.cli.signals import stop_on_signals
from runner.errors import ExitCode, UsageError
from runner.render.events import describe_lines
from runner.render.formats import ALLOWED, OutputFormat, as_list, print_object
from runner.render.layout import Layout
from runner.render.logs import LogPrinter
from runner.render.narrate import Narrator, Progress, narrator
from runner.render.tables import PodTable

if TYPE_CHECKING:
    from runner.cli.surface import Result
    from runner.core.manifest import LoadedObject
    from runner.core.model import Json
    from runner.runtime.options import RunOptions
    from runner.runtime.outcome import StopRequest
    from runner.runtime.storage import Object

_CHOICES = {
    "until": ("initialized", "ready", "completed"),
    "retry": ("pod", "container"),
    "keep": ("never", "failed", "always"),
    "progress": tuple(str(p) for p in Progress),
}


@command(
    "run", "podrunner run pod.yaml --until ready --timeout 60s", short_help="Run pods in the foreground: the main job."
)
@click.argument("paths", nargs=-1, metavar="[FILE]...", type=click.Path())
@file_option
@option(
    "--until", type=click.Choice(_CHOICES["until"]), default="completed", show_default=True, help="What to wait for."
)
@option("--timeout", type=DURATION, help="Give up after this time (exit code 4).")
@option(
    "--retry",
    type=click.Choice(_CHOICES["retry"]),
    default="pod",
    show_default=True,
    help="What runs again when an init container fails: every container of the pod, or the failed one alone.",
)
@option("--max-restarts", type=click.IntRange(min=0), help="Give up after so many restarts of any container.")
@option(
    "--fail-fast/--no-fail-fast",
    default=None,
    help="End with 1 when something fails that a kubelet would try for ever: a missing image, ConfigMap, volume, a port "
    "that is taken. It counts as --max-restarts does. On with --until, else off.",
)
@option("--backoff", default="10s..5m", show_default=True, metavar="FIRST..MOST", help="Waits between restarts.")
@option("--speed", type=click.FloatRange(min=0, min_open=True), default=1.0, help="Our own waits pass N times faster.")
@option(
    "--keep", type=click.Choice(_CHOICES["keep"]), default="never", show_default=True, help="When pods stay at the end."
)
@option("--artifacts", type=click.Path(file_okay=False, path_type=Path), help="Write statuses, events and logs there.")
@option("--exit-code-from", default="", metavar="[POD/]CONTAINER", help="Pass on the exit code of this container.")
@option("--sandbox-image", default="", help="Use this image for the sandbox instead of the built-in one.")
@option(
    "--progress",
    type=click.Choice(_CHOICES["progress"]),
    default="auto",
    show_default=True,
    envvar="PODRUNNER_PROGRESS",
    help="How to narrate; json prints one object a line.",
)
@option("-o", "--output", type=FORMAT, help=f"Print the pods at the end: one of {ALLOWED}.")
@strict_option
@option("-q", "--quiet", is_flag=True, help="No narration: the same as --progress quiet.")
@option("-v", "--verbose", count=True, help="Say more; -vv also logs every call to the Engine.")
@color_option
@namespace_option
def run(paths: tuple[str, ...], files: tuple[str, ...], namespace: str, **flags: Any) -> int:
    """Run the pods of manifests in the foreground, narrate on standard error, print their logs, clean up at the end.

    FILE is a manifest, a folder of them, or - for standard input. Exit codes: 0 the pods reached what was asked for,
    1 they cannot, 2 usage error or invalid manifest, 3 no Engine, 4 timeout, 130 interrupted.
    """
    app = app_of()
    app.speaks_json = flags["progress"] == Progress.JSON and not flags["quiet"]
    options = _options(flags)
    objects = load_objects(app, (*paths, *files), namespace, is_strict=flags["is_strict"])
    stop = app.make_stop()
    listener = _listener(app, stop, objects, flags)
    with stop_on_signals(stop, listener.note), watched_readers((app.out, app.err)):
        try:
            result = app.runner.run_to_end(objects, options, listener=listener, stop=stop)
        finally:
            listener.close()
    return _finish(app, result, flags["output"])


def _options(flags: dict[str, Any]) -> RunOptions:
    from runner.retry import RetryPolicy, parse_backoff
    from runner.runtime.options import Keep, RunOptions, Until, WorkerOptions

    initial, cap = parse_backoff(flags["backoff"])
    worker = WorkerOptions(
        retry=RetryPolicy(scope=flags["retry"], initial=initial, cap=cap),
        max_restarts=flags["max_restarts"],
        speed=flags["speed"],
        sandbox_image=flags["sandbox_image"],
    )
    if flags["timeout"] is not None and flags["timeout"] <= 0:
        raise UsageError("--timeout must be longer than nothing")
    return RunOptions(
        worker=worker,
        until=Until(flags["until"]),
        timeout=flags["timeout"],
        keep=Keep(flags["keep"]),
        artifacts=flags["artifacts"],
        exit_code_from=flags["exit_code_from"],
        fail_fast=_is_chosen("until") if flags["fail_fast"] is None else flags["fail_fast"],
    )


def _is_chosen(option_name: str) -> bool:
    """Whether an option was given, by flag or variable."""
    source = click.get_current_context().get_parameter_source(option_name)
    return source in (ParameterSource.COMMANDLINE, ParameterSource.ENVIRONMENT)


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
    _notice_readers(app, stop, listener)
    return listener


def _pod_specs(objects: Sequence[LoadedObject]) -> list[Json]:
    """What the pods of a run are made from."""
    specs = [o.value["spec"] for o in objects if o.kind == "Pod"]
    others = [o for o in objects if o.kind != "Pod"]
    if others:
        from runner.core.workloads import template_spec

        specs += [spec for spec in map(template_spec, others) if spec]
    return specs


def _notice_readers(app: App, stop: StopRequest, listener: Narrator) -> None:
    """When nobody reads one of the streams any more, end: once, since a second request would kill."""
    first = threading.Lock()

    def end(stream: str) -> None:
        if first.acquire(blocking=False) and not stop.requested:
            stop.request()
            listener.note(f"nobody reads standard {stream} any more: deleting pods")

    app.out.on_closed, app.err.on_closed = partial(end, "output"), partial(end, "error")


def _finish(app: App, result: Result, output: OutputFormat | None) -> int:
    pods = list(result.pods)
    app.out.on_closed, app.err.on_closed = None, lambda: None
    if result.exit_code == ExitCode.TIMEOUT and not app.speaks_json:
        _last_words(app, pods)
    if app.speaks_json and result.exit_code not in (ExitCode.OK, ExitCode.INTERRUPTED):
        app.tell_error(result.message, "", result.exit_code)
    elif result.message:
        paint = app.paint(app.err)
        app.say(result.message if result.exit_code in (0, 130) else f"{paint.red('error:')} {result.message}")
    if output is not None and output.is_table:
        app.out.write(PodTable(wide=output.is_wide).rows(pods, app.clock.now()))
    elif output is not None:
        app.out.exact(print_object(pods[0] if len(pods) == 1 else as_list(pods), output))
    return int(result.exit_code)


def _last_words(app: App, pods: list[Object]) -> None:
    """The last status and the events of pods that did not get there in time, on standard error."""
    now = app.clock.now()
    app.err.write(PodTable(wide=True).rows(pods, now))
    for pod in pods:
        events = app.runner.store.events(pod["metadata"].get("namespace"), uid=pod["metadata"].get("uid"))
        if events:
            layout = Layout()
            layout.line(0, f"Events of {pod['metadata'].get('name')}:")
            for line in describe_lines(events, now):
                layout.line(0, line)
            app.err.write(layout.text())
