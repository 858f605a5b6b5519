"""What a run says when a pod stands at a breakpoint: where, how to look, and how to go on."""

from __future__ import annotations

from collections.abc import Sequence

from runner.core.narration import Stood

_PLACES = {"created": "is created, not started", "running": "runs", "ended": "has ended", "failed": "has failed"}


def standing_lines(told: Stood) -> Sequence[str]:
    """The lines, without colours, none longer than names make it."""
    pod, container, where = told.ref.name, told.container, _PLACES[told.place]
    space = "" if told.ref.namespace == "default" else f" -n {told.ref.namespace}"
    code = "" if told.exit_code is None else f" (exit code {told.exit_code})"
    look = f"podrunner logs {pod} -c {container}{space}"
    if told.place == "running":
        inside = f"podrunner shell {pod} -c {container}{space}"
    else:
        inside = f"docker diff {told.container_id[:12]}"
    return (
        f"pod/{pod} stands still: attempt {told.attempt} of {container} {where}{code}",
        f"  look:   {look}",
        f"          {inside}",
        f"  go on:  podrunner continue {pod}{space}  [--retry | --skip | --fail]",
    )
