"""What the stand-in does in a simulated container: the orders of an injected fault, in place of its script."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from runner.core.faults.standin import MISSING, orders_of
from runner.engine.simulated.script import Attempt, OnTerm

START_ERROR = (
    "failed to create task for container: failed to create shim task: OCI runtime create failed: runc create failed: "
    f'unable to start container process: exec: "{MISSING}": stat {MISSING}: no such file or directory: unknown'
)


def as_ordered(attempt: Attempt, entrypoint: Sequence[str] | None) -> Attempt:
    """What a run does when its entry point is the stand-in, or nothing that there is."""
    if entrypoint is None:
        return attempt
    if tuple(entrypoint) == (MISSING,):
        return Attempt(start_error=START_ERROR)
    orders = orders_of(entrypoint)
    if orders is None:
        return attempt
    if orders.runs and orders.until is None and not orders.is_last:
        return replace(attempt, after=None if attempt.after is None else attempt.after + orders.wait)
    if orders.until is not None and attempt.after is not None and attempt.after <= orders.until:
        return attempt
    if orders.is_last:
        after = None if attempt.after is None else attempt.after + orders.wait
        return replace(attempt, after=after, exit_code=orders.exit_code or 0)
    if orders.hangs:
        return Attempt(after=None, on_term=OnTerm(ignore=True))
    return Attempt(exit_code=orders.exit_code or 0, oom=orders.oom, after=orders.wait + (orders.until or 0.0))
