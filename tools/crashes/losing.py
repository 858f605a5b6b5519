"""What never happens in a pod's life when something fails for so long that something else comes first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from runner.lab.crashes import Point

MANY: Final = 1000
LOST: Final[Mapping[str, int]] = {"restart-rules": 1, "deletion-during-init": MANY}
"""How many starts of a container something that comes at a time of its own may cut off.

RestartAllContainers goes before everything that is to be started (computePodActions, kuberuntime_manager.go): a container that
waits for its restart then does not restart a second time. A pod that is deleted starts nothing any more.
"""


def lost(pod: str, endless: Sequence[Point]) -> int:
    """How many starts of each container of a pod may be missing when this fails for ever."""
    return LOST.get(pod, 0) if endless else 0


def is_cut_off(pod: str, endless: Sequence[Point]) -> bool:
    """Whether everything that was to come may be missing, and what was to be stopped may have ended by itself."""
    return lost(pod, endless) == MANY
