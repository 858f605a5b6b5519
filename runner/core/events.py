"""Events as values, and the recorder's rules: count repetitions, combine similar ones, stop spam.

Mirrors k8s.io/client-go/tools/record/events_cache.go (EventCorrelator with its default options) and event.go.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, TypeVar

from msgspec import Struct

from runner.core.model import EMPTY, Container, Json, Pod
from runner.core.reasons import Note
from runner.core.text.times import EPOCH, format_time, parse_time

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

_MICROSECOND = timedelta(microseconds=1)
_SIMILAR_TIME = timedelta(seconds=SIMILAR_SECONDS)
_REFILL_TIME = timedelta(seconds=SPAM_REFILL_SECONDS)
_FULL = float(SPAM_BURST)

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


class Source(Struct, frozen=True, kw_only=True):
    """Who tells: a component on a host (node)."""

    component: str = KUBELET
    host: str = ""


class Event(Struct, frozen=True, kw_only=True):
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
        made = parse_time(value.get("eventTime")) or parse_time(metadata.get("creationTimestamp")) or EPOCH
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


def container_of(event: Json) -> str:
    """The container that an event is about: ``x`` of ``spec.containers{x}``; "" for the pod itself."""
    path = str((event.get("involvedObject") or EMPTY).get("fieldPath") or "")
    return path.partition("{")[2].rstrip("}")


def pod_ref(pod: Pod, container: Container | None = None) -> ObjectRef:
    """The pod, or one of its containers, as the object of an event."""
    path = container.field_path if container is not None else ""
    return ObjectRef(namespace=pod.namespace, name=pod.name, uid=pod.uid, field_path=path)


class _Observation(Struct):
    """How often an event was seen, since when, and under which name it is stored."""

    name: str
    first: datetime
    times: int = 0

    def again(self) -> int:
        """Count it once more. Returns how often it was seen by now."""
        self.times += 1
        return self.times


class _Similar(Struct):
    """The different messages of events that are alike otherwise, oldest first, and when the last one came."""

    messages: list[str]
    last: datetime

    def is_one_of_many(self, message: str, now: datetime) -> bool:
        """Note a message. Returns whether there are too many different ones to tell each of them."""
        if now - self.last > _SIMILAR_TIME:
            self.messages.clear()
        self.last = now
        if message not in self.messages:
            self.messages.append(message)
        if len(self.messages) < SIMILAR_LIMIT:
            return False
        # The list must not grow beyond the limit: the oldest message makes room.
        del self.messages[0]
        return True


class _Bucket(Struct):
    """Tokens left of one source for one type of event about one object, as of a moment."""

    tokens: float
    at: datetime

    def take(self, now: datetime) -> bool:
        """Take a token. Returns whether there was one; a clock that was set back takes none away."""
        if now > self.at:
            self.tokens = min(_FULL, self.tokens + (now - self.at) / _REFILL_TIME)
        self.at = now
        if self.tokens < 1:
            return False
        self.tokens -= 1
        return True


class Correlator:
    """What the recorder remembers: three memories of bounded size, in which the youngest entry is the last."""

    def __init__(self) -> None:
        self._observations: dict[str, _Observation] = {}
        self._similar: dict[str, _Similar] = {}
        self._buckets: dict[str, _Bucket] = {}
        self._last_stamp = 0

    def take(self, ref: ObjectRef, source: Source, note: Note, now: datetime) -> tuple[Event, bool]:
        """Take in one event. Returns it as it counts now (new or counted up), and whether to store it: spam is not."""
        about, group, key = _keys(source.component, source.host, ref.subject, ref.field_path, note)
        message = note.message
        similar = self._similar.pop(group, None)
        if similar is None:
            similar = _Similar([], now)
            _make_room(self._similar)
        # What is taken out and put in again is the youngest.
        self._similar[group] = similar
        if similar.is_one_of_many(message, now):
            key, message = group, COMBINED_PREFIX + message
        seen = self._observations.pop(key, None)
        if seen is None:
            seen = _Observation(self._name(ref, now), now)
            _make_room(self._observations)
        self._observations[key] = seen
        bucket = self._buckets.pop(about, None)
        if bucket is None:
            bucket = _Bucket(_FULL, now)
            _make_room(self._buckets)
        self._buckets[about] = bucket
        event = Event(
            name=seen.name,
            ref=ref,
            source=source,
            type=note.type,
            reason=note.reason,
            message=message,
            first=seen.first,
            last=now,
            count=seen.again(),
        )
        return event, bucket.take(now)

    def _name(self, ref: ObjectRef, now: datetime) -> str:
        """A name that no other event has: with the time in nanoseconds, as client-go makes it."""
        stamp = (now - EPOCH) // _MICROSECOND * 1000
        self._last_stamp = max(stamp, self._last_stamp + 1)
        return f"{ref.name}.{self._last_stamp:x}"


@lru_cache(maxsize=CACHE_SIZE)
def _keys(component: str, host: str, subject: str, field_path: str, note: Note) -> tuple[str, str, str]:
    """What an event shares its burst with, what it is similar to, and what it repeats."""
    about = "\0".join((component, host, subject, note.type))
    group = f"{about}\0{note.reason}"
    return about, group, f"{group}\0{field_path}\0{note.message}"


def _make_room(memory: dict[str, _T]) -> None:
    """Let the oldest entry fall out of a memory that is full."""
    if len(memory) >= CACHE_SIZE:
        del memory[next(iter(memory))]
