"""Commands run in the container, for probes and for hooks.

Mirrors pkg/probe/exec/exec.go, prober.go (newExecInContainer) and container/helpers.go (ExpandContainerCommandOnlyStatic).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from runner.core.container.expansion import TooLong, expand
from runner.core.model import Container
from runner.core.sync.probing import ProbeRun, RunResult
from runner.core.text.gotext import join_list, quote
from runner.core.text.times import format_duration
from runner.engine.protocol import ExecResult, ExecTimeout
from runner.errors import EngineError
from runner.kubelet.prober.handlers.contract import ExecEngine, HookOutcome, Target

OUTPUT_LIMIT: Final = 10 * 1024
_HOOK_OUTPUT_LIMIT: Final = 16 * 1024 * 1024  # the runtime's own

# The Engine reports a process that could not start like one that ended with these codes.
_NEVER_RAN_CODES: Final = (126, 127)
_NEVER_RAN: Final = b"OCI runtime exec failed: "


def run_probe(engine: ExecEngine, target: Target, command: Sequence[str], timeout: int) -> ProbeRun:
    """Run a probe's command: exit code 0 is success."""
    try:
        expanded = expand_command(command, target.container)
    except TooLong as problem:
        return ProbeRun(result=RunResult.ERROR, output=str(problem))
    try:
        ended = engine.exec(target.container_id, expanded, timeout=timeout, limit=OUTPUT_LIMIT)
    except ExecTimeout:
        return ProbeRun(result=RunResult.FAILURE, output=_timed_out(expanded, timeout))
    except EngineError as problem:
        return ProbeRun(result=RunResult.ERROR, output=str(problem))
    if _never_ran(ended):
        return ProbeRun(result=RunResult.ERROR, output=_text(ended.output).strip())
    result = RunResult.SUCCESS if ended.exit_code == 0 else RunResult.FAILURE
    return ProbeRun(result=result, output=_text(ended.output))


def run_hook(engine: ExecEngine, target: Target, command: Sequence[str], timeout: float | None) -> HookOutcome:
    """Run a hook's command as it is written."""
    output, timed_out = b"", False
    try:
        ended = engine.exec(target.container_id, list(command), timeout=timeout, limit=_HOOK_OUTPUT_LIMIT)
    except ExecTimeout:
        error, timed_out = _timed_out(command, timeout or 0), True
    except EngineError as problem:
        error = str(problem)
    else:
        if ended.exit_code == 0:
            return HookOutcome(ok=True)
        if _never_ran(ended):
            error = _text(ended.output).strip()
        else:
            output = ended.output
            error = f"command '{' '.join(command)}' exited with {ended.exit_code}: {_text(ended.stderr)}"
    message = (
        f"Exec lifecycle hook ({join_list(command)}) for Container {quote(target.container.name)} "
        f"in Pod {quote(target.pod.full_name)} failed - error: {error}, message: {quote(_text(output))}"
    )
    return HookOutcome(ok=False, message=message, timed_out=timed_out)


def expand_command(command: Sequence[str], container: Container) -> list[str]:
    """Replace ``$(VAR)`` by the literal values in the container's ``env`` list, and by no other variable."""
    values = {str(e.get("name", "")): str(e.get("value") or "") for e in container.manifest.get("env") or ()}
    return [expand(word, values) for word in command]


def _never_ran(ended: ExecResult) -> bool:
    return ended.exit_code in _NEVER_RAN_CODES and ended.output.startswith(_NEVER_RAN)


def _timed_out(command: Sequence[str], timeout: float) -> str:
    return f"command timed out: {quote(' '.join(command))} timed out after {format_duration(timeout)}"


def _text(output: bytes) -> str:
    return output.decode("utf-8", "replace")
