"""Finding stored pods, and the sentences for what is not there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from runner.core.kindwords import PODS
from runner.core.owners import MAKES
from runner.core.owners import pods_of as owned_pods
from runner.errors import UsageError

if TYPE_CHECKING:
    from runner.cli.app import App
    from runner.core.model import Object


def find_pod(app: App, namespace: str, name: str) -> Object:
    """The pod. Raises UsageError when there is none."""
    return app.runner.client.get(PODS.kind, namespace, name)


def find_pods(app: App, namespace: str | None, names: Sequence[str]) -> list[Object]:
    """The named pods in that order, or all of the namespace (None: of all namespaces). Raises UsageError."""
    if names:
        if namespace is None:
            raise UsageError("a resource cannot be retrieved by name across all namespaces")
        return [find_pod(app, namespace, name) for name in names]
    return app.runner.client.list(PODS.kind, namespace).items


def nothing_found(namespace: str | None, what: str = "resources") -> str:
    return f"No {what} found" + (f" in {namespace} namespace." if namespace is not None else "")


def pods_of(app: App, value: Object) -> list[Object]:
    """The pods that a workload owns, a Deployment's by its ReplicaSet, a CronJob's by its Job."""
    client, namespace, made = app.runner.client, str(value["metadata"]["namespace"]), MAKES.get(value["kind"])
    between = client.list(made, namespace).items if made else []
    return owned_pods(value, client.list(PODS.kind, namespace).items, between)
