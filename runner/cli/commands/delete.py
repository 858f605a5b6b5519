"""``delete``: end pods gracefully, or at once, and what makes them; remove Services, ConfigMaps, Secrets, claims and events."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from runner.cli.app import app_of
from runner.cli.deleting import Target, delete_targets, targets_of_files, targets_of_words
from runner.cli.manifests import load_objects
from runner.cli.options import DURATION, command, complete_objects, file_option, namespace_option, option
from runner.cli.selecting import refuse_names, selector_option
from runner.core.selectors import Selector
from runner.errors import UsageError

if TYPE_CHECKING:
    from runner.cli.app import App


@command(
    "delete",
    "podrunner delete po init-container-pod --grace-period 5",
    short_help="Delete pods, workloads and what get shows.",
)
@click.argument("words", nargs=-1, metavar="KIND [NAME]... | KIND/NAME...", shell_complete=complete_objects)
@file_option
@selector_option
@option("--all", "everything", is_flag=True, help="All of the kind in the namespace.")
@option(
    "--grace-period",
    type=int,
    default=-1,
    help="Seconds between SIGTERM and SIGKILL (-1: the pod's own; 0: SIGKILL at once).",
)
@option("--now", is_flag=True, help="SIGKILL at once.")
@option("--force", is_flag=True, help="The same as --now.")
@option("--wait/--no-wait", default=True, show_default=True, help="Return when everything is gone.")
@option("--timeout", type=DURATION, default=0.0, help="How long to wait (0: without limit).")
@option("--ignore-not-found", is_flag=True, help="What does not exist is no error.")
@namespace_option
def delete(
    words: tuple[str, ...],
    files: tuple[str, ...],
    selector: Selector,
    everything: bool,
    grace_period: int,
    now: bool,
    force: bool,
    wait: bool,
    timeout: float,
    ignore_not_found: bool,
    namespace: str,
) -> int:
    """Delete pods: their containers get SIGTERM, after the grace period SIGKILL, and then nothing is left of them.

    A workload is deleted with its pods, a claim with its volume. Whatever get shows can be deleted; KIND may be left
    out for pods. What is missing is told at the end, after everything else has been deleted.
    """
    app = app_of()
    grace = _grace(grace_period, now=now, force=force)
    targets = _targets(app, words, files, selector, everything, namespace)
    if not targets:
        app.say("No resources found")
    delete_targets(
        app,
        targets,
        grace=grace,
        force=force,
        wait=wait,
        timeout=timeout or None,
        ignore_not_found=ignore_not_found or everything or bool(selector),
    )
    return 0


def _grace(seconds: int, *, now: bool, force: bool) -> int | None:
    """The grace period in seconds; None: the pod's own. Raises UsageError for flags that contradict each other."""
    if now and seconds >= 0:
        raise UsageError("--now and --grace-period cannot be specified together")
    if force and seconds > 0:
        raise UsageError("--force and --grace-period greater than 0 cannot be specified together")
    if force or now:
        return 0
    return seconds if seconds >= 0 else None


def _targets(
    app: App, words: tuple[str, ...], files: Sequence[str], selector: Selector, everything: bool, namespace: str
) -> list[Target]:
    """What is to be deleted, in the order in which it was named."""
    refuse_names(files, selector)
    if everything and selector:
        raise UsageError("cannot set --all and --selector at the same time", hint="give one of them")
    if files:
        if words or everything:
            raise UsageError("when files are given as arguments, resource types and names may not be: give one of them")
        return targets_of_files(app, load_objects(app, files, namespace))
    return targets_of_words(app, words, namespace, selector, everything=everything)
