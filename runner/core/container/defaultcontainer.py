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
    names = [one.name for one in (*pod.all_containers(), *pod.ephemeral_containers)]
    wanted = named or str(pod.annotations.get(ANNOTATION) or "")
    if wanted:
        if wanted not in names:
            raise UsageError(f"container {wanted} is not valid for pod {pod.name} out of: {pod.choices}")
        return wanted
    first = pod.containers[0].name
    if len(names) > 1:
        note(f'Defaulted container "{first}" out of: {pod.choices}')
    return first
