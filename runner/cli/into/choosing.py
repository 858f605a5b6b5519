"""The pod that a word of the command line means: by its name, or one of a workload or Service."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runner.cli.app import POD_WORDS, pod_name
from runner.cli.lookup import find_pod, pods_of
from runner.cli.resources import asked
from runner.core.kindwords import PODS, WORKLOADS
from runner.core.selectors import labels_of
from runner.errors import UsageError

if TYPE_CHECKING:
    from runner.cli.app import App
    from runner.core.model import Object


def pod_for(app: App, namespace: str, word: str) -> Object:
    """``POD``, ``pod/POD``, ``deploy/NAME`` or ``svc/NAME``: of several pods a ready one, then the one that runs longest.

    Raises NoSuchObject, and UsageError for a kind that has no pods. Mirrors kubectl's pkg/polymorphichelpers.
    """
    if "/" not in word or word.partition("/")[0] in POD_WORDS:
        return find_pod(app, namespace, pod_name(word))
    (one,) = asked([word])
    (value,) = one.resource.read(app, namespace, one.names)
    kind = one.resource.words.kind
    if kind in WORKLOADS:
        pods = pods_of(app, value)
    elif kind == "Service":
        wanted = (value.get("spec") or {}).get("selector") or {}
        found = app.runner.client.list(PODS.kind, namespace).items if wanted else []
        pods = [pod for pod in found if wanted.items() <= dict(labels_of(pod)).items()]
    else:
        raise UsageError(f"cannot attach to {word}: only pods, workloads and Services have containers")
    if not pods:
        raise UsageError(f"{word} has no pods")
    return min(pods, key=_order)


def _order(pod: Object) -> tuple[bool, bool, str]:
    status = pod.get("status") or {}
    is_ready = any(c.get("type") == "Ready" and c.get("status") == "True" for c in status.get("conditions") or ())
    return status.get("phase") != "Running", not is_ready, str(pod["metadata"].get("creationTimestamp"))
