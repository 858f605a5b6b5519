"""What the shell may complete: kinds, and names out of the store."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from runner.cli.resources import RESOURCES, Resource
from runner.core.kindwords import PODS
from runner.errors import RunnerError

if TYPE_CHECKING:
    from runner.cli.app import App

CONDITIONS = (
    "condition=Ready",
    "condition=Initialized",
    "condition=PodScheduled",
    "condition=complete",
    "condition=failed",
    "condition=available",
    "phase=Running",
    "phase=Succeeded",
    "phase=Failed",
    "jsonpath=",
    "create",
    "delete",
)


def objects_for(
    app: App, words: Sequence[str], namespace: str | None, incomplete: str, *, with_pods: bool = False
) -> Iterator[str]:
    """How an argument that begins so may go on, after the words that stand before it; ``with_pods``: a pod needs no kind."""
    scope = namespace or app.environ.get("PODRUNNER_NAMESPACE") or "default"
    kind, slash, _ = incomplete.partition("/")
    named = _resource(words[0]) if words and "/" not in words[0] else None
    found: Iterator[str]
    if slash:
        found = (f"{kind}/{name}" for name in _names(app, _resource(kind), scope))
    elif named is not None:
        found = iter(name for name in _names(app, named, scope) if name not in words)
    elif words:
        found = iter(())
    else:
        pods = _names(app, _resource(PODS.plural), scope) if with_pods else []
        found = iter((*_kinds(all_spellings=bool(incomplete)), *pods))
    return (word for word in found if word.startswith(incomplete))


def _kinds(*, all_spellings: bool) -> Iterator[str]:
    for one in RESOURCES:
        spelt = (*one.words.short, one.words.kind.lower(), one.words.plural)
        yield from spelt if all_spellings else spelt[:1]


def _resource(word: str) -> Resource | None:
    return next((one for one in RESOURCES if word in one.words.words), None)


def _names(app: App, resource: Resource | None, scope: str) -> list[str]:
    try:
        return [] if resource is None else [str(v["metadata"]["name"]) for v in resource.read(app, scope, ())]
    except RunnerError:
        return []
