"""Clocks that tests set."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from runner.clock import VirtualClock


class SettableClock(VirtualClock):
    """A virtual clock whose wall can be set; its agenda and ``steady`` go on as if nothing had been."""

    offset = timedelta()

    def now(self) -> datetime:
        return super().now() + self.offset

    def at(self, when: datetime, happening: Callable[[], None]) -> None:
        super().at(when - self.offset, happening)

    def after(self, seconds: float, happening: Callable[[], None]) -> None:
        self.at(self.now() + timedelta(seconds=seconds), happening)

    def next_happening(self) -> datetime | None:
        following = super().next_happening()
        return None if following is None else following + self.offset

    def advance(self, until: datetime) -> None:
        super().advance(until - self.offset)
