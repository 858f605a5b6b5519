"""What is seen of one pod: every published state, the marks in its output, its events."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from runner.core.narration import Gone, LogLine, LogLines, Narration, StatusChanged
from runner.registry.contract import Registry
from runner.render.events import last_seen
from tests.conformance.marks import Mark, read_marks
from tests.conformance.reading import Json

LOOK_SECONDS: Final = 0.3


@dataclass(frozen=True, slots=True)
class Seen:
    """A published pod and when; ``pod`` is None once it is gone."""

    at: datetime
    pod: Json | None


@dataclass
class View:
    """All that was seen of one pod, from first to last; ``check`` raises when nothing more will be."""

    uid: str
    name: str
    store: Registry
    check: Callable[[], None] = lambda: None
    states: list[Seen] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    changed: threading.Condition = field(default_factory=threading.Condition)

    def hear(self, narration: Narration) -> None:
        """Take a message in; from any thread."""
        with self.changed:
            match narration:
                case StatusChanged():
                    self.states.append(Seen(narration.at, narration.pod))
                case Gone():
                    self.states.append(Seen(narration.at, None))
                case LogLine():
                    self.lines.append(narration.data.decode(errors="replace"))
                case LogLines():
                    self.lines += [line.data.decode(errors="replace") for line in narration.lines]
                case _:
                    return
            self.changed.notify_all()

    def pods(self) -> list[Json]:
        """Every state in which the pod was there."""
        return [seen.pod for seen in tuple(self.states) if seen.pod is not None]

    def last(self) -> Json | None:
        """The last state before the pod was gone."""
        return next(iter(reversed(self.pods())), None)

    def marks(self) -> list[Mark]:
        return read_marks(tuple(self.lines))

    def events(self, since: datetime | None = None) -> list[str]:
        """Every event, or those that were seen in the second of ``since`` or later, as ``Reason: message``."""
        first = None if since is None else since.replace(microsecond=0)
        found = [(last_seen(event), event) for event in self.store.list("Event", about=self.uid).items]
        late = [event for at, event in found if first is None or at >= first]
        return [f"{event.get('reason')}: {event.get('message')}" for event in late]

    def wait(self, known: int) -> None:
        """Wait until there are more states than are known, or for a moment. Raises what ``check`` raises."""
        with self.changed:
            self.changed.wait_for(lambda: len(self.states) > known, LOOK_SECONDS)
        self.check()
