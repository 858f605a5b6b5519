"""Graceful deletion: a pod that is to go is changed first, and removed by its node when everything of it is gone."""

from __future__ import annotations

from datetime import datetime

from runner.core.admission import why_unscheduled
from runner.core.model import Json
from runner.core.text.times import format_time, later, parse_time
from runner.registry.contract import Object, Registry, name_of


def pod_of(registry: Registry, uid: str) -> Object | None:
    """The pod of a uid; None where there is none, or something else has it: a Service's proxy carries its Service's."""
    found = registry.get_by_uid(uid)
    return found if found is not None and found["kind"] == "Pod" else None


def request_deletion(registry: Registry, uid: str, at: datetime, grace: int) -> Object | None:
    """Set deletionTimestamp (when the grace ends) and deletionGracePeriodSeconds; a repeat may only shorten the grace.

    ``grace`` in seconds; a negative one counts as one second (k8s.io/apiserver pkg/registry/rest/delete.go BeforeDelete).
    Returns the object as it is then; None when it is gone.
    """
    with registry.transaction():
        found = pod_of(registry, uid)
        if found is None:
            return None
        return registry.change("Pod", *name_of(found), lambda old: None if old is None else deleted(old, at, grace))


def deleted(old: Json, at: datetime, grace: int) -> Object | None:
    """The object after a request to delete it; None when the request changes nothing.

    Times have whole seconds. Mirrors k8s.io/apiserver pkg/registry/rest/delete.go BeforeDelete: the first request is a new
    generation, a shorter grace counts from the first request.
    """
    metadata = old["metadata"]
    grace = 1 if grace < 0 else grace
    end = parse_time(metadata.get("deletionTimestamp"))
    if end is None:
        change: Object = {"generation": metadata.get("generation", 1) + 1}
        end = later(at, grace)
    else:
        before = metadata.get("deletionGracePeriodSeconds") or 0
        if grace >= before:
            return None
        change, end = {}, later(end, grace - before)
    change.update(deletionTimestamp=format_time(end), deletionGracePeriodSeconds=grace)
    return {**old, "metadata": {**metadata, **change}}


def remove_unheld(registry: Registry, uid: str) -> bool:
    """Remove a pod that no node has ever held: nothing has to end. Returns whether it is gone.

    Mirrors pkg/registry/core/pod/strategy.go (CheckGracefulDelete): a pod that is not scheduled is deleted immediately.
    """
    with registry.transaction():  # A node may be about to take it.
        found = pod_of(registry, uid)
        if found is not None and (registry.ledger.holder(uid) or not why_unscheduled(found)):
            return False
        forget_pod(registry, uid)
        return True


def forget_pod(registry: Registry, uid: str) -> None:
    """Remove a pod of which nothing is left; its events stay for an hour."""
    with registry.transaction():
        found = pod_of(registry, uid)
        if found is not None:
            registry.delete("Pod", *name_of(found), uid=uid)
