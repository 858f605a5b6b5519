"""Says what a retry does: why, when, in which scope, and what the other scope would do."""

from __future__ import annotations

from runner.core.model import Container, RetryScope
from runner.core.sync.operations import Hold, Remove, Start
from runner.core.text.times import format_duration
from runner.kubelet.loop.context import PodContext


def retry_text(context: PodContext, container: Container, operation: Start | Remove | Hold) -> tuple[str, str]:
    """Return a sentence about a restart, and a note on the retry scope; the note is the same each time."""
    if not isinstance(operation, Hold):
        why = operation.cause if isinstance(operation, Remove) else f"{container.name}: {operation.cause}"
        return _in_scope(context, container, f"{why}; at once, attempt {operation.attempt}")
    wait = format_duration(round(operation.delay / context.options.speed, 3))
    nominal = "" if context.options.speed == 1 else f" ({format_duration(operation.delay)} at normal speed)"
    text = f"{container.name}: {operation.cause}; back-off {wait}{nominal}, then attempt {operation.attempt}"
    return _in_scope(context, container, text)


def _in_scope(context: PodContext, container: Container, text: str) -> tuple[str, str]:
    if not container.is_regular_init:
        return text, ""
    if any(rule.implied for rule in container.rules):
        return f"{text} of the whole pod", f"--retry pod; --retry container would repeat {container.name} alone"
    if context.options.retry.scope is RetryScope.CONTAINER and not container.rules:
        first = context.pod.init_containers[0].name
        return f"{text} of {container.name} alone", f"--retry container; --retry pod would start again from {first}"
    return text, "by the rules of the manifest"
