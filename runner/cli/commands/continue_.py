"""``continue`` and ``retry``: let a pod go on that stands at a breakpoint, and one try again that waits to."""

from __future__ import annotations

from typing import Any

import click

from runner.cli.app import App, app_of, pod_name
from runner.cli.options import command, complete_pods, namespace_option, option
from runner.errors import PodError, UsageError


@command(
    "continue",
    "podrunner continue init-container-pod --retry",
    short_help="Let a pod go on that stands at a breakpoint.",
)
@click.argument("pod", metavar="[POD]", required=False, shell_complete=complete_pods)
@option("--retry", is_flag=True, help="Make the attempt again, now.")
@option("--skip", is_flag=True, help="The attempt counts as succeeded: an init container is taken for completed.")
@option("--fail", is_flag=True, help="The attempt counts as failed.")
@namespace_option
def continue_(pod: str | None, namespace: str, **ways: bool) -> int:
    """Let a pod go on from where podrunner run --break has stopped it: as it would have, unless you say otherwise.

    POD may be left out when only one stands. What still runs of an attempt that is made again, skipped or failed is killed.
    """
    from runner.api.stops import go_on, resume_of

    app = app_of()
    chosen = [name for name, is_chosen in ways.items() if is_chosen]
    if len(chosen) > 1:
        raise UsageError(f"--{chosen[0]} and --{chosen[1]} cannot be used together")
    name = _the_one(app, namespace) if pod is None else pod_name(pod)
    how = resume_of(chosen[0] if chosen else "continue")
    where = go_on(app.runner.client, namespace, name, how)
    word = {"continue": "", "retry": ": the attempt is made again", "skip": ": the attempt counts as succeeded"}
    app.out.line(f"pod/{name} goes on from {where}{word.get(str(how), ': the attempt counts as failed')}")
    return 0


def _the_one(app: App, namespace: str) -> str:
    """The only pod that stands."""
    from runner.core.faults.breakpoints import stopped_at

    pods = app.runner.client.list("Pod", namespace).items
    names = [str(pod["metadata"]["name"]) for pod in pods if stopped_at(pod)]
    if not names:
        raise PodError(
            "no pod stands at a breakpoint", hint="podrunner run --break CONTAINER.failed FILE makes one stand"
        )
    if len(names) > 1:
        raise UsageError(f"{len(names)} pods stand at a breakpoint: {', '.join(names)}", hint="name one of them")
    return names[0]


@command("retry", "podrunner retry init-container-pod", short_help="Have a pod try again now, without its back-off.")
@click.argument("pod", metavar="POD", shell_complete=complete_pods)
@namespace_option
def retry(pod: str, **flags: Any) -> int:
    """End a back-off now: the next attempt, or the next pull of an image, begins at once. It counts as it would have."""
    from runner.api.stops import retry as ask

    app, name = app_of(), pod_name(pod)
    waits = ask(app.runner.client, flags["namespace"], name, app.clock.now())
    app.out.line(f"pod/{name} tries again: {waits}")
    return 0
