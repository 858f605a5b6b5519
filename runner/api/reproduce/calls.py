"""What a program calls without a Runner of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Unpack

if TYPE_CHECKING:
    from runner.api.inputs import Manifest
    from runner.api.settings import How
    from runner.core.repeats.outcomes import Repeats


def repeat(*manifests: Manifest, n: int = 20, parallel: int = 1, **how: Unpack[How]) -> Repeats:
    """Run the pods of manifests ``n`` times with the state and the Engine of the environment; see ``Runner.repeat``."""
    from runner.api.facade import Runner

    with Runner() as runner:
        return runner.repeat(*manifests, n=n, parallel=parallel, **how)
