"""``timeline``: what every attempt did when, as a picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from runner.cli.app import App, app_of, pod_name
from runner.cli.options import color_option, command, complete_recorded, namespace_option, option
from runner.errors import UsageError

if TYPE_CHECKING:
    from runner.core.history.lanes import Lane, PodLanes
    from runner.core.history.record import PodRecord


@command("timeline", "podrunner timeline last -o html", short_help="Draw what every attempt did when.")
@click.argument("name", metavar="POD|RUN|DIR", shell_complete=complete_recorded)
@option(
    "--compare", metavar="OTHER", shell_complete=complete_recorded, help="Draw it below OTHER, and say what differs."
)
@option(
    "-o",
    "--output",
    type=click.Choice(["text", "html", "svg", "chrome", "json"]),
    default="text",
    help="In the terminal; a page that zooms and searches; a still picture; for Perfetto; as data.",
)
@color_option
@namespace_option
def timeline(name: str, compare: str | None, output: str, color: str, namespace: str) -> int:
    """Draw a row for each attempt of each container: what it waited for, its pull, its run, its end, faults and probes.

    POD is a pod of a run that goes on or is over, POD@RUN of that run; RUN, last or a directory of --artifacts is all its pods.
    """
    from runner.core.history.lanes import lanes

    app = app_of()
    found = [*(_records(app, compare, namespace) if compare else []), *_records(app, name, namespace)]
    if compare and len(found) != 2:
        raise UsageError("--compare draws one pod on each side", hint=f"name them: {', '.join(map(_label, found))}")
    pods = [lanes(record) for record in found]
    if output == "text":
        from runner.render.timeline.text import draw, draw_compared

        paint = app.paint(app.out, color)
        if compare:
            app.out.write(draw_compared(pods[1], pods[0], width=app.out.columns, paint=paint))
        else:
            app.out.write(draw(pods, width=app.out.columns, paint=paint, named=len(pods) > 1))
        return 0
    from runner.render.timeline.pictures import picture

    def log(pod: PodLanes, lane: Lane) -> str:
        record = found[next(number for number, one in enumerate(pods) if one is pod)]
        return record.log(lane.attempt.container, lane.attempt.number).decode("utf-8", "replace")

    app.out.exact(picture(output, pods, compared=bool(compare), log=log))
    return 0


def _label(record: PodRecord) -> str:
    return f"{record.name}@{record.run}" if record.run else record.name


def _records(app: App, word: str, namespace: str) -> list[PodRecord]:
    """The records that a word names, from the first status of the first pod on."""
    from msgspec.structs import replace

    kind, slash, _ = word.partition("/")
    found = app.runner.records.all_of(pod_name(word) if slash and kind in ("po", "pod", "pods") else word, namespace)
    began = min((record.trace[0].at for record in found if record.trace), default=None)
    return [replace(record, began_at=began or record.began_at) for record in found]
