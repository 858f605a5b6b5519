"""``get``: pods, claims and events, as tables or for programs."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import click

from runner.cli.app import POD_WORDS, App, app_of, pod_arguments
from runner.cli.lookup import find_pods, nothing_found
from runner.cli.options import (
    all_namespaces_option,
    command,
    complete_pods,
    format_option,
    namespace_option,
    watch_option,
)
from runner.cli.watching import changes
from runner.errors import UsageError
from runner.render.events import last_seen
from runner.render.formats import OutputFormat, as_list, print_object
from runner.render.tables import ClaimTable, EventTable, PodTable

if TYPE_CHECKING:
    from runner.runtime.storage import Object

CLAIM_WORDS = ("pvc", "persistentvolumeclaim", "persistentvolumeclaims")
EVENT_WORDS = ("events", "event", "ev")
_Table = PodTable | ClaimTable | EventTable


@command("get", "podrunner get po -o wide", short_help="Show pods, claims or events.")
@click.argument("words", nargs=-1, required=True, metavar="po|pvc|events [NAME]...", shell_complete=complete_pods)
@format_option
@watch_option
@all_namespaces_option
@namespace_option
def get(words: tuple[str, ...], output: OutputFormat, watch: bool, all_namespaces: bool, namespace: str) -> int:
    """Show pods, claims or events.

    kubectl's spellings work: get po, get pod NAME, get pod/NAME, get pods -A -w, get pvc, get events.
    """
    app = app_of()
    scope = None if all_namespaces else namespace
    if words[0] in EVENT_WORDS:
        return _show(app, output, watch, scope, words[1:], lambda: _events(app, scope, words[1:]), EventTable)
    if words[0] in CLAIM_WORDS:
        return _show(app, output, watch, scope, words[1:], lambda: _claims(app, scope, words[1:]), ClaimTable)
    if words[0] not in POD_WORDS and "/" not in words[0]:
        raise UsageError(
            f'the server doesn\'t have a resource type "{words[0]}"', hint="podrunner knows pods, pvc and events"
        )
    names = pod_arguments(words)
    return _show(app, output, watch, scope, names, lambda: find_pods(app, scope, names), PodTable)


def _show(
    app: App,
    output: OutputFormat,
    watch: bool,
    scope: str | None,
    names: tuple[str, ...],
    read: Callable[[], list[Object]],
    table_type: type[PodTable] | type[ClaimTable] | type[EventTable],
) -> int:
    table: _Table
    if table_type is EventTable:
        table = EventTable(with_namespace=scope is None, lower=True)
    elif table_type is ClaimTable:
        table = ClaimTable(wide=output.is_wide, with_namespace=scope is None)
    else:
        table = PodTable(wide=output.is_wide, with_namespace=scope is None)
    if watch:
        return _watch(app, output, table, read)
    found = read()
    if not output.is_table:
        app.out.write(print_object(found[0] if len(names) == 1 else as_list(found), output))
    elif found:
        app.out.write(table.rows(found, app.clock.now()))
    else:
        app.say(nothing_found(scope))
    return 0


def _watch(app: App, output: OutputFormat, table: _Table, read: Callable[[], list[Object]]) -> int:
    read()
    for news in changes(app, _forgiving(read)):
        if output.is_table:
            app.out.write(table.rows(news, app.clock.now()))
        else:
            for value in news:
                app.out.write(print_object(value, output))
    return 0


def _forgiving(read: Callable[[], list[Object]]) -> Callable[[], list[Object]]:
    """A pod that was there may go while it is watched."""

    def reading() -> list[Object]:
        try:
            return read()
        except UsageError:
            return []

    return reading


def _claims(app: App, scope: str | None, names: tuple[str, ...]) -> list[Object]:
    claims = app.runner.store.objects("PersistentVolumeClaim", scope)
    if not names:
        return claims
    if scope is None:
        raise UsageError("a resource cannot be retrieved by name across all namespaces")
    by_name = {claim["metadata"]["name"]: claim for claim in claims}
    missing = next((name for name in names if name not in by_name), None)
    if missing is not None:
        raise UsageError(f'persistentvolumeclaims "{missing}" not found')
    return [by_name[name] for name in names]


def _events(app: App, scope: str | None, names: tuple[str, ...]) -> list[Object]:
    events = sorted(app.runner.store.events(scope), key=last_seen)
    if not names:
        return events
    found = [event for event in events if event["metadata"]["name"] in names]
    if len(found) < len(set(names)):
        missing = next(name for name in names if name not in {event["metadata"]["name"] for event in found})
        raise UsageError(f'events "{missing}" not found')
    return found
