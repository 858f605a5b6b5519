"""Which container of a pod is meant when none is named, in kubectl's words (pkg/cmd/util/podcmd/podcmd.go)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from runner.core.model import Pod
from runner.errors import UsageError

ANNOTATION: Final = "kubectl.kubernetes.io/default-container"


def chosen_container(pod: Pod, named: str | None, note: Callable[[str], None]) -> str:
    """The container that is named, else the annotated one, else the first; ``note`` is told when there was a choice.

    Raises UsageError for one that the pod does not have.
    """
    wanted = named or str(pod.annotations.get(ANNOTATION) or "")
    if wanted:
        if wanted not in _names(pod):
            raise UsageError(f"container {wanted} is not valid for pod {pod.name} out of: {pod.choices}")
        return wanted
    return _first(pod, note)


def logged_container(pod: Pod, note: Callable[[str], None]) -> str:
    """The same for logs when none is named: an annotation of a container that there is not is told and passed over.

    Mirrors kubectl pkg/polymorphichelpers/logsforobject.go.
    """
    annotated = str(pod.annotations.get(ANNOTATION) or "")
    if annotated in _names(pod):
        return annotated
    if annotated:
        note(f'Default container name "{annotated}" not found in pod {pod.name}')
    return _first(pod, note)


def _names(pod: Pod) -> list[str]:
    return [one.name for one in (*pod.all_containers(), *pod.ephemeral_containers)]


def _first(pod: Pod, note: Callable[[str], None]) -> str:
    first = pod.containers[0].name
    if len(_names(pod)) > 1:
        note(f'Defaulted container "{first}" out of: {pod.choices}')
    return first
