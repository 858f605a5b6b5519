"""``wait``: until a condition on pods holds."""

from __future__ import annotations

from datetime import timedelta

import click

from runner.cli.app import app_of, pod_arguments
from runner.cli.conditions import parse_condition
from runner.cli.lookup import not_found
from runner.cli.options import DURATION, command, complete_pods, namespace_option, option
from runner.core.model import Json

A_WEEK = 168 * 3600.0


@command(
    "wait",
    "podrunner wait --for=condition=Ready pod/init-container-pod",
    short_help="Wait until a condition on pods holds.",
)
@click.argument("words", nargs=-1, required=True, metavar="pod/NAME...", shell_complete=complete_pods)
@option(
    "--for",
    "wanted",
    required=True,
    metavar="CONDITION",
    help="condition=NAME[=VALUE], phase=PHASE, jsonpath={PATH}[=VALUE], create or delete.",
)
@option("--timeout", type=DURATION, default=30.0, show_default="30s", help="0: check once; negative: a week.")
@namespace_option
def wait(words: tuple[str, ...], wanted: str, timeout: float, namespace: str) -> int:
    """Wait until a condition on pods holds."""
    app = app_of()
    condition = parse_condition(wanted)
    end = app.clock.now() + timedelta(seconds=A_WEEK if timeout < 0 else timeout)
    for name in pod_arguments(words):

        def holds(pod: Json | None, name: str = name) -> bool:
            if pod is None and condition.needs_pod:
                raise not_found(name)
            return condition.holds(pod)

        app.runner.wait_for(namespace, name, holds, max(0.0, (end - app.clock.now()).total_seconds()))
        app.out.line(f"pod/{name} condition met")
    return 0
