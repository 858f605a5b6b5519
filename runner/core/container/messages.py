"""Termination messages: where a container may leave one, and what of it counts.

Mirrors pkg/kubelet/kuberuntime/kuberuntime_container.go (getTerminationMessage, readLastStringFromContainerLogs) and
kubelet_pods.go (makeMounts): every instance gets a file of its own, mounted at its terminationMessagePath.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from runner.core.container.containerconfig import Mount, MountType, VolumeConfig
from runner.core.container.managedfiles import managed_files
from runner.core.labels import SANDBOX_CONTAINER, volume_labels, volume_name
from runner.core.model import Container, Pod, TerminationMessagePolicy
from runner.core.observed import ContainerRecord
from runner.core.reasons import TerminatedReason
from runner.core.volumes import SANDBOX_ROOT, FileEntry, VolumePlan

MESSAGE_BYTES = 4096
"""How much of the file's end counts."""
LOG_LINES = 80
LOG_BYTES = 2048
"""How much of the log's end stands in for an empty file."""

MESSAGES = SANDBOX_CONTAINER
"""Name of the plan of the volume that holds the files: one that no volume of a pod can have."""
FOLDER = f"/{SANDBOX_ROOT}/{MESSAGES}"
"""Where the sandbox sees the volume."""
FILE_MODE = 0o666


def message_file(name: str, attempt: int) -> str:
    """Path of one instance's file in the volume."""
    return f"containers/{name}/{attempt}"


def messages_plan(pod: Pod, owner: str) -> VolumePlan:
    """The volume of the pod's termination messages, with the files of all first instances and those written for the pod."""
    name = volume_name(pod, MESSAGES)
    containers = (*pod.all_containers(), *pod.ephemeral_containers)
    files = (*(message_file(c.name, 0) for c in containers if c.termination_message_path), *managed_files(pod))
    return VolumePlan(
        name=MESSAGES,
        type=MountType.VOLUME,
        source=name,
        create=VolumeConfig(name=name, labels=volume_labels(pod, MESSAGES, owner)),
        files=tuple(FileEntry(path=file, mode=FILE_MODE) for file in files),
    )


def message_mount(container: Container, attempt: int, volumes: Sequence[VolumePlan]) -> tuple[Mount, ...]:
    """The mount of an instance's file; none without a path, or without the volume."""
    path = container.termination_message_path
    plans = [plan for plan in volumes if plan.name == MESSAGES]
    if not plans or not path:
        return ()
    plan = plans[0]
    target = path if path.startswith("/") else f"/{path}"
    file = message_file(container.name, attempt)
    return (Mount(type=plan.type, source=plan.source, target=target, sub_path=file, is_own=True),)


def needs_logs(container: Container, record: ContainerRecord, message: str) -> bool:
    """Whether the end of the log stands in for the message."""
    falls_back = container.termination_message_policy is TerminationMessagePolicy.FALLBACK_TO_LOGS_ON_ERROR
    return falls_back and not message and record.exit_code != 0 and record.reason != TerminatedReason.START_ERROR


def end_of(data: bytes, limit: int) -> str:
    """The last bytes as text."""
    return data[-limit:].decode(errors="replace")


def with_message(record: ContainerRecord, message: str) -> ContainerRecord:
    """The instance with the message after the runtime's own text."""
    return replace(record, message=": ".join(part for part in (record.message, message) if part))
