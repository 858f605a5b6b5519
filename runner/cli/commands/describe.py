"""``describe``: one pod in full, with its events."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from runner.cli.app import POD_WORDS, App, app_of, pod_arguments
from runner.cli.lookup import not_found, nothing_found
from runner.cli.options import all_namespaces_option, command, complete_pods, namespace_option
from runner.errors import UsageError
from runner.render.describe import describe_pod

if TYPE_CHECKING:
    from runner.runtime.storage import Object


@command("describe", "podrunner describe po init-container-pod", short_help="Show a pod in full, with its events.")
@click.argument("words", nargs=-1, required=True, metavar="po [NAME]...", shell_complete=complete_pods)
@all_namespaces_option
@namespace_option
def describe(words: tuple[str, ...], all_namespaces: bool, namespace: str) -> int:
    """Show pods in full, each with its events; a NAME that is no pod's is taken as a prefix, as in kubectl."""
    app = app_of()
    if words[0] not in POD_WORDS and "/" not in words[0]:
        raise UsageError(f'the server doesn\'t have a resource type "{words[0]}"', hint="podrunner describes pods")
    scope = None if all_namespaces else namespace
    pods = _pods(app, scope, pod_arguments(words))
    if not pods:
        app.say(nothing_found(scope))
    for number, pod in enumerate(pods):
        events = app.runner.store.events(pod["metadata"].get("namespace"), uid=pod["metadata"].get("uid"))
        app.out.write(("\n\n" if number else "") + describe_pod(pod, events, app.clock.now()))
    return 0


def _pods(app: App, scope: str | None, names: tuple[str, ...]) -> list[Object]:
    everything = app.runner.store.pods(scope)
    if not names:
        return everything
    found: list[Object] = []
    for name in names:
        exact = [pod for pod in everything if pod["metadata"]["name"] == name]
        matching = exact or [pod for pod in everything if pod["metadata"]["name"].startswith(name)]
        if not matching:
            raise not_found(name)
        found.extend(matching)
    return found
