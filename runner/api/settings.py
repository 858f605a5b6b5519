"""The options of a run out of the keyword arguments of a call."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from runner.api.pods import Seconds, seconds_of
from runner.core.model import RetryScope
from runner.errors import UsageError
from runner.retry import RetryPolicy
from runner.runtime.options import Keep, RunOptions, Until

OVERRIDES = ("images", "commands", "env", "config", "host_ports")
"""Keywords that change manifests (``runner.api.overrides``)."""
_WORKER = ("retry", "max_restarts", "speed", "sandbox_image")
_RUN = ("keep", "grace", "artifacts")


def changed_options(
    options: RunOptions, *, until: Until | str, timeout: Seconds, changes: Mapping[str, Any]
) -> RunOptions:
    """The options with the changes that a call asks for. Raises UsageError (TypeError for a keyword that nobody knows)."""
    unknown = next((name for name in changes if name not in (*OVERRIDES, *_WORKER, *_RUN)), None)
    if unknown is not None:
        raise TypeError(f"run() got an unexpected keyword argument {unknown!r}")
    wanted = {name: changes[name] for name in _WORKER if name in changes}
    if isinstance(wanted.get("retry"), str):
        wanted["retry"] = RetryPolicy(scope=_member(RetryScope, wanted["retry"], "retry"))
    worker = replace(options.worker, **wanted)
    if "keep" in changes:
        options = replace(options, keep=_member(Keep, changes["keep"], "keep"))
    if "grace" in changes:
        options = replace(options, grace=changes["grace"])
    if changes.get("artifacts") is not None:
        options = replace(options, artifacts=Path(changes["artifacts"]))
    limit = seconds_of(timeout)
    if limit is not None and limit <= 0:
        raise UsageError("timeout must be longer than nothing")
    return replace(options, worker=worker, until=_member(Until, until, "until"), timeout=limit)


def _member(kind: Any, value: Any, name: str) -> Any:
    try:
        return kind(value)
    except ValueError:
        raise UsageError(f"{name} must be one of {', '.join(kind)}, not {value!r}") from None
