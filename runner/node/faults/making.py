"""The faults of a run: checked before it begins, and what injects them."""

from __future__ import annotations

from collections.abc import Sequence

from runner.clock import Clock
from runner.core.cast import names_of
from runner.core.faults.checking import check_faults
from runner.core.faults.kinds import Aim
from runner.core.faults.model import Fault
from runner.core.manifest.types import LoadedObject
from runner.engine.protocol import Engine
from runner.errors import UsageError
from runner.node.faults.agenda import ThreadAgenda
from runner.node.faults.injector import Injector


def check(faults: Sequence[Fault], objects: Sequence[LoadedObject]) -> None:
    """See that each fault can concern something of what was loaded. Raises UsageError."""
    check_faults(faults, names_of(objects, "default"), objects)


def refuse_what_cannot_be(faults: Sequence[Fault], engine: Engine, sandbox_image: str = "") -> None:
    """See that the Engine can do what the faults need. Raises UsageError.

    ``sandbox_image``: the image of sandboxes, if it is not podrunner's own.
    """
    inside = next((fault for fault in faults if fault.aim in (Aim.DNS, Aim.NET)), None)
    if inside is not None and sandbox_image:
        text = f'fault "{inside}": sandboxes are made of {sandbox_image}, which has nothing that could do this'
        raise UsageError(text, hint="leave --sandbox-image out")
    killed = next((fault for fault in faults if fault.aim is Aim.CONTAINER and fault.kind == "oom"), None)
    if killed is not None and not engine.info().limits_memory:
        text = f'fault "{killed}": the Engine enforces no limits of memory, so nothing is killed for it'
        hint = "it needs the cgroup controller memory; without root, delegate it to the user"
        raise UsageError(text, hint=hint)


def injector_of(faults: Sequence[Fault], clock: Clock) -> Injector:
    """What injects faults into a run on the machine's clock."""
    return Injector(faults, clock, ThreadAgenda(clock))
