"""``describe``: one pod or workload in full, with its events."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from runner.cli.app import App, app_of
from runner.cli.failures import Failures
from runner.cli.lookup import nothing_found, pods_of
from runner.cli.options import all_namespaces_option, command, complete_objects, namespace_option
from runner.cli.resources import Asked, asked
from runner.cli.selecting import refuse_names, selector_option
from runner.core.kindwords import PODS, WORKLOADS
from runner.core.selectors import Selector, labels_of, matches
from runner.errors import NoSuchObject, UsageError
from runner.render.describe import describe_pod

if TYPE_CHECKING:
    from runner.core.model import Object


@command(
    "describe",
    "podrunner describe po init-container-pod",
    short_help="Show a pod or workload in full, with its events.",
)
@click.argument(
    "words", nargs=-1, required=True, metavar="po|deploy|job|... [NAME]...", shell_complete=complete_objects
)
@selector_option
@all_namespaces_option
@namespace_option
def describe(words: tuple[str, ...], selector: Selector, all_namespaces: bool, namespace: str) -> int:
    """Show pods or workloads in full, each with its events; a NAME that is nothing's is taken as a prefix, as in kubectl."""
    app = app_of()
    scope = None if all_namespaces else namespace
    wanted = _asked(words)
    refuse_names(any(one.names for one in wanted), selector)
    failures = Failures()
    found = [
        value for one in wanted for value in _named(app, scope, one, failures) if matches(selector, labels_of(value))
    ]
    if not found and not any(one.names for one in wanted):
        app.say(nothing_found(scope))
    for number, value in enumerate(found):
        app.out.write(("\n\n" if number else "") + _described(app, value))
    failures.end()
    return 0


def _asked(words: tuple[str, ...]) -> list[Asked]:
    wanted = asked(words)
    for one in wanted:
        if one.resource.words.kind not in (PODS.kind, *WORKLOADS):
            hint = "podrunner describes pods and workloads"
            raise UsageError(f'cannot describe "{one.resource.words.plural}"', hint=hint)
    return wanted


def _described(app: App, value: Object) -> str:
    events = app.runner.client.events(value)
    if value["kind"] == PODS.kind:
        return describe_pod(value, events, app.clock.now())
    from runner.render.describe_workload import describe_workload

    return describe_workload(value, pods_of(app, value), events, app.clock.now())


def _named(app: App, scope: str | None, wanted: Asked, failures: Failures) -> list[Object]:
    everything = wanted.resource.read(app, scope, ())
    if not wanted.names:
        return everything
    found: list[Object] = []
    for name in wanted.names:
        exact = [value for value in everything if value["metadata"]["name"] == name]
        matching = exact or [value for value in everything if value["metadata"]["name"].startswith(name)]
        if not matching:
            failures.add(NoSuchObject(f'{wanted.resource.words.resource} "{name}" not found'))
        found.extend(matching)
    return found
