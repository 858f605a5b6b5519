"""Whether a pod has a usable sandbox, and what is wrong where it has none.

Mirrors pkg/kubelet/kuberuntime/util/util.go (PodSandboxChanged).
"""

from __future__ import annotations

from enum import Enum

from runner.core.model import Pod
from runner.core.observed import Observed


class SandboxFault(Enum):
    """What makes a new sandbox necessary: the cause that a plan gives, and the message of the pod's condition."""

    MISSING = ("the pod has no sandbox", "no pod sandbox exists")
    SEVERAL = ("more than one sandbox is ready", "multiple pod sandboxes are ready")
    NOT_READY = ("the sandbox is not ready", "pod sandbox is not ready")
    NETWORK_MODE = ("the sandbox's network mode differs", "pod sandbox has another network namespace mode")
    NO_ADDRESS = ("the sandbox has no IP address", "pod sandbox has no IP address")

    def __init__(self, cause: str, message: str) -> None:
        self.cause = cause
        self.message = message


def sandbox_fault(pod: Pod, observed: Observed) -> SandboxFault | None:
    """What is wrong with the pod's newest sandbox; None when it can be used."""
    if not observed.sandboxes:
        return SandboxFault.MISSING
    newest = observed.sandboxes[0]
    if observed.sandboxes[1:] and sum(sandbox.ready for sandbox in observed.sandboxes) > 1:
        return SandboxFault.SEVERAL
    if not newest.ready:
        return SandboxFault.NOT_READY
    if newest.host_network != pod.host_network:
        return SandboxFault.NETWORK_MODE
    return None if newest.ip or pod.host_network else SandboxFault.NO_ADDRESS
