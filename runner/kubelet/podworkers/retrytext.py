"""Says what a retry does: why, when, in which scope, and what the other scope would do."""

from __future__ import annotations

from runner.core.model import Container, Pod, RetryScope
from runner.core.sync.operations import Hold, Remove, Start
from runner.core.text.times import format_duration
from runner.kubelet.options import WorkerOptions


def retry_text(
    pod: Pod, container: Container, operation: Start | Remove | Hold, options: WorkerOptions
) -> tuple[str, str]:
    """Return a sentence about a restart, and a note on the retry scope; the note is the same each time."""
    scope = options.retry.scope
    if not isinstance(operation, Hold):
        why = operation.cause if isinstance(operation, Remove) else f"{container.name}: {operation.cause}"
        return _in_scope(pod, container, f"{why}; at once, attempt {operation.attempt}", scope)
    wait = format_duration(round(operation.delay / options.speed, 3))
    nominal = "" if options.speed == 1 else f" ({format_duration(operation.delay)} at normal speed)"
    text = f"{container.name}: {operation.cause}; back-off {wait}{nominal}, then attempt {operation.attempt}"
    return _in_scope(pod, container, text, scope)


def _in_scope(pod: Pod, container: Container, text: str, scope: RetryScope) -> tuple[str, str]:
    if not container.is_regular_init:
        return text, ""
    if any(rule.implied for rule in container.rules):
        return f"{text} of the whole pod", f"--retry pod; --retry container would repeat {container.name} alone"
    if scope is RetryScope.CONTAINER and not container.rules:
        first = pod.init_containers[0].name
        return f"{text} of {container.name} alone", f"--retry container; --retry pod would start again from {first}"
    return text, "by the rules of the manifest"
