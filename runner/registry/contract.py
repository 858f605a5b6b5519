"""The one verb set over what exists: get, list, create, update, change, delete and watch, by (kind, namespace, name).

``runner.registry.sqlite`` keeps it in one SQLite file that several processes share, ``runner.registry.memory`` in memory for
simulations; one test suite runs over both. Values are v1 JSON objects. Every write, of whatever kind, gets the next
resourceVersion, and ``watch`` gives what came after one. Mirrors the storage of an API server
(k8s.io/apiserver pkg/storage/interfaces.go), with its words for what goes wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import TYPE_CHECKING, Protocol, Self

from msgspec import Struct

from runner.core.changes import ChangeType
from runner.core.kindwords import CLAIMS, EVENTS, OBJECTS, PODS, WORKLOADS
from runner.core.model import Json, Object
from runner.core.text.times import parse_time
from runner.errors import AlreadyExists, Conflict, Expired

if TYPE_CHECKING:
    from runner.core.events import Event
    from runner.core.status.podstatus import PodStatus
    from runner.registry.ledger import Ledger

TOMBSTONE_SECONDS = 300.0
"""How long the change log goes back at least, deletions included (k8s.io/apiserver pkg/storage/storagebackend: 5 minutes)."""

EVENT_LIFETIME = 3600.0
"""Seconds after which an event is forgotten, as an API server does (kube-apiserver --event-ttl)."""

_WORDS = {known.kind: known.resource for known in (PODS, CLAIMS, EVENTS, *OBJECTS.values(), *WORKLOADS.values())}


def resource_of(kind: str) -> str:
    """``deployments.apps``: a kind as an API server's errors name it."""
    return _WORDS.get(kind) or f"{kind.lower()}s"


class Touch(Struct, frozen=True):
    """What a write has touched, as far as selections ask. ``former``: who held the object before this change."""

    kind: str
    namespace: str
    name: str
    uid: str
    holder: str = ""
    former: str = ""
    is_status: bool = False
    """Whether the kubelet has published a status, and nothing else has changed."""
    is_held: bool = False
    """Whether the object has another holder, and nothing else has changed."""


class Selection(Struct, frozen=True, kw_only=True):
    """What a watch is about; None and "" do not narrow it.

    ``holder``: objects that a node instance holds; one that gets another holder is DELETED for the one and ADDED for the other.
    ``held``: the kinds of which that is meant, None for all; objects of other kinds count with any holder.
    ``with_status`` False leaves out that a status was published.
    """

    kinds: frozenset[str] | None = None
    namespace: str | None = None
    name: str | None = None
    uids: frozenset[str] | None = None
    holder: str = ""
    held: frozenset[str] | None = None
    with_status: bool = True

    def takes(self, touch: Touch) -> bool:
        """Whether a write concerns the watch."""
        if self._asks_for_holder(touch.kind):
            if self.holder not in (touch.holder, touch.former):
                return False
        elif touch.is_held:
            return False
        return (
            (self.with_status or not touch.is_status)
            and (self.kinds is None or touch.kind in self.kinds)
            and self.namespace in (None, touch.namespace)
            and self.name in (None, touch.name)
            and (self.uids is None or touch.uid in self.uids)
        )

    def _asks_for_holder(self, kind: str) -> bool:
        return bool(self.holder) and (self.held is None or kind in self.held)

    def sees(self, kind: ChangeType, touch: Touch) -> ChangeType:
        """How a change looks to the watch."""
        if not self._asks_for_holder(touch.kind) or touch.holder == touch.former:
            return kind
        return ChangeType.ADDED if touch.holder == self.holder else ChangeType.DELETED


def selection_of(
    *,
    kinds: Iterable[str] | None = None,
    namespace: str | None = None,
    name: str | None = None,
    uids: Iterable[str] | None = None,
    holder: str = "",
    held: Iterable[str] | None = None,
    with_status: bool = True,
) -> Selection:
    """A selection out of whatever collections the caller has."""
    return Selection(
        kinds=None if kinds is None else frozenset(kinds),
        namespace=namespace,
        name=name,
        uids=None if uids is None else frozenset(uids),
        holder=holder,
        held=None if held is None else frozenset(held),
        with_status=with_status,
    )


