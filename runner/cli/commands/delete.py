"""``delete``: end pods gracefully, or at once; remove Services, ConfigMaps and Secrets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from runner.cli.app import App, app_of, pod_arguments
from runner.cli.lookup import find_pod
from runner.cli.manifests import load_objects
from runner.cli.objects import delete_loaded, delete_named, delete_selected, object_words
from runner.cli.options import DURATION, command, complete_pods, file_option, namespace_option, option
from runner.cli.selecting import refuse_names, selected_pods, selector_option
from runner.core.selectors import Selector
from runner.errors import UsageError

if TYPE_CHECKING:
    from runner.core.manifest import LoadedObject


@command(
    "delete",
    "podrunner delete po init-container-pod --grace-period 5",
    short_help="Delete pods, Services, ConfigMaps, Secrets.",
)
@click.argument("words", nargs=-1, metavar="po|svc|cm|secret NAME...", shell_complete=complete_pods)
@file_option
@selector_option
@option("--all", "everything", is_flag=True, help="All of the namespace.")
@option(
    "--grace-period",
    type=int,
    default=-1,
    help="Seconds between SIGTERM and SIGKILL (-1: the pod's own; 0: SIGKILL at once).",
)
@option("--now", is_flag=True, help="SIGKILL at once.")
@option("--force", is_flag=True, help="The same as --now.")
@option("--wait/--no-wait", default=True, show_default=True, help="Return when the pods are gone.")
@option("--timeout", type=DURATION, default=0.0, help="How long to wait (0: without limit).")
@option("--ignore-not-found", is_flag=True, help="A pod that does not exist is no error.")
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

    Services, ConfigMaps and Secrets go at once.
    """
    app = app_of()
    refuse_names(files, selector)
    known = object_words(words)
    if known is not None:
        refuse_names("/" in words[0] or words[1:], selector)
        if (everything or selector) and len(words) == 1:
            return delete_selected(app, known, namespace, selector)
        return delete_named(app, words, namespace, ignore_not_found=ignore_not_found)
    grace = _grace(grace_period, now=now, force=force)
    objects = load_objects(app, files, namespace) if files else ()
    targets = _targets(app, words, objects, everything, selector, namespace)
    if not targets and selector:
        app.say("No resources found")
    if ignore_not_found:
        targets = [(place, name) for place, name in targets if app.runner.store.pod(place, name) is not None]
    for place, name in targets:
        find_pod(app, place, name)
    deletions = []
    for place, name in targets:
        deletions.append(app.runner.delete(place, name, grace=grace, force=grace == 0))
        app.out.line(f'pod "{name}" {"force deleted" if force else "deleted"} from {place} namespace')
    if objects:
        delete_loaded(app, objects, ignore_not_found=ignore_not_found)
    for deletion in deletions if wait else ():
        deletion.wait(timeout or None)
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
    app: App,
    words: tuple[str, ...],
    objects: Sequence[LoadedObject],
    everything: bool,
    selector: Selector,
    namespace: str,
) -> list[tuple[str, str]]:
    """Namespace and name of each pod to delete."""
    names = pod_arguments(words)
    refuse_names(names, selector)
    if sum((bool(names), bool(objects), everything, bool(selector))) != 1:
        raise UsageError("name the pods to delete, or give -f FILE, -l SELECTOR or --all: one of them")
    if everything or selector:
        return [(namespace, pod["metadata"]["name"]) for pod in selected_pods(app, namespace, selector)]
    if objects:
        return [(loaded.namespace, loaded.name) for loaded in objects if loaded.kind == "Pod"]
    return [(namespace, name) for name in names]
