"""The node or the scheduler has the last word: evictions, preemptions, nodes that are gone, pods that fit nowhere."""

from __future__ import annotations

from collections.abc import Iterator

from runner.core.explain.case import Case
from runner.core.explain.finding import Cause, Certainty, Finding, Quote
from runner.core.explain.words import one_line
from runner.core.model import EMPTY

_ROOM = (
    "the pod had to make room for a more important one",
    "give it a higher priorityClassName, or wait until there is room",
)
_SHUT = ("the pod was ended with its node", "let a Job or Deployment own the pod, so that it begins again elsewhere")
_REASONS = {
    "Evicted": (Cause.EVICTED, "the node has evicted the pod", ""),
    "Preempting": (Cause.PREEMPTED, *_ROOM),
    "Preempted": (Cause.PREEMPTED, *_ROOM),
    "NodeLost": (Cause.NODE_GONE, "the pod's node is gone", "see what became of the node: `kubectl get nodes`"),
    "NodeShutdown": (Cause.NODE_GONE, *_SHUT),
    "Shutdown": (Cause.NODE_GONE, *_SHUT),
    "Terminated": (Cause.NODE_GONE, *_SHUT),
}
_NOT_ADMITTED = ("UnexpectedAdmissionError", "NodeAffinity", "TopologyAffinityError", "SysctlForbidden", "AppArmor")
_STORAGE = "ephemeral"


def ended_by_node(case: Case) -> Iterator[Finding]:
    """The pod's own reason names what its node did to it."""
    reason, message = str(case.status.get("reason") or ""), one_line(case.status.get("message") or "")
    quote = Quote("status.reason", f"{reason}: {message}" if message else reason)
    if reason in _REASONS:
        cause, sentence, then = _REASONS[reason]
        yield _of_pod(cause, f"{sentence}{f': {message}' if message else ''}", then or _room(message), quote)
    elif reason in _NOT_ADMITTED or reason.startswith("OutOf"):
        text = f"the node did not take the pod: {message or reason}"
        yield _of_pod(Cause.NOT_ADMITTED, text, "ask for what a node has, or name another node", quote)


def _room(message: str) -> str:
    """What to do about an eviction."""
    if _STORAGE in message:
        return "write less, or raise resources.limits.ephemeral-storage (sizeLimit of an emptyDir)"
    return "give the containers requests near what they use, or free the node of what it is short of"


def fits_nowhere(case: Case) -> Iterator[Finding]:
    """The scheduler finds no node; claims and host ports are told as what they are."""
    scheduled = next((one for one in case.status.get("conditions") or () if one.get("type") == "PodScheduled"), EMPTY)
    event = case.told("FailedScheduling")
    if scheduled.get("status") == "False":
        message = str(scheduled.get("message") or (event or EMPTY).get("message") or "")
        quote = Quote("condition PodScheduled", one_line(message))
    elif event is not None and not (case.spec.get("nodeName") or case.told("Scheduled")):
        message, quote = str(event.get("message")), case.quote_event(event)
    else:
        return
    if "persistentvolumeclaim" in message or "PersistentVolumeClaims" in message:
        return  # A rule of its own.
    if "free ports for the requested pod ports" in message:
        then = "drop hostPort, or choose one that is free on some node"
        yield _of_pod(Cause.HOST_PORT_TAKEN, "no node has the host port of the pod free", then, quote)
        return
    short = one_line(message.partition(" preemption:")[0], 140)
    yield _of_pod(Cause.UNSCHEDULABLE, f"no node takes the pod: {short}", _advice(message), quote)


def _advice(message: str) -> str:
    if "no node holds this pod" in message:
        return "`podrunner run` brings a node for what it is given"
    if "Insufficient" in message:
        return "lower resources.requests, or add a node with room"
    if "taint" in message:
        return "add the toleration for that taint, or use other nodes"
    if "affinity" in message or "selector" in message:
        return "change nodeSelector or affinity, or label a node"
    return "see the nodes: `kubectl describe nodes`"


def sandbox(case: Case) -> Iterator[Finding]:
    """The pod's sandbox, its network above all, could not be made."""
    event = case.told("FailedCreatePodSandBox")
    if event is None or any(one.running or one.ended for one in case.containers):
        return
    cause = one_line(str(event.get("message")).removeprefix("Failed to create pod sandbox: "), 140)
    then = "free the host port or mend the network of the node, as the message says"
    yield _of_pod(Cause.SANDBOX_FAILED, f"the pod's sandbox cannot be made: {cause}", then, case.quote_event(event))


def _of_pod(cause: Cause, sentence: str, then: str, quote: Quote) -> Finding:
    return Finding(cause=cause, certainty=Certainty.CERTAIN, sentence=sentence, next=then, evidence=(quote,))