class Change:
    """One entry of the change log. ``value`` is made when it is asked for; that of a Secret may lack its data."""

    __slots__ = ("_make", "_value", "kind", "name", "namespace", "revision", "type", "uid")

    def __init__(self, type_: ChangeType, touch: Touch, revision: int, make: Callable[[], Object]) -> None:
        self.type = type_
        self.kind = touch.kind
        self.namespace = touch.namespace
        self.name = touch.name
        self.uid = touch.uid
        self.revision = revision
        self._make: Callable[[], Object] | None = make
        self._value: Object | None = None

    @property
    def value(self) -> Object:
        """The object after the change; of a deletion, as it was last, with the deletion's resourceVersion."""
        if self._value is None:
            assert self._make is not None
            self._value, self._make = self._make(), None
        return self._value

    @property
    def resource_version(self) -> str:
        return str(self.revision)

    def as_type(self, type_: ChangeType, touch: Touch) -> Change:
        """The same as another type: what it is for who sees only a part of everything."""
        return Change(type_, touch, self.revision, lambda: self.value)

    def __repr__(self) -> str:
        return f"Change({self.type} {self.kind} {self.namespace}/{self.name} @{self.revision})"


class Listing(Struct, frozen=True):
    """The objects at one version, from which a watch may go on."""

    items: list[Object]
    resource_version: str


class Watch(Protocol):
    """What comes after a version. Used by one thread at a time; ``close`` may come from any."""

    def next(self, timeout: float | None = None) -> list[Change]:
        """The changes since the last call, in order; waits for the first at most ``timeout`` seconds (None: without end).

        Empty when the time is over or the watch is closed. Raises Expired when the log does not go back so far any more.
        """
        ...

    def close(self) -> None:
        """End the watch; a thread that waits in ``next`` returns."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(self, *error: object) -> None: ...


Kinds = Iterable[str] | None
Key = tuple[str, str, str]
"""Kind, namespace and name."""


class Registry(Protocol):
    """What exists. Raises StoreError when the state cannot be read or written.

    Values may be shared with the registry: callers never change a value that they handed in or got out.
    """

    @property
    def ledger(self) -> Ledger:
        """What nodes remember of objects; these verbs do not show it."""
        ...

    def get(self, kind: str, namespace: str, name: str) -> Object | None: ...

    def get_by_uid(self, uid: str) -> Object | None: ...

    def list(self, kind: str, namespace: str | None = None, *, about: str | None = None) -> Listing:
        """All of a kind, of one namespace or of all, sorted by namespace and name; events as they were last seen.

        ``about``: only events about the object of this uid.
        """
        ...

    def unbegun(self, holder: str, uid: str = "") -> Sequence[Object]:
        """The pods that a node instance holds and no node has begun with, in the order in which they were written.

        Nothing of them is in the Engine: no status was published, no attempt noted, no former holder. ``uid``: only that pod.
        """
        ...

    def create(self, value: Json, *, holder: str = "", run_spec: str | None = None, lease: str = "") -> Object:
        """Add an object, and what the ledger says of it, at once. One without a uid gets one. Raises AlreadyExists."""
        ...

    def update(self, value: Json, *, expect: str | None = None) -> Object:
        """Replace metadata and spec, keeping the status and what belongs to the server; a changed spec is a new generation.

        ``expect``: the resourceVersion that the object must have. Raises Conflict, also when it has another uid than the
        value names; NoSuchObject.
        """
        ...

    def change(
        self, kind: str, namespace: str, name: str, function: Callable[[Object | None], Json | None]
    ) -> Object | None:
        """Read, change and write one object in one transaction: the function gets the stored object and returns the new one.

        It gets None when there is no object. It returns None, or the object that it got, to change nothing. It may read and
        write the registry, in the same transaction, but must not wait for another process. Returns the object afterwards.
        """
        ...

    def delete(self, kind: str, namespace: str, name: str, *, uid: str = "") -> Object | None:
        """Remove an object and what the ledger says of it. Returns what was removed.

        None when there is none, or another one than that of ``uid``.
        """
        ...

    def publish_status(self, uid: str, status: PodStatus | Json) -> None:
        """Replace what the kubelet says of a pod; conditions that others have added stay. Does nothing for a deleted pod."""
        ...

    def record_event(self, event: Event | Json) -> None:
        """Add an event; or replace the one of the same name (its count went up)."""
        ...

    def transaction(self) -> AbstractContextManager[object]:
        """Everything that this thread reads and writes meanwhile happens at once, or not at all when it raises."""
        ...

    def version(self) -> int:
        """The resourceVersion of the last write, by this process or another. Cheap."""
        ...

    def wishes(self) -> int:
        """A number that changes at least when something else is wanted of a pod: another spec, its deletion. Cheap."""
        ...

    def watch(
        self,
        since: str | None = None,
        *,
        kinds: Kinds = None,
        namespace: str | None = None,
        name: str | None = None,
        uids: Iterable[str] | None = None,
        holder: str = "",
        held: Kinds = None,
        with_status: bool = True,
        wake: Callable[[], None] | None = None,
    ) -> Watch:
        """What changes after a resourceVersion; without one, first everything that there is, as ADDED, then what changes.

        ``wake`` is called, in any thread, when ``next(0)`` has something. See ``Selection`` for the rest.
        """
        ...

    def close(self) -> None: ...


def put(registry: Registry, value: Json) -> Object:
    """Add an object as it is, status included, or replace the one of its name. Returns it as it is afterwards."""
    made = registry.change(str(value.get("kind") or ""), *name_of(value), lambda _: value)
    assert made is not None
    return made


def name_of(value: Json) -> tuple[str, str]:
    """Namespace and name of an object."""
    metadata = value.get("metadata") or {}
    return metadata.get("namespace") or "default", metadata.get("name") or ""


def uid_of(value: Json) -> str:
    """The object's uid; "" without one."""
    return str((value.get("metadata") or {}).get("uid") or "")


