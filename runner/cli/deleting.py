"""What ``delete`` deletes, and how: it asks for all deletions, then waits for them, and tells at the end what went wrong."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from msgspec import Struct

from runner.cli.failures import Failures
from runner.cli.resources import RESOURCES, Asked, Resource, asked, is_kind, kind_like
from runner.cli.selecting import refuse_names
from runner.clock import Countdown
from runner.core.kindwords import PODS, KindWords
from runner.core.selectors import Selector
from runner.errors import NoSuchObject, UsageError

if TYPE_CHECKING:
    from runner.api.types import Waitable
    from runner.cli.app import App
    from runner.core.manifest import LoadedObject

_PODS: Resource = next(one for one in RESOURCES if one.words is PODS)
_BY_KIND = {one.words.kind: one.words for one in RESOURCES}


class Target(Struct, frozen=True):
    """One object to delete; ``file`` is where it was named, "" on the command line."""

    words: KindWords
    namespace: str
    name: str
    file: str = ""

    @property
    def missing(self) -> NoSuchObject:
        """What kubectl says when it is not there."""
        source = f'error when deleting "{self.file}": ' if self.file else ""
        return NoSuchObject(f'{source}{self.words.resource} "{self.name}" not found')


def targets_of_words(
    app: App, words: tuple[str, ...], namespace: str, selector: Selector, *, everything: bool
) -> list[Target]:
    """``KIND NAME…``, ``KIND/NAME…`` or names of pods; all or the selected ones of some kinds. Raises UsageError."""
    wanted = _asked(app, words, namespace)
    names = any(one.names for one in wanted)
    refuse_names(names, selector)
    if everything and names:
        raise UsageError(
            "setting 'all' parameter but found a non empty selector", hint="give names or --all: one of them"
        )
    if everything or selector:
        found = [(one, value["metadata"]["name"]) for one in wanted for value in one.read(app, namespace, selector)]
        return [Target(one.resource.words, namespace, name) for one, name in found]
    if not names:
        text = (
            "resource(s) were provided, but no name was specified"
            if words
            else "you must provide one or more resources by argument or filename"
        )
        raise UsageError(text, hint="name what is to be deleted, or give -f FILE, -l SELECTOR or --all: one of them")
    return [Target(one.resource.words, namespace, name) for one in wanted for name in one.names]


def _asked(app: App, words: tuple[str, ...], namespace: str) -> list[Asked]:
    """The kinds and names; words without a kind are pods."""
    if words and ("/" in words[0] or is_kind(words[0])):
        return asked(words)
    if len(words) > 1 and kind_like(words[0]) and not _is_there(app, PODS.kind, namespace, words[0]):
        return asked(words)  # Which says what it takes for a misspelt kind.
    return [Asked(_PODS, words)]


def targets_of_files(app: App, objects: Sequence[LoadedObject]) -> list[Target]:
    """The objects of manifests that can be there. Raises UsageError for one without a name."""
    targets = []
    for one in objects:
        words = _BY_KIND.get(one.kind)
        if words is None:
            app.say(f"{one.kind.lower()}/{one.name}: nothing is kept of it, so there is nothing to delete")
            continue
        if not (one.value.get("metadata") or {}).get("name"):
            raise UsageError(f"{one.file}: {one.kind}: resource name may not be empty")
        targets.append(Target(words, one.namespace, one.name, one.file))
    return targets


def delete_targets(
    app: App,
    targets: Sequence[Target],
    *,
    grace: int | None,
    force: bool,
    wait: bool,
    timeout: float | None,
    ignore_not_found: bool,
) -> None:
    """Delete everything that is there, wait for it, and raise what went wrong on the way; ``timeout`` in seconds."""
    failures = Failures()
    # What goes with something else on the list was there when it was asked for.
    there = [target for target in targets if _is_there(app, target.words.kind, target.namespace, target.name)]
    for target in targets:
        if target not in there and not ignore_not_found:
            failures.add(target.missing)
    deletions: list[Waitable] = []
    for target in there:
        with failures.go_on():
            deletions += _ask(app, target, grace)
            word = "force deleted" if force else "deleted"
            app.out.line(f'{target.words.prefix} "{target.name}" {word} from {target.namespace} namespace')
    with failures.go_on():
        app.runner.client.finish(deletions)
    timeout = timeout if wait else 0.0
    patience = Countdown(app.clock, timeout)
    for deletion in deletions:
        if not (wait or deletion.needs_waiting):
            continue
        with failures.go_on():
            deletion.wait(patience.left)
    failures.end()


def _is_there(app: App, kind: str, namespace: str, name: str) -> bool:
    try:
        app.runner.client.get(kind, namespace, name)
    except NoSuchObject:
        return False
    return True


def _ask(app: App, target: Target, grace: int | None) -> list[Waitable]:
    """Ask for the deletion; nothing when it has gone with something else meanwhile."""
    try:
        return [app.runner.client.delete(target.words.kind, target.namespace, target.name, grace=grace)]
    except NoSuchObject:
        return []
