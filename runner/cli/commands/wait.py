"""``wait``: until a condition on pods or workloads holds."""

from __future__ import annotations

from contextlib import suppress

import click

from runner.cli.app import App, app_of, pod_arguments
from runner.cli.conditions import WaitCondition, parse_condition
from runner.cli.failures import Failures
from runner.cli.options import DURATION, command, complete_conditions, complete_objects, namespace_option, option
from runner.cli.resources import asked, is_kind
from runner.cli.selecting import selector_option
from runner.clock import Countdown
from runner.core.kindwords import PODS, KindWords
from runner.core.model import Json
from runner.core.selectors import Selector
from runner.errors import NoSuchObject, PodFailed, UsageError, WaitTimeout

A_WEEK = 168 * 3600.0


@command(
    "wait",
    "podrunner wait --for=condition=Ready pod/init-container-pod",
    short_help="Wait until a condition on pods or workloads holds.",
)
@click.argument("words", nargs=-1, required=True, metavar="KIND/NAME...", shell_complete=complete_objects)
@selector_option
@option("--all", "everything", is_flag=True, help="All of the kind.")
@option(
    "--for",
    "wanted",
    required=True,
    metavar="CONDITION",
    shell_complete=complete_conditions,
    help="condition=NAME[=VALUE], phase=PHASE, jsonpath={PATH}[=VALUE], create or delete.",
)
@option("--timeout", type=DURATION, default=30.0, show_default="30s", help="0: check once; negative: a week.")
@namespace_option
def wait(
    words: tuple[str, ...], selector: Selector, everything: bool, wanted: str, timeout: float, namespace: str
) -> int:
    """Wait until a condition holds, on pods or on workloads: condition=complete of job/NAME, available of deploy/NAME."""
    app = app_of()
    condition = parse_condition(wanted)
    patience = Countdown(app.clock, A_WEEK if timeout < 0 else timeout)
    names = _selected(app, namespace, words, selector) if selector or everything else None
    if "/" in words[0] or is_kind(words[0]):
        wanted_ones = [(one.resource.words, name) for one in asked(words) for name in names or one.names]
    else:
        wanted_ones = [(PODS, name) for name in pod_arguments(words)]
    failures = Failures()
    for kind, name in wanted_ones:
        with failures.go_on():
            _wait_for(app, namespace, kind, name, condition, patience)
    failures.end()
    return 0


def _wait_for(
    app: App, namespace: str, words: KindWords, name: str, condition: WaitCondition, patience: Countdown
) -> None:
    """Look at an object until the condition holds.

    Raises WaitTimeout; PodFailed when it cannot hold any more; NoSuchObject when the object has to be there and is not.
    """

    def holds(value: Json | None) -> bool:
        if value is None and condition.needs_pod:
            raise NoSuchObject(f'{words.resource} "{name}" not found')
        return condition.holds(value)

    def is_decided(value: Json | None) -> bool:
        return holds(value) or (value is not None and bool(condition.is_past(value)))

    try:
        value = app.runner.client.wait(words.kind, namespace, name, is_decided, patience.left or 0.0)
    except WaitTimeout as problem:
        hint = _why_no_node(app, namespace, words, name)
        text = problem.message if hint else _with_cause(app, problem.message, words, namespace, name)
        raise WaitTimeout(text, hint=hint) from problem
    if not condition.holds(value):
        what = condition.is_past(value or {})
        text = f"{words.plural}/{name} is {what} and cannot be {condition.name} any more"
        raise PodFailed(_with_cause(app, text, words, namespace, name))
    app.out.line(f"{words.prefix}/{name} condition met")


def _with_cause(app: App, text: str, words: KindWords, namespace: str, name: str) -> str:
    """What went wrong, and below it the cause if one is seen."""
    if words.kind != PODS.kind:
        return text
    from runner.api.explaining import explain_pod
    from runner.render.explained import WIDE, short_text

    try:
        pod = app.runner.client.get(words.kind, namespace, name)
    except NoSuchObject:
        return text
    width = app.err.columns - 1 if app.err.is_terminal else WIDE
    found = explain_pod(app.runner.client, pod, app.clock.now())
    return "\n".join([text, *short_text(found, app.paint(app.err), width)])


def _why_no_node(app: App, namespace: str, words: KindWords, name: str) -> str:
    """What a pod that no node holds has waited for in vain; "" for others."""
    from runner.core.admission import why_unscheduled

    with suppress(NoSuchObject):
        return why_unscheduled(app.runner.client.get(words.kind, namespace, name)) if words is PODS else ""
    return ""


def _selected(app: App, namespace: str, words: tuple[str, ...], selector: Selector) -> list[str]:
    """The names of those that are there now. Raises UsageError when there are none, as kubectl does."""
    (one, *others) = asked(words)
    if others or one.names:
        raise UsageError("name one kind and nothing else with -l or --all")
    names = [str(value["metadata"]["name"]) for value in one.read(app, namespace, selector)]
    if not names:
        raise UsageError("no matching resources found")
    return names
