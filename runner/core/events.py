"""Events as values, and the recorder's rules: count repetitions, combine similar ones, stop spam.

Mirrors k8s.io/client-go/tools/record/events_cache.go (EventCorrelator with its default options) and event.go.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, TypeVar

from runner.core.model import Container, Json, Pod
from runner.core.quick import maker
from runner.core.reasons import Note
from runner.core.times import format_time, parse_time

KUBELET = "kubelet"
SCHEDULER = "default-scheduler"

COMBINED_PREFIX = "(combined from similar events): "
SIMILAR_LIMIT = 10
"""The n-th different message of otherwise equal events is combined with those after it."""
SIMILAR_SECONDS = 600.0
SPAM_BURST = 25
"""Events of one type about one object that pass before some are dropped."""
SPAM_REFILL_SECONDS = 300.0
CACHE_SIZE = 4096

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_SIMILAR_TIME = timedelta(seconds=SIMILAR_SECONDS)
_FULL = float(SPAM_BURST)

Key = tuple[str, ...]
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectRef:
    """What an event is about; ``field_path`` names a container (``spec.containers{app}``)."""

    namespace: str
    name: str
    uid: str
    kind: str = "Pod"
    api_version: str = "v1"
    resource_version: str = ""
    field_path: str = ""
    subject: str = field(init=False, compare=False, repr=False)
    """The object as one text, without its version and without the container."""

    def __post_init__(self) -> None:
        subject = "\0".join((self.kind, self.namespace, self.name, self.uid, self.api_version))
        object.__setattr__(self, "subject", subject)


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Who tells: a component on a host (node)."""

    component: str = KUBELET
    host: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """A recorded event; ``type`` and ``reason`` are text, so that events of others can be held too."""

    name: str
    ref: ObjectRef
    source: Source
    type: str
    reason: str
    message: str
    first: datetime
    last: datetime
    count: int = 1

    def to_json(self) -> dict[str, Any]:
        """The v1 Event object. Its uid and resource version are the store's business."""
        first = format_time(self.first)
        return {
            "kind": "Event",
            "apiVersion": "v1",
            "metadata": {"name": self.name, "namespace": self.ref.namespace, "creationTimestamp": first},
            "involvedObject": _ref_json(self.ref).copy(),
            "reason": str(self.reason),
            "message": self.message,
            "source": _source_json(self.source).copy(),
            "firstTimestamp": first,
            "lastTimestamp": format_time(self.last),
            "count": self.count,
            "type": str(self.type),
            "eventTime": None,
            "reportingComponent": self.source.component,
            "reportingInstance": self.source.host,
        }

    @classmethod
    def from_json(cls, value: Json) -> Event:
        """Read a v1 Event; missing timestamps fall back on the event time and then on the creation time."""
        metadata, involved = value.get("metadata") or {}, value.get("involvedObject") or {}
        source = value.get("source") or {}
        made = parse_time(value.get("eventTime")) or parse_time(metadata.get("creationTimestamp")) or _EPOCH
        return cls(
            name=metadata.get("name") or "",
            ref=ObjectRef(
                namespace=involved.get("namespace") or metadata.get("namespace") or "",
                name=involved.get("name") or "",
                uid=involved.get("uid") or "",
                kind=involved.get("kind") or "",
                api_version=involved.get("apiVersion") or "",
                resource_version=involved.get("resourceVersion") or "",
                field_path=involved.get("fieldPath") or "",
            ),
            source=Source(
                component=source.get("component") or value.get("reportingComponent") or "",
                host=source.get("host") or value.get("reportingInstance") or "",
            ),
            type=value.get("type") or "",
            reason=value.get("reason") or "",
            message=value.get("message") or "",
            first=parse_time(value.get("firstTimestamp")) or made,
            last=parse_time(value.get("lastTimestamp")) or made,
            count=value.get("count") or 1,
        )


_event = maker(Event)


@lru_cache(maxsize=1024)
def _ref_json(ref: ObjectRef) -> dict[str, str]:
    value = {
        "kind": ref.kind,
        "namespace": ref.namespace,
        "name": ref.name,
        "uid": ref.uid,
        "apiVersion": ref.api_version,
        "resourceVersion": ref.resource_version,
        "fieldPath": ref.field_path,
    }
    return {key: text for key, text in value.items() if text}


@lru_cache(maxsize=64)
def _source_json(source: Source) -> dict[str, str]:
    return {key: text for key, text in (("component", source.component), ("host", source.host)) if text}


