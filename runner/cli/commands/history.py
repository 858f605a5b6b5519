"""``history``, ``attempts``, ``trace`` and ``diff``: what runs did, also those that are over."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from runner.cli.app import App, app_of, pod_name
from runner.cli.options import (
    command,
    complete_recorded,
    complete_recorded_containers,
    namespace_option,
    option,
)
from runner.cli.spelling import did_you_mean
from runner.errors import UsageError
from runner.render.formats import to_json

if TYPE_CHECKING:
    from runner.core.history.attempt import Attempt
    from runner.core.history.record import PodRecord

_POD = "POD|POD@RUN|last|DIR"
table_option = option("-o", "--output", type=click.Choice(["table", "json"]), default="table", help="Form.")
text_option = option("-o", "--output", type=click.Choice(["text", "json"]), default="text", help="Form.")
container_option = option("-c", "--container", shell_complete=complete_recorded_containers, help="Only this container.")


@command("history", "podrunner history", short_help="Show the runs that are kept.")
@table_option
def history(output: str) -> int:
    """Show the last runs, newest first: what was run, how long it took and how it ended."""
    from runner.render.records.attempts import run_data, run_rows

    app = app_of()
    runs = app.runner.records.runs()
    if output == "json":
        app.out.exact(to_json({"runs": [run_data(run) for run in runs]}))
    elif runs:
        app.out.write(run_rows(runs, app.clock.now()))
    else:
        app.say("No runs are kept yet: podrunner run keeps a record of each.")
    return 0


@command("attempts", "podrunner attempts init-container-pod", short_help="Show every attempt of every container.")
@click.argument("pod", metavar=_POD, shell_complete=complete_recorded)
@container_option
@table_option
@namespace_option
def attempts(pod: str, container: str | None, output: str, namespace: str) -> int:
    """Show what each attempt of each container waited for, how long it ran and how it ended; also of a pod that is over."""
    from runner.render.records.attempts import attempt_data, attempt_rows, head

    app = app_of()
    record, found = recorded(app, pod, namespace, container)
    if output == "json":
        app.out.exact(to_json({**head(record), "attempts": [attempt_data(record, one) for one in found]}))
    else:
        app.out.write(attempt_rows(found))
    return 0


@command("trace", "podrunner trace init-container-pod -c init-container-1", short_help="Show all about attempts.")
@click.argument("pod", metavar=_POD, shell_complete=complete_recorded)
@container_option
@option("--attempt", type=click.IntRange(min=0), help="Only this attempt, counted from 0.")
@text_option
@namespace_option
def trace(pod: str, container: str | None, attempt: int | None, output: str, namespace: str) -> int:
    """Show all that happened to attempts: waits, every call to the Engine, probes, the end, output, changes in volumes."""
    from runner.render.records.trace import trace_data, trace_text

    app = app_of()
    record, found = recorded(app, pod, namespace, container)
    if attempt is not None:
        found = [one for one in found if one.number == attempt]
        if not found:
            raise UsageError(f"pod {record.name} has no attempt {attempt}", hint=f"podrunner attempts {pod}")
    if output == "json":
        app.out.exact(to_json(trace_data(record, found)))
    else:
        app.out.write(trace_text(record, found, with_sandbox=container is None and attempt is None))
    return 0


@command("diff", "podrunner diff init-container-pod -c init-container-1 0 1", short_help="Compare two attempts.")
@click.argument("pod", metavar=_POD, shell_complete=complete_recorded)
@click.argument("left", type=click.IntRange(min=0), metavar="N")
@click.argument("right", type=click.IntRange(min=0), metavar="M")
@option("-c", "--container", shell_complete=complete_recorded_containers, help="The container (if there are more).")
@text_option
@namespace_option
def diff(pod: str, left: int, right: int, container: str | None, output: str, namespace: str) -> int:
    """Compare two attempts of a container: environment, image, end, output, and what they changed in volumes."""
    from runner.core.history.differences import differences
    from runner.render.records.diff import diff_data, diff_text

    app = app_of()
    record, found = recorded(app, pod, namespace, container)
    names = list(dict.fromkeys(one.container for one in found if one.number >= max(left, right)))
    if container is None and len(names) > 1:
        raise UsageError("more than one container has these attempts", hint=f"-c says which: {', '.join(names)}")
    chosen = found if container is not None else [one for one in found if one.container in names]
    pair = [_numbered(chosen, number, record, container or "".join(names)) for number in (left, right)]
    compared = differences(record, *pair)
    if output == "json":
        app.out.exact(to_json(diff_data(record, compared)))
    else:
        app.out.write(diff_text(compared, app.out.columns if app.out.is_terminal else 80))
    return 0


def _numbered(found: Sequence[Attempt], number: int, record: PodRecord, container: str) -> Attempt:
    for one in found:
        if one.number == number:
            return one
    what = f"container {container}" if container else f"no container of pod {record.name}"
    known = ", ".join(str(one.number) for one in found)
    text = f"{what} has no attempt {number}" if container else f"{what} has an attempt {number}"
    raise UsageError(text, hint=f"it has {known}" if known else f"podrunner attempts {record.name}")


def recorded(app: App, pod: str, namespace: str, container: str | None) -> tuple[PodRecord, list[Attempt]]:
    """The record of a pod and its attempts, of one container or of all. Raises UsageError."""
    from runner.core.history.attempts import attempts as attempts_of

    record = find_record(app, pod, namespace)
    found = list(attempts_of(record))
    if container is None:
        return record, found
    names = [
        str(one["name"])
        for key in ("initContainers", "containers")
        for one in (record.pod.get("spec") or {}).get(key) or ()
    ]
    if container not in names:
        hint = did_you_mean(container, names) or f"it has {', '.join(names)}"
        raise UsageError(f"container {container} is not valid for pod {record.name}", hint=hint)
    return record, [one for one in found if one.container == container]


def find_record(app: App, word: str, namespace: str) -> PodRecord:
    """The record that ``NAME``, ``po/NAME``, ``POD@RUN``, ``last`` or a directory names. Raises UsageError."""
    records = app.runner.records
    kind, slash, _ = word.partition("/")
    return records.find(pod_name(word) if slash and kind in ("po", "pod", "pods") else word, namespace)
