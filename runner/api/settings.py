"""How a pod is to be run, out of the keyword arguments of a call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, TypedDict

from msgspec.structs import replace

from runner.core.model import RetryScope
from runner.core.text.times import parse_duration
from runner.errors import UsageError
from runner.kubelet.options import Keep, RunOptions, Until
from runner.retry import RetryPolicy

if TYPE_CHECKING:
    from runner.api.overrides import Overrides
    from runner.core.faults.breakpoints import Breakpoint
    from runner.core.faults.files import FaultLike
    from runner.core.narration import Listener

Seconds: TypeAlias = "float | str | None"
"""Seconds, or a Go duration such as ``1m30s``; None: without limit."""


class How(TypedDict, total=False):
    """The keyword arguments of ``Runner.run`` and ``run_all``; the tests' marker ``pod`` takes them too.

    ``until`` (``initialized``, ``ready`` or ``completed``; by default ``ready``) and ``timeout`` say what is waited for, and
    how long. ``images``, ``commands``, ``env``, ``config`` and ``host_ports`` change the manifests for this run, as
    ``Overrides`` says; ``overrides`` gives them as one value. ``retry``, ``max_restarts``, ``speed``, ``keep``, ``grace``,
    ``artifacts``, ``sandbox_image`` and ``fail_fast`` (here True unless told otherwise) are the flags of the same names;
    ``faults`` are what goes wrong on purpose, each a ``runner.Fault`` or its text (``migrate#0-1:exit=3``),
    ``breakpoints`` where the pods' lives stop, as text (``migrate#1.failed``): the call returns as soon as a pod stands, and
    ``PodHandle.stopped_at`` says how it goes on.
    ``history=True`` keeps a record of the run as ``podrunner run`` does, which a program and a test session do not do by
    themselves: the records of hundreds of tests would push out those that you look for.
    ``options`` is what they change. ``listener`` hears what ``podrunner run`` narrates.
    """

    until: Until | Literal["initialized", "ready", "completed"] | str
    timeout: Seconds
    images: Mapping[str, str]
    commands: Mapping[str, Sequence[str]]
    env: Mapping[str, str | Mapping[str, str | None] | None]
    config: Mapping[str, Mapping[str, str]]
    host_ports: bool
    overrides: Overrides | None
    retry: RetryPolicy | Literal["pod", "container"] | str
    max_restarts: int | None
    speed: float
    keep: Keep | Literal["never", "failed", "always"] | str
    grace: int | None
    artifacts: str | Path | None
    history: bool
    sandbox_image: str
    fail_fast: bool
    faults: Sequence[FaultLike]
    breakpoints: Sequence[Breakpoint | str]
    options: RunOptions | None
    listener: Listener | None


OVERRIDES = ("images", "commands", "env", "config", "host_ports")
_WORKER = ("retry", "max_restarts", "speed", "sandbox_image")


def seconds_of(text: Seconds) -> float | None:
    """A time limit in seconds. Raises UsageError for what is no duration."""
    if not isinstance(text, str):
        return text
    try:
        return parse_duration(text)
    except ValueError as problem:
        raise UsageError(f"{text!r} is no duration: {problem}") from problem


def options_of(how: How, default: RunOptions) -> RunOptions:
    """The options that a call asks for. Raises UsageError (TypeError for an unknown keyword)."""
    given: Mapping[str, Any] = how
    unknown = next((name for name in given if name not in How.__annotations__), None)
    if unknown is not None:
        raise TypeError(f"run() got an unexpected keyword argument {unknown!r}")
    options = given.get("options") or default
    wanted = {name: given[name] for name in _WORKER if name in given}
    if isinstance(wanted.get("retry"), str):
        wanted["retry"] = RetryPolicy(scope=_member(RetryScope, wanted["retry"], "retry"))
    if "keep" in given:
        options = replace(options, keep=_member(Keep, given["keep"], "keep"))
    if "grace" in given:
        options = replace(options, grace=given["grace"])
    if given.get("artifacts") is not None:
        options = replace(options, artifacts=Path(given["artifacts"]))
    if given.get("faults"):
        from runner.core.faults.files import faults_of

        options = replace(options, faults=faults_of(given["faults"]))
    if given.get("breakpoints"):
        from runner.core.faults.breakpoints import breakpoints_of

        options = replace(options, breakpoints=breakpoints_of(given["breakpoints"]))
    if "history" in given:
        options = replace(options, history={"files": [], "options": {}} if given["history"] else None)
    if "fail_fast" in given:
        options = replace(options, fail_fast=bool(given["fail_fast"]))
    limit = seconds_of(given.get("timeout"))
    if limit is not None and limit <= 0:
        raise UsageError("timeout must be longer than nothing")
    until = _member(Until, given.get("until", Until.READY), "until")
    return replace(options, worker=replace(options.worker, **wanted), until=until, timeout=limit)


def overrides_of(how: How, default: Mapping[str, Any]) -> Overrides:
    """The changes to manifests that a call asks for, on top of those that always apply."""
    from runner.api.overrides import Overrides

    given: Mapping[str, Any] = how
    whole: Overrides | None = given.get("overrides")
    return whole or Overrides(**{**default, **{name: given[name] for name in OVERRIDES if name in given}})


def _member(kind: Any, value: Any, name: str) -> Any:
    try:
        return kind(value)
    except ValueError:
        raise UsageError(f"{name} must be one of {', '.join(kind)}, not {value!r}") from None
