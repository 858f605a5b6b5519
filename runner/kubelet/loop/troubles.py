"""The troubles of one pod while it runs: each cause counts its attempts until one goes well."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from runner.core.troubles import ENDLESS, SANDBOX, VOLUMES, Trouble
from runner.kubelet.options import WorkerOptions

__all__ = ["ENDLESS", "SANDBOX", "VOLUMES", "Trouble", "Troubles"]


@dataclass(slots=True)
class Troubles:
    """The causes that hold one pod now; ``changed`` is called when there is one more attempt that has failed."""

    changed: Callable[[], None] = lambda: None
    _known: dict[str, Trouble] = field(default_factory=dict)
    _passing: set[str] = field(default_factory=set)

    def may_pass(self, what: str) -> None:
        """The failure that is told of next is of a kind that may be over in a moment."""
        self._passing.add(what)

    def failed(self, what: str, reason: str, message: str) -> None:
        """One more attempt has failed."""
        passing = what in self._passing
        self._passing.discard(what)
        before = self._known.get(what)
        attempts = 1 if before is None or before.reason != reason else before.attempts + 1
        trouble = Trouble(what=what, reason=reason, message=message, attempts=attempts, may_pass=passing)
        self._known = {**self._known, what: trouble}
        self.changed()

    def is_over(self, what: str) -> None:
        """An attempt went well."""
        if what in self._known:
            self._known = {name: trouble for name, trouble in self._known.items() if name != what}

    @property
    def known(self) -> tuple[Trouble, ...]:
        """All of them. May be asked by any thread."""
        return tuple(self._known.values())

    def hopeless(self, options: WorkerOptions) -> Trouble | None:
        """A cause that has been tried often enough. May be asked by any thread."""
        gives_up = options.retry.gives_up if options.retry.may_give_up else None
        return next((one for one in self.known if one.is_hopeless(options.max_restarts, gives_up)), None)