def pod_ref(pod: Pod, container: Container | None = None) -> ObjectRef:
    """The pod, or one of its containers, as the object of an event."""
    path = container.field_path if container is not None else ""
    return ObjectRef(namespace=pod.namespace, name=pod.name, uid=pod.uid, field_path=path)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Observation:
    """How often an event was seen, since when, and under which name it is stored."""

    name: str
    first: datetime
    times: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Similar:
    """The different messages of events that are alike otherwise, oldest first, and when the last one came."""

    messages: tuple[str, ...]
    last: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class _Bucket:
    """Tokens left of one source for one type of event about one object, as of a moment."""

    tokens: float
    at: datetime


_observation, _similar, _bucket = maker(_Observation), maker(_Similar), maker(_Bucket)


@dataclass(slots=True, kw_only=True)
class Correlator:
    """What the recorder remembers. ``take`` changes it; ``correlate`` leaves it alone and returns the next one."""

    observations: dict[Key, _Observation] = field(default_factory=dict)
    similar: dict[Key, _Similar] = field(default_factory=dict)
    buckets: dict[Key, _Bucket] = field(default_factory=dict)
    last_stamp: int = 0

    def take(self, ref: ObjectRef, source: Source, note: Note, now: datetime) -> Event | None:
        """Take in one event. Returns the one to store under its name (new or counted up), None when it is spam."""
        stamp = (now - _EPOCH) // _MICROSECOND * 1000
        self.last_stamp = stamp = stamp if stamp > self.last_stamp else self.last_stamp + 1
        about = (source.component, source.host, ref.subject, note.type)
        key, message = _combine(self.similar, (*about, note.reason), ref.field_path, note.message, now)
        # What is taken out and put in again is the youngest.
        seen = self.observations.pop(key, None)
        if seen is None:
            seen = _observation(name=f"{ref.name}.{stamp:x}", first=now, times=1)
        else:
            seen = _observation(name=seen.name, first=seen.first, times=seen.times + 1)
        self.observations[key] = seen
        bucket = self.buckets.pop(about, None)
        tokens = _FULL if bucket is None else _refilled(bucket, now)
        accepted = tokens >= 1
        self.buckets[about] = _bucket(tokens=tokens - accepted, at=now)
        if max(len(self.observations), len(self.similar), len(self.buckets)) > CACHE_SIZE:
            _forget_oldest(self.observations)
            _forget_oldest(self.similar)
            _forget_oldest(self.buckets)
        if not accepted:
            return None
        return _event(
            name=seen.name,
            ref=ref,
            source=source,
            type=note.type,
            reason=note.reason,
            message=message,
            first=seen.first,
            last=now,
            count=seen.times,
        )


def correlate(
    state: Correlator, ref: ObjectRef, source: Source, note: Note, now: datetime
) -> tuple[Correlator, Event | None]:
    """Take in one event. Returns the next state, and what ``Correlator.take`` returns."""
    following = Correlator(
        observations=dict(state.observations),
        similar=dict(state.similar),
        buckets=dict(state.buckets),
        last_stamp=state.last_stamp,
    )
    return following, following.take(ref, source, note, now)


def correlate_all(
    state: Correlator, ref: ObjectRef, source: Source, notes: Iterable[Note], now: datetime
) -> tuple[Correlator, tuple[Event, ...]]:
    """Take in several events about one object at one moment."""
    stored = []
    for note in notes:
        state, event = correlate(state, ref, source, note, now)
        if event is not None:
            stored.append(event)
    return state, tuple(stored)


def _combine(similar: dict[Key, _Similar], group: Key, field_path: str, message: str, now: datetime) -> tuple[Key, str]:
    """Note the message; when there are too many different ones, the event stands for all of them.

    Returns what the event is counted under, and the message to store.
    """
    known = similar.pop(group, None)
    messages = () if known is None or now - known.last > _SIMILAR_TIME else known.messages
    if message not in messages:
        messages += (message,)
    combined = len(messages) >= SIMILAR_LIMIT
    # The list must not grow beyond the limit: the oldest message makes room.
    similar[group] = _similar(messages=messages[1:] if combined else messages, last=now)
    return (group, COMBINED_PREFIX + message) if combined else ((*group, field_path, message), message)


def _refilled(bucket: _Bucket, now: datetime) -> float:
    """The tokens that there are now. A clock that was set back takes none away."""
    refilled = (now - bucket.at).total_seconds() / SPAM_REFILL_SECONDS
    return min(_FULL, bucket.tokens + refilled) if refilled > 0 else bucket.tokens


def _forget_oldest(memory: dict[Key, _T]) -> None:
    """Let the oldest entry fall out of a memory that is beyond its size."""
    if len(memory) > CACHE_SIZE:
        del memory[next(iter(memory))]
