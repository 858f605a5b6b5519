"""What keeps a pod from running its containers and would be tried again for ever: images, references, ports, mounts.

A kubelet has no last attempt for these. A run that is not to wait for ever has one: ``max_restarts`` more attempts than the
first, as for containers that fail. Containers that end are none of them: those are restarted, and counted, by the restart
policy.
"""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct

from runner.core.reasons import WaitingReason

SANDBOX = "the pod's sandbox"
VOLUMES = "the pod's volumes"
"""No container can have these names."""
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

_OF_THE_POD = ("breaks non-root policy", "image will run as root", "non-numeric user")
"""Said of a container that is to be root and must not be (pkg/kubelet/kuberuntime/security_context_others.go)."""

GivesUp = Callable[[int, float], bool]
"""Whether the n-th restart, so many seconds after the beginning, is one too many."""


class Trouble(Struct, frozen=True, kw_only=True):
    """A cause: ``what`` is a container's name, ``SANDBOX`` or ``VOLUMES``; ``may_pass``: it may be over in a moment."""

    what: str
    reason: str
    message: str
    attempts: int = 1
    may_pass: bool = False

    @property
    def is_final(self) -> bool:
        """Whether no attempt can go better: the pod itself is at fault, whatever becomes of registries, images and objects."""
        if self.reason == WaitingReason.CREATE_CONTAINER_CONFIG_ERROR:
            return any(words in self.message for words in _OF_THE_POD)
        return self.reason == WaitingReason.INVALID_IMAGE_NAME

    def is_hopeless(self, max_restarts: int | None, gives_up: GivesUp | None) -> bool:
        """Whether it has been tried as often as is allowed; what is final, once.

        Without a limit once; what may pass, as a registry that does not answer, twice.
        """
        if self.is_final:
            return True
        if max_restarts is not None:
            return self.attempts > max_restarts
        if gives_up is not None:
            return gives_up(self.attempts, 0.0)
        return self.attempts > int(self.may_pass)

    def __str__(self) -> str:
        about = self.what if self.what in (SANDBOX, VOLUMES) else f"container {self.what}"
        count = "" if self.attempts == 1 else f" ({self.attempts} attempts)"
        return f"{about}: {self.reason}: {self.message}{count}"
