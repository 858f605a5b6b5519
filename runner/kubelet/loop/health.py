"""What a run has told of its Engine: once that it does not answer, and once that it is back for good."""

from __future__ import annotations

import threading

CALM_SECONDS = 5.0
"""How long the Engine has to answer until it counts as back; twice as long each time it goes away again."""
LONGEST_CALM_SECONDS = 80.0


class EngineHealth:
    """Shared by the workers of a run, which note how their calls went; times are seconds of the steady clock."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._users = 0
        self.is_lost = False
        """Whether it did not answer of late; one that looks without the lock sees it at its next answer."""
        self._back_since: float | None = None
        self._calm = CALM_SECONDS

    def join(self) -> None:
        """One more worker."""
        with self._lock:
            self._users += 1

    def leave(self) -> bool:
        """One worker less. Returns whether it has to say that the Engine is back, because nobody else will."""
        with self._lock:
            self._users -= 1
            return self._users <= 0 and self.is_lost and self._back_since is not None and self._found()

    def failed(self) -> bool:
        """Note that nothing answered. Returns whether the caller has to say so."""
        with self._lock:
            was_lost, self.is_lost, self._back_since = self.is_lost, True, None
            return not was_lost

    def answered(self, now: float) -> None:
        """Note an answer."""
        with self._lock:
            if self.is_lost and self._back_since is None:
                self._back_since = now

    @property
    def calm_at(self) -> float | None:
        """When the Engine will have answered long enough; None: there is nothing to say."""
        with self._lock:
            return None if self._back_since is None else self._back_since + self._calm

    def take_return(self, now: float) -> bool:
        """Whether the caller has to say that the Engine is back."""
        with self._lock:
            if not self.is_lost or self._back_since is None or now < self._back_since + self._calm:
                return False
            return self._found()

    def _found(self) -> bool:
        self.is_lost, self._back_since = False, None
        self._calm = min(self._calm * 2, LONGEST_CALM_SECONDS)
        return True
