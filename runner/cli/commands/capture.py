"""``capture``: a run of pods as one file, to run again elsewhere."""

from __future__ import annotations

import io
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path

import click

from runner.cli.app import App, app_of, pod_name
from runner.cli.options import command, complete_recorded, namespace_option, option
from runner.errors import UsageError

STDOUT = Path("-")
output_option = option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    help="Write there, - is standard output (default: the pod's name, .tar).",
)
secrets_option = option(
    "--with-secrets", is_flag=True, help="Keep the values of Secrets, which are redacted otherwise."
)


@command(
    "capture", "podrunner capture last -o shop.tar", short_help="Write a pod's run into a file that runs elsewhere."
)
@click.argument("pod", metavar="POD|POD@RUN|RUN|last|DIR", shell_complete=complete_recorded)
@output_option
@secrets_option
@namespace_option
def capture(pod: str, output: Path | None, with_secrets: bool, namespace: str) -> int:
    """Write manifests, what they refer to, and the record of each attempt (times, images, ends, output) into one archive.

    Of pods that are there and of those that are over. Whoever has the file sees it fail again with run FILE.tar
    --same-failures, and looks at what happened here with timeline, attempts, trace, diff, logs and explain FILE.tar. Values
    of Secrets are redacted, in output and messages too.
    """
    from runner.api.reproduce.capturing import captured

    app = app_of()
    kind, slash, _ = pod.partition("/")
    word = pod_name(pod) if slash and kind in ("po", "pod", "pods") else pod
    runner = app.runner
    found = captured(runner.client, runner.records, word, namespace, now=app.clock.now(), with_secrets=with_secrets)
    place = put_capture(app, output or Path(f"{found.pods[0]}.tar"), found.members)
    say_capture(app, place, found.pods, found.notes, found.faults)
    return 0


def put_capture(app: App, place: Path, members: Mapping[str, str | bytes]) -> Path:
    """Write a capture where it is to be. Raises UsageError."""
    from runner.api.captures import SUFFIX, is_capture, put_archive, write_capture

    if place != STDOUT:
        if not is_capture(place):
            raise UsageError(f'a capture ends in {SUFFIX}, not "{place}"', hint=f"-o {place}{SUFFIX}")
        write_capture(place, members)
    elif app.out.is_terminal:
        raise UsageError("a capture is no text for a terminal", hint="name a file with -o, or send it through a pipe")
    else:
        content = io.BytesIO()
        put_archive(content, members)
        app.out.put_bytes(content.getvalue())
    return place


def say_capture(app: App, place: Path, pods: Sequence[str], notes: Sequence[str], faults: Sequence[str]) -> None:
    """What is in it, what was guessed, and what to type next."""
    for note in notes:
        app.say(f"note: {note}")
    for fault in faults:
        app.say(f"failure: {fault}")
    name = "FILE.tar" if place == STDOUT else shlex.quote(str(place))
    if place != STDOUT:
        app.out.line(str(place))
    again = " --same-failures" if faults else ""
    app.say(f"{'pod' if len(pods) == 1 else 'pods'} {', '.join(pods)}: podrunner run {name}{again}")
