"""Requests to delete a workload that another process runs: written into the store, taken by the process that runs it.

A note of its own instead of a field of the workload, which its process writes again and again.
"""

from __future__ import annotations

from runner.core.model import Json
from runner.registry.contract import Registry

KIND = "DeletionRequest"


def request_deletion_of(store: Registry, value: Json, grace: int | None) -> None:
    """Ask for a workload's deletion; ``grace`` in seconds for its pods, None: their own."""
    metadata = value["metadata"]
    note = {"name": str(metadata["uid"]), "namespace": str(metadata["namespace"])}
    spec = {} if grace is None else {"gracePeriodSeconds": grace}
    value = {"apiVersion": "dev.podrunner/v1", "kind": KIND, "metadata": note, "spec": spec}
    store.change(KIND, note["namespace"], note["name"], lambda _: value)


def deletion_asked_of(store: Registry, value: Json) -> tuple[bool, int | None]:
    """Whether a workload's deletion was asked for, and the grace for its pods."""
    found = store.get(KIND, str(value["metadata"]["namespace"]), str(value["metadata"]["uid"]))
    return found is not None, None if found is None else found["spec"].get("gracePeriodSeconds")


def forget_request(store: Registry, value: Json) -> None:
    """Remove a request that has been fulfilled, or that no node is there to fulfil."""
    store.delete(KIND, str(value["metadata"]["namespace"]), str(value["metadata"]["uid"]))
