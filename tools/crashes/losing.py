"""What never happens in a pod's life when something fails, or no node is there, for so long that something else comes first."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from runner.lab.crashes import Kind
from tools.crashes.lives import Facts

MANY: Final = 1000
AWAY_SECONDS: Final = 15.0
"""When no node was there for so long a pod may not have begun by the time at which it is deleted."""
LOST: Final[Mapping[str, int]] = {"restart-rules": 1, "deletion-during-init": MANY}
"""How many starts of a container something that comes at a time of its own may cut off.

RestartAllContainers goes before everything that is to be started (computePodActions, kuberuntime_manager.go): a container that
waits for its restart then does not restart a second time. A pod that is deleted starts nothing any more.
"""


def lost(pod: str, facts: Facts) -> int:
    """How many starts of each container of a pod may be missing after a life."""
    is_endless = any(strike.kind is Kind.ERROR_FOR_EVER for strike in facts.struck)
    return LOST.get(pod, 0) if is_endless or facts.away >= AWAY_SECONDS else 0


def is_cut_off(pod: str, facts: Facts) -> bool:
    """Whether everything that was to come may be missing, and what was to be stopped may have ended by itself."""
    return lost(pod, facts) == MANY
