"""What keeps a pod from going on and does not end by itself: a kubelet would try it again for ever.

Each cause counts its attempts until one goes well. Processes that end are none of them: those are restarted, and counted, by
the restart policy.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from msgspec import Struct

from runner.core.reasons import WaitingReason
from runner.kubelet.options import WorkerOptions

SANDBOX = "sandbox"
VOLUMES = "volumes"
ENDLESS = frozenset(
    {
        WaitingReason.ERR_IMAGE_PULL,
        WaitingReason.ERR_IMAGE_NEVER_PULL,
        WaitingReason.INVALID_IMAGE_NAME,
        WaitingReason.IMAGE_INSPECT_ERROR,
        WaitingReason.REGISTRY_UNAVAILABLE,
        WaitingReason.SIGNATURE_VALIDATION_FAILED,
        WaitingReason.CREATE_CONTAINER_CONFIG_ERROR,
        WaitingReason.CREATE_CONTAINER_ERROR,
        WaitingReason.RUN_CONTAINER_ERROR,
    }
)
"""The waiting reasons of containers that cannot be started."""


class Trouble(Struct, frozen=True, kw_only=True):
    """A cause: ``what`` is a container's name, ``sandbox`` or ``volumes``; ``may_pass``: it may be over in a moment."""

    what: str
    reason: str
    message: str
    attempts: int = 1
    may_pass: bool = False

    def is_hopeless(self, options: WorkerOptions) -> bool:
        """Whether it has been tried as often as the options allow.

        Without a limit of theirs once; what may pass, as a registry that does not answer, twice.
        """
        if options.max_restarts is not None:
            return self.attempts > options.max_restarts
        if options.retry.may_give_up:
            return options.retry.gives_up(self.attempts)
        return self.attempts > int(self.may_pass)

    def __str__(self) -> str:
        about = f"the pod's {self.what}" if self.what in (SANDBOX, VOLUMES) else f"container {self.what}"
        count = "" if self.attempts == 1 else f" ({self.attempts} attempts)"
        return f"{about}: {self.reason}: {self.message}{count}"


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

    def hopeless(self, options: WorkerOptions) -> Trouble | None:
        """A cause that has been tried often enough. May be asked by any thread."""
        return next((trouble for trouble in self._known.values() if trouble.is_hopeless(options)), None)
