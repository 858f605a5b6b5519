"""The kinds that ``get`` shows: how a command line names them, how they are read, which table prints them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from msgspec import Struct

from runner.cli.failures import Failures
from runner.cli.lookup import find_pods
from runner.cli.spelling import did_you_mean
from runner.core.kindwords import CLAIMS, EVENTS, OBJECTS, PODS, WORKLOADS, KindWords
from runner.core.selectors import Selector, labels_of, matches
from runner.errors import NoSuchObject, UsageError
from runner.render.events import last_seen
from runner.render.tables import ClaimTable, EventTable, ObjectTable, PodTable, WorkloadTable

if TYPE_CHECKING:
    from runner.cli.app import App
    from runner.core.model import Object

Table = PodTable | EventTable
Read = Callable[["App", str | None, Sequence[str]], "list[Object]"]


class Resource(Struct, frozen=True):
    """A kind. ``read`` gives the named objects of a namespace, or all; ``table`` takes what ``PodTable`` takes."""

    words: KindWords
    read: Read
    table: Callable[..., Table]


class Asked(Struct, frozen=True):
    """A kind that was asked for, and the names; none: all there are."""

    resource: Resource
    names: tuple[str, ...]

    def is_wanted(self, value: Object, selector: Selector = ()) -> bool:
        """Whether an object of the kind is one of those."""
        if self.names and value["metadata"]["name"] not in self.names:
            return False
        return not selector or matches(selector, labels_of(value))

    def read(
        self, app: App, scope: str | None, selector: Selector = (), failures: Failures | None = None
    ) -> list[Object]:
        """The objects, those whose labels the selector selects.

        Raises NoSuchObject when one that was named is not there; with ``failures`` those that are there come all the same.
        """
        if failures is None or not self.names:
            found = self.resource.read(app, scope, self.names)
        else:
            found = [
                value
                for some in failures.each(lambda name: self.resource.read(app, scope, (name,)), self.names)
                for value in some
            ]
        return [value for value in found if matches(selector, labels_of(value))] if selector else found


def _stored(words: KindWords, app: App, scope: str | None, names: Sequence[str]) -> list[Object]:
    found = app.runner.client.list(words.kind, scope).items
    if not names:
        return found
    if scope is None:
        raise UsageError("a resource cannot be retrieved by name across all namespaces")
    return _chosen(words, found, names)


def _events(app: App, scope: str | None, names: Sequence[str]) -> list[Object]:
    found = sorted(app.runner.client.list(EVENTS.kind, scope).items, key=last_seen)
    return _chosen(EVENTS, found, names) if names else found


def _chosen(words: KindWords, found: Sequence[Object], names: Sequence[str]) -> list[Object]:
    by_name = {value["metadata"]["name"]: value for value in found}
    missing = next((name for name in names if name not in by_name), None)
    if missing is not None:
        raise NoSuchObject(f'{words.resource} "{missing}" not found')
    return [by_name[name] for name in names]


def _event_table(*, wide: bool, prefix: str, **settings: bool) -> EventTable:
    del wide, prefix  # Events have neither.
    return EventTable(lower=True, **settings)


RESOURCES = (
    Resource(PODS, find_pods, PodTable),
    *(Resource(words, partial(_stored, words), partial(ObjectTable, words.kind)) for words in OBJECTS.values()),
    *(Resource(words, partial(_stored, words), partial(WorkloadTable, words.kind)) for words in WORKLOADS.values()),
    Resource(CLAIMS, partial(_stored, CLAIMS), ClaimTable),
    Resource(EVENTS, _events, _event_table),
)
IN_ALL = frozenset({PODS.kind, "Service", *WORKLOADS})
"""The kinds of ``get all``."""
_KNOWN = "podrunner knows " + ", ".join((one.words.short or (one.words.plural,))[0] for one in RESOURCES)
_SPELLINGS = {word: one for one in RESOURCES for word in one.words.words}


def asked(words: Sequence[str]) -> list[Asked]:
    """Read ``KIND[,KIND] [NAME…]``, ``KIND/NAME…`` or ``all``. Raises UsageError for a kind that is not known."""
    if "/" in words[0]:
        return _by_kind([_in_one_word(word) for word in words])
    if words[0] == "all":
        return [Asked(one, ()) for one in RESOURCES if one.words.kind in IN_ALL]
    resources = [_resource(word) for word in words[0].split(",")]
    names = tuple(_in_one_word(word)[1] if "/" in word else word for word in words[1:])
    return [Asked(one, names) for one in dict.fromkeys(resources)]


def _in_one_word(word: str) -> tuple[Resource, str]:
    kind, slash, name = word.partition("/")
    if not slash or not name:
        raise UsageError("arguments in resource/name form must have a single resource and name")
    return _resource(kind), name


def _by_kind(pairs: Sequence[tuple[Resource, str]]) -> list[Asked]:
    """One kind after the other, each with its names, in the order in which they were first named."""
    kinds = dict.fromkeys(resource for resource, _ in pairs)
    return [Asked(one, tuple(name for resource, name in pairs if resource is one)) for one in kinds]


def _resource(word: str) -> Resource:
    found = _SPELLINGS.get(word.lower())
    if found is None:
        raise UsageError(
            f'the server doesn\'t have a resource type "{word}"', hint=did_you_mean(word, _SPELLINGS) or _KNOWN
        )
    return found


def is_kind(word: str) -> bool:
    """Whether a word names kinds: ``po``, ``deploy,rs``, ``all``."""
    return all(part.lower() in (*_SPELLINGS, "all") for part in word.split(","))


def kind_like(word: str) -> bool:
    """Whether a word looks like a misspelt kind."""
    return bool(did_you_mean(word, _SPELLINGS))
