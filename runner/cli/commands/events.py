"""``events``: what happened, oldest first."""

from __future__ import annotations

from functools import partial
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
from runner.core.kindwords import EVENTS, PODS
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
    is_wanted = partial(_is_wanted, about=about, wanted=frozenset(kind.lower() for kind in types))
    if watch:
        for news in changes(app, EVENTS.kind, scope, is_wanted, order=last_seen):
            _print(app, output, table, news, one_by_one=True)
    found = sorted(filter(is_wanted, app.runner.client.list(EVENTS.kind, scope).items), key=last_seen)
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


def _is_wanted(event: Object, about: tuple[str, str] | None, wanted: frozenset[str]) -> bool:
    """Whether an event is about an object, None: about any, and of one of some types, none: of any."""
    if wanted and str(event.get("type")).lower() not in wanted:
        return False
    involved = event.get("involvedObject") or {}
    return about is None or about == (involved.get("kind", PODS.kind), involved.get("name"))


def _print(app: App, output: OutputFormat, table: EventTable, found: list[Object], *, one_by_one: bool) -> None:
    if output.is_table:
        app.out.write(table.rows(found, app.clock.now()))
        return
    for value in found if one_by_one else [as_list(found)]:
        app.out.exact(print_object(value, output))
