"""``events``: what happened, oldest first."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from runner.cli.app import App, app_of
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
from runner.cli.resources import asked
from runner.cli.watching import changes
from runner.core.kindwords import PODS
from runner.render.events import last_seen
from runner.render.formats import OutputFormat, as_list, print_object
from runner.render.tables import EventTable

if TYPE_CHECKING:
    from runner.core.model import Object


@command("events", "podrunner events --for pod/init-container-pod", short_help="Show events, oldest first.")
@option("--for", "subject", metavar="KIND/NAME", shell_complete=complete_objects, help="Only events about this: pod/x.")
@option(
    "--types", multiple=True, type=click.Choice(["Normal", "Warning"], case_sensitive=False), help="Only these types."
)
@format_option
@watch_option
@all_namespaces_option
@namespace_option
def events(
    subject: str | None, types: tuple[str, ...], output: OutputFormat, watch: bool, all_namespaces: bool, namespace: str
) -> int:
    """Show events in the order in which they were last seen."""
    app = app_of()
    scope = None if all_namespaces else namespace
    about = _about(subject) if subject else None
    table = EventTable(with_namespace=scope is None)
    if watch:
        for news in changes(app, lambda: _events(app, scope, about, types)):
            _print(app, output, table, news, one_by_one=True)
    found = _events(app, scope, about, types)
    if found or not output.is_table:
        _print(app, output, table, found, one_by_one=False)
    else:
        app.say(nothing_found(scope, "events"))
    return 0


def _about(subject: str) -> tuple[str, str]:
    """Kind and name out of ``KIND/NAME``; a name alone is a pod's."""
    if "/" not in subject:
        return PODS.kind, subject
    (one,) = asked([subject])
    return one.resource.words.kind, one.names[0]


def _events(app: App, scope: str | None, about: tuple[str, str] | None, types: tuple[str, ...]) -> list[Object]:
    wanted = {kind.lower() for kind in types}
    found = app.runner.store.events(scope, pod=about[1] if about else None)
    if about:
        found = [event for event in found if (event.get("involvedObject") or {}).get("kind", PODS.kind) == about[0]]
    return sorted((e for e in found if not wanted or str(e.get("type")).lower() in wanted), key=last_seen)


def _print(app: App, output: OutputFormat, table: EventTable, found: list[Object], *, one_by_one: bool) -> None:
    if output.is_table:
        app.out.write(table.rows(found, app.clock.now()))
        return
    for value in found if one_by_one else [as_list(found)]:
        app.out.exact(print_object(value, output))
