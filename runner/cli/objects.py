"""What ``create``, ``apply`` and ``delete`` do with Services, ConfigMaps and Secrets."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from runner.cli.manifests import load_objects
from runner.cli.selecting import labels_of
from runner.core.kindwords import OBJECTS, KindWords
from runner.core.selectors import Selector, matches
from runner.errors import UsageError

if TYPE_CHECKING:
    from runner.cli.app import App
    from runner.core.manifest import LoadedObject
    from runner.core.model import Json


def written_objects(app: App, files: Sequence[str], namespace: str) -> list[Json]:
    """The objects of manifests, each with its namespace. Raises UsageError for kinds that have to be run."""
    if not files:
        raise UsageError("must specify -f", hint="name a file, a folder, or - for standard input")
    values: list[Json] = []
    for one in load_objects(app, files, namespace):
        if one.kind not in OBJECTS:
            kinds = "Services, ConfigMaps and Secrets"
            raise UsageError(f"{one.file}: {one.kind} {one.name}: only {kinds} are kept; pods are run by podrunner run")
        metadata = {**(one.value.get("metadata") or {}), "namespace": one.namespace}
        values.append({**one.value, "kind": one.kind, "metadata": metadata})
    return values


def write_each(app: App, values: Sequence[Json], write: Callable[[Json], str]) -> int:
    """Write objects one by one and say what was done with each, as kubectl does."""
    for value in values:
        done = write(value)
        app.out.line(f"{OBJECTS[value['kind']].prefix}/{value['metadata']['name']} {done}")
    return 0


def object_words(words: Sequence[str]) -> KindWords | None:
    """The kind that words begin with, when it is one of these."""
    kind = words[0].partition("/")[0] if words else ""
    return next((known for known in OBJECTS.values() if kind in known.words), None)


def delete_named(app: App, words: Sequence[str], namespace: str, *, ignore_not_found: bool) -> int:
    """Delete ``KIND NAME…`` or ``KIND/NAME…``."""
    pairs = []
    if "/" in words[0]:
        for word in words:
            known, name = object_words((word,)), word.partition("/")[2]
            if known is None or not name:
                raise UsageError(f'there is no way to delete "{word}" together with the others')
            pairs.append((known, name))
    else:
        known = object_words(words)
        assert known is not None
        pairs = [(known, name) for name in words[1:]]
    if not pairs:
        raise UsageError("resource(s) were provided, but no name was specified")
    for known, name in pairs:
        _delete(app, known, namespace, name, ignore_not_found=ignore_not_found)
    return 0


def delete_selected(app: App, known: KindWords, namespace: str, selector: Selector) -> int:
    """Delete those of a kind whose labels the selector selects; without a selector, all."""
    chosen = [one for one in app.runner.store.objects(known.kind, namespace) if matches(selector, labels_of(one))]
    for one in chosen:
        _delete(app, known, namespace, one["metadata"]["name"], ignore_not_found=True)
    if not chosen:
        app.say("No resources found")
    return 0


def delete_loaded(app: App, objects: Sequence[LoadedObject], *, ignore_not_found: bool) -> None:
    """Delete those of a manifest's objects that are of these kinds."""
    for one in objects:
        if one.kind in OBJECTS:
            _delete(app, OBJECTS[one.kind], one.namespace, one.name, ignore_not_found=ignore_not_found)


def _delete(app: App, known: KindWords, namespace: str, name: str, *, ignore_not_found: bool) -> None:
    from runner.runtime.objects import delete_object

    if ignore_not_found and app.runner.store.object(known.kind, namespace, name) is None:
        return
    delete_object(app.runner.store, known.kind, namespace, name)
    app.out.line(f'{known.prefix} "{name}" deleted from {namespace} namespace')
