"""A pod that runs with faults, as those see it who inject them."""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct

from runner.core.faults.model import Fault
from runner.core.model import Pod
from runner.kubelet.loop.reporter import Reporter


class Attached(Struct, frozen=True):
    """A pod that runs here, its faults, and who speaks of it. ``reboot`` is called with its uid when its node has come back."""

    pod: Pod
    reporter: Reporter
    faults: tuple[Fault, ...]
    reboot: Callable[[str], None]
