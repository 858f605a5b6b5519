"""``get``: pods, workloads, claims and events, as tables or for programs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click
from msgspec import Struct

from runner.cli.app import App, app_of
from runner.cli.failures import Failures
from runner.cli.lookup import nothing_found
from runner.cli.options import (
    all_namespaces_option,
    command,
    complete_objects,
    format_option,
    namespace_option,
    option,
    watch_option,
)
from runner.cli.resources import Asked, Table, asked
from runner.cli.selecting import refuse_names, selector_option
from runner.cli.watching import changes
from runner.core.kindwords import EVENTS
from runner.core.selectors import Selector
from runner.errors import UsageError
from runner.render.events import last_seen
from runner.render.formats import OutputFormat, as_list, print_object

if TYPE_CHECKING:
    from runner.core.model import Object


@command("get", "podrunner get po -o wide", short_help="Show pods, workloads, claims or events.")
@click.argument(
    "words", nargs=-1, required=True, metavar="po|deploy|job|all|... [NAME]...", shell_complete=complete_objects
)
@format_option
@selector_option
@option("--no-headers", is_flag=True, help="Rows alone.")
@option("--show-labels", is_flag=True, help="A last column with the labels.")
@watch_option
@all_namespaces_option
@namespace_option
def get(
    words: tuple[str, ...],
    output: OutputFormat,
    selector: Selector,
    no_headers: bool,
    show_labels: bool,
    watch: bool,
    all_namespaces: bool,
    namespace: str,
) -> int:
    """Show pods, the workloads of runs that go on, claims or events.

    kubectl's spellings work: get po, get pod NAME, get pod/NAME, get pods -A -w, get deploy,rs, get job/NAME, get all,
    get pvc, get events. Kinds: po, deploy, rs, rc, sts, ds, job, cj, pvc, events.
    """
    app = app_of()
    scope = None if all_namespaces else namespace
    wanted = asked(words)
    refuse_names(any(one.names for one in wanted), selector)
    style = _Style(wide=output.is_wide, with_namespace=scope is None, header=not no_headers, labels=show_labels)
    if watch:
        return _watch(app, output, style, wanted, scope, selector)
    failures = Failures()
    found = [(one, one.read(app, scope, selector, failures)) for one in wanted]
    values = [value for _, some in found for value in some]
    if not output.is_table:
        is_one = sum(len(one.names) for one in wanted) == 1
        if values or not is_one:
            app.out.exact(print_object(values[0] if is_one else as_list(values), output))
    elif values:
        app.out.write(_tables(app, style, found))
    elif not any(one.names for one in wanted):
        app.say(nothing_found(scope))
    failures.end()
    return 0


class _Style(Struct, frozen=True, kw_only=True):
    """How tables look."""

    wide: bool
    with_namespace: bool
    header: bool
    labels: bool

    def table(self, one: Asked, *, prefix: str = "") -> Table:
        return one.resource.table(
            wide=self.wide, with_namespace=self.with_namespace, prefix=prefix, header=self.header, labels=self.labels
        )


def _tables(app: App, style: _Style, found: Sequence[tuple[Asked, list[Object]]]) -> str:
    """One table for each kind that there is, with a blank line between them."""
    now, several = app.clock.now(), len(found) > 1
    shown = [(one, f"{one.resource.words.prefix}/" if several else "", values) for one, values in found if values]
    return "\n".join(style.table(one, prefix=prefix).rows(values, now) for one, prefix, values in shown)


def _watch(
    app: App, output: OutputFormat, style: _Style, wanted: Sequence[Asked], scope: str | None, selector: Selector
) -> int:
    if len(wanted) > 1:
        raise UsageError("you may only specify a single resource type")
    (one,) = wanted
    one.read(app, scope)  # What is named has to be there when it begins.
    table, kind = style.table(one), one.resource.words.kind
    order = last_seen if kind == EVENTS.kind else None
    for news in changes(app, kind, scope, lambda value: one.is_wanted(value, selector), order=order):
        if output.is_table:
            app.out.write(table.rows(news, app.clock.now()))
        else:
            for value in news:
                app.out.exact(print_object(value, output))
    return 0
