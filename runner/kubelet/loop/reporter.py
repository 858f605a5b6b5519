"""Says what happens to one pod: events, which are stored, and what is only told to whoever listens."""

from __future__ import annotations

from dataclasses import dataclass

from runner.clock import Clock
from runner.core.model import Container
from runner.core.narration import Listener, Notice, PodRef
from runner.core.reasons import Note
from runner.kubelet.loop.recorder import EventRecorder


@dataclass(frozen=True, slots=True)
class Reporter:
    """Speaks of one pod. May be used from several threads. ``tell`` is the listener itself."""

    ref: PodRef
    recorder: EventRecorder
    tell: Listener
    clock: Clock

    def event(self, note: Note, container: Container | None = None) -> None:
        """Record an event about the pod or one of its containers."""
        self.recorder.note(note, field_path="" if container is None else container.field_path)

    def notice(self, text: str) -> None:
        """Tell the listener a sentence about the pod."""
        self.tell(Notice(at=self.clock.now(), ref=self.ref, text=text))
