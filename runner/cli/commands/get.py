"""``get``: pods, workloads, claims and events, as tables or for programs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import click

from runner.cli.app import App, app_of
from runner.cli.lookup import nothing_found
from runner.cli.options import (
    all_namespaces_option,
    command,
    complete_pods,
    format_option,
    namespace_option,
    watch_option,
)
from runner.cli.resources import Asked, Table, asked
from runner.cli.watching import changes
from runner.errors import UsageError
from runner.render.formats import OutputFormat, as_list, print_object

if TYPE_CHECKING:
    from runner.runtime.storage import Object


@command("get", "podrunner get po -o wide", short_help="Show pods, workloads, claims or events.")
@click.argument(
    "words", nargs=-1, required=True, metavar="po|deploy|job|all|... [NAME]...", shell_complete=complete_pods
)
@format_option
@watch_option
@all_namespaces_option
@namespace_option
def get(words: tuple[str, ...], output: OutputFormat, watch: bool, all_namespaces: bool, namespace: str) -> int:
    """Show pods, the workloads of runs that go on, claims or events.

    kubectl's spellings work: get po, get pod NAME, get pod/NAME, get pods -A -w, get deploy,rs, get job/NAME, get all,
    get pvc, get events. Kinds: po, deploy, rs, rc, sts, ds, job, cj, pvc, events.
    """
    app = app_of()
    scope = None if all_namespaces else namespace
    wanted = asked(words)
    if watch:
        return _watch(app, output, scope, wanted)
    found = [(one, one.resource.read(app, scope, one.names)) for one in wanted]
    values = [value for _, some in found for value in some]
    if not output.is_table:
        is_one = sum(len(one.names) for one in wanted) == 1
        app.out.write(print_object(values[0] if is_one else as_list(values), output))
    elif values:
        app.out.write(_tables(app, output, scope, found))
    else:
        app.say(nothing_found(scope))
    return 0


def _tables(app: App, output: OutputFormat, scope: str | None, found: Sequence[tuple[Asked, list[Object]]]) -> str:
    """One table for each kind that there is, with a blank line between them."""
    several, now = len(found) > 1, app.clock.now()
    return "\n".join(_table(one, output, scope, several).rows(values, now) for one, values in found if values)


def _table(one: Asked, output: OutputFormat, scope: str | None, several: bool) -> Table:
    words = one.resource.words
    prefix = f"{words.prefix}/" if several else ""
    return one.resource.table(wide=output.is_wide, with_namespace=scope is None, prefix=prefix)


def _watch(app: App, output: OutputFormat, scope: str | None, wanted: Sequence[Asked]) -> int:
    if len(wanted) > 1:
        raise UsageError("you may only specify a single resource type")
    (one,) = wanted

    def read() -> list[Object]:
        return one.resource.read(app, scope, one.names)

    read()
    table = _table(one, output, scope, False)
    for news in changes(app, _forgiving(read)):
        if output.is_table:
            app.out.write(table.rows(news, app.clock.now()))
        else:
            for value in news:
                app.out.write(print_object(value, output))
    return 0


def _forgiving(read: Callable[[], list[Object]]) -> Callable[[], list[Object]]:
    """What was there may go while it is watched."""

    def reading() -> list[Object]:
        try:
            return read()
        except UsageError:
            return []

    return reading
