"""Record events about one pod: number and combine them as client-go's recorder does, store them, tell of them.

The rules stand in ``runner.core.events``; here is their memory, which a restarted process begins anew, as a kubelet does.
"""

from __future__ import annotations

import threading
from dataclasses import replace

from runner.clock import Clock
from runner.core.events import KUBELET, Correlator, Source, pod_ref
from runner.core.model import Pod
from runner.core.narration import EventRecorded, Listener, PodRef
from runner.core.reasons import EventReason, EventType, Note
from runner.registry.contract import Registry


class EventRecorder:
    """Records events about one pod. May be used from several threads; ``node_name`` is where the kubelet's events come from."""

    def __init__(self, pod: Pod, store: Registry, listener: Listener, clock: Clock, node_name: str) -> None:
        self._about = pod_ref(pod)
        self._ref = PodRef(namespace=pod.namespace, name=pod.name, uid=pod.uid)
        self._store = store
        self._listener = listener
        self._clock = clock
        self._kubelet = Source(component=KUBELET, host=node_name)
        self._abouts = {"": self._about}
        self._memory = Correlator()
        self._lock = threading.Lock()

    def event(
        self,
        type: EventType,  # noqa: A002 - the API's word
        reason: EventReason,
        message: str,
        field_path: str = "",
        component: str = KUBELET,
    ) -> None:
        """Record an event about the pod, or about the container that ``field_path`` (``spec.containers{name}``) names."""
        self.note(Note(type=type, reason=reason, message=message), field_path=field_path, component=component)

    def note(self, note: Note, *, field_path: str = "", component: str = KUBELET) -> None:
        """Record what an event says. Of too many events about the pod some are not stored, as client-go drops them."""
        source = self._kubelet if component == KUBELET else Source(component=component)
        about = self._abouts.get(field_path)
        if about is None:
            about = self._abouts[field_path] = replace(self._about, field_path=field_path)
        with self._lock:
            now = self._clock.now()
            event, is_stored = self._memory.take(about, source, note, now)
            if is_stored:
                self._store.record_event(event)
            # Inside the lock, so that listeners hear of events in the order in which they are stored.
            self._listener(EventRecorded(at=now, ref=self._ref, record=event, is_stored=is_stored))