_DATA = ("data", "stringData")
_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


def loggable(kind: str, value: Json) -> Json:
    """An object as the change log may keep it: a Secret without its data."""
    if kind != "Secret":
        return value
    metadata = dict(value.get("metadata") or {})
    if _APPLIED in (metadata.get("annotations") or {}):
        metadata["annotations"] = {key: text for key, text in metadata["annotations"].items() if key != _APPLIED}
    return {**{key: part for key, part in value.items() if key not in _DATA}, "metadata": metadata}


def unversioned(value: Json) -> Json:
    """The object as it is kept: its version is not in it."""
    metadata = value.get("metadata") or {}
    if "resourceVersion" not in metadata:
        return value
    return {**value, "metadata": {key: part for key, part in metadata.items() if key != "resourceVersion"}}


def versioned(value: Json, revision: int) -> Object:
    """The object as it is shown."""
    return {**value, "metadata": {**(value.get("metadata") or {}), "resourceVersion": str(revision)}}


def was_admitted(value: Json) -> bool:
    """Whether a node has published a status of a pod."""
    return bool((value.get("status") or {}).get("qosClass"))


def foreign_conditions(status: Json) -> list[Object]:
    """The conditions that no kubelet writes."""
    from runner.core.status.podstatus import ConditionType

    ours = set(ConditionType)
    return [one for one in status.get("conditions") or () if one.get("type") not in ours]


def with_conditions(status: Json, others: Sequence[Json]) -> Json:
    """A status with the conditions of others as those have written them, which come first, as the kubelet sorts them."""
    if not others:
        return status
    types = {one.get("type") for one in others}
    own = [one for one in status.get("conditions") or () if one.get("type") not in types]
    return {**status, "conditions": [*others, *own]}


SERVER_METADATA = (
    "namespace",
    "name",
    "uid",
    "creationTimestamp",
    "generation",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
)


def updated(old: Json, new: Json) -> Object:
    """The object (without status) after an update: what the server owns stays, a changed spec is a new generation."""
    metadata = {key: part for key, part in (new.get("metadata") or {}).items() if key not in SERVER_METADATA}
    kept = {key: old["metadata"][key] for key in SERVER_METADATA if key in old["metadata"]}
    if "generation" in kept and new.get("spec") != old.get("spec"):
        kept["generation"] += 1
    return {**without_status(new), "metadata": {**metadata, **kept}}


def without_status(value: Json) -> Object:
    return {key: part for key, part in value.items() if key != "status"}


def last_seen(event: Json) -> datetime | None:
    """When an event happened last, by whichever of its times is set."""
    for key in ("lastTimestamp", "eventTime", "firstTimestamp"):
        instant = parse_time(event.get(key))
        if instant is not None:
            return instant
    return None


__all__ = ["AlreadyExists", "ChangeType", "Conflict", "Expired", "Object"]
