"""The last words of a run: why it ended, what the container wrote last, what to type next; then the result."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import TYPE_CHECKING

from runner.core.diagnosis import Diagnosis, diagnose
from runner.errors import ExitCode
from runner.render.events import describe_lines
from runner.render.formats import OutputFormat, as_list, print_object
from runner.render.layout import Layout
from runner.render.tables import PodTable
from runner.render.tail import LogTail

if TYPE_CHECKING:
    from runner.api.options import Keep
    from runner.cli.app import App
    from runner.cli.surface import Result
    from runner.core.explain.explaining import Explanation
    from runner.core.model import Json, Object


def finish(
    app: App,
    result: Result,
    tail: LogTail,
    *,
    output: OutputFormat | None,
    keep: Keep,
    paths: Sequence[str],
    objects: Sequence[Json] = (),
) -> int:
    """Say how a run ended and print what was asked for; returns the exit code. ``paths`` and ``objects`` are what was run."""
    pods = list(result.pods)
    app.out.on_closed(None)
    app.err.on_closed(lambda: None)
    if result.exit_code in (ExitCode.OK, ExitCode.INTERRUPTED):
        if result.message:
            app.say(result.message)
    else:
        _failure(app, result, tail, is_kept=str(keep) != "never", paths=paths, objects=objects)
    if output is not None and output.is_table:
        app.out.write(PodTable(wide=output.is_wide).rows(pods, app.clock.now()))
    elif output is not None:
        app.out.exact(print_object(pods[0] if len(pods) == 1 else as_list(pods), output))
    return int(result.exit_code)


def _failure(
    app: App, result: Result, tail: LogTail, *, is_kept: bool, paths: Sequence[str], objects: Sequence[Json]
) -> None:
    pod, cause = _culprit(result)
    hint = "" if pod is None or cause is None else _next(pod, cause, is_kept=is_kept, paths=paths)
    why = None if pod is None else _why(app, pod, result.message, tail, objects)
    if app.speaks_json:
        told = None if why is None else why.told
        app.tell_error(result.message, hint, result.exit_code, cause=told.to_json() if told else None)
        return
    paint = app.paint(app.err)
    if result.exit_code == ExitCode.TIMEOUT:
        _last_words(app, list(result.pods))
    if pod is not None and cause is not None and cause.attempt is not None:
        lines = tail.lines(pod["metadata"].get("uid", ""), cause.container, cause.attempt)
        if lines:
            app.say(paint.dim(f"the last lines of {cause.container}, attempt {cause.attempt}:"))
        for line in lines:
            app.say(f"  {line}")
    if result.message:
        app.say(f"{paint.red('error:')} {result.message}", hanging=len("error: "))
    if why is not None:
        say_why(app, why)
    if hint:
        app.say(f"{paint.dim('hint:')} {hint}", hanging=len("hint: "))


def say_why(app: App, why: Explanation) -> None:
    """The cause of a failure and what to do next, on standard error."""
    from runner.render.explained import WIDE, short_text

    for line in short_text(why, app.paint(app.err), app.err.columns - 1 if app.err.is_terminal else WIDE):
        app.say(line)


def _why(app: App, pod: Json, message: str, tail: LogTail, objects: Sequence[Json]) -> Explanation:
    from runner.api.explaining import evidence
    from runner.core.explain.explaining import explain
    from runner.core.explain.gathering import as_told

    logs = tail.of_pod(str(pod["metadata"].get("uid") or ""))
    return explain(evidence(app.runner.client, as_told(pod, message), app.clock.now(), logs, objects))


def _culprit(result: Result) -> tuple[Object | None, Diagnosis | None]:
    """The pod that a failure is about, which its message names, and what holds it up."""
    words = result.message.replace(":", " ").replace(",", " ").split()
    named = [pod for pod in result.pods if pod["metadata"].get("name") in words]
    found = [(pod, diagnose(pod, prefer=_named_container(pod, words))) for pod in named or result.pods]
    return next((pair for pair in found if pair[1] is not None), found[0] if found else (None, None))


def _named_container(pod: Object, words: Sequence[str]) -> str:
    """The container that a message ends with: ``… gave up after too many restarts of NAME; …``."""
    spec = pod.get("spec") or {}
    names = [one.get("name") for key in ("initContainers", "containers") for one in spec.get(key) or ()]
    return next((str(name) for word in words if (name := word.strip(";.")) in names), "")


def _next(pod: Object, cause: Diagnosis, *, is_kept: bool, paths: Sequence[str]) -> str:
    """The command that shows more."""
    name, namespace = pod["metadata"].get("name", ""), pod["metadata"].get("namespace", "default")
    place = "" if namespace == "default" else f" -n {namespace}"
    look = f"podrunner describe po {name}{place}"
    if cause.attempt is not None:
        look = f"podrunner logs {name} -c {cause.container} --attempt {cause.attempt}{place}"
    files = " ".join(shlex.quote(path) for path in paths if path != "-") or "FILE"
    if pod["metadata"].get("ownerReferences"):  # Its controller deletes it, or makes another one.
        return f"`podrunner run {files} --artifacts DIR` writes down every attempt: statuses, events, logs"
    if is_kept:
        return look
    return f"`podrunner run {files} --keep failed` leaves the pod to be looked at; then `{look}`"


def _last_words(app: App, pods: list[Object]) -> None:
    """The last status and the events of pods that did not get there in time, on standard error."""
    now = app.clock.now()
    app.err.write(PodTable(wide=True).rows(pods, now))
    for pod in pods:
        events = app.runner.client.events(pod)
        if events:
            layout = Layout()
            layout.line(0, f"Events of {pod['metadata'].get('name')}:")
            for line in describe_lines(events, now):
                layout.line(0, line)
            app.err.write(layout.text())
