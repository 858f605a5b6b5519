"""The words for why: event, waiting and terminated reasons, and an event before it has an object and a time.

Mirrors pkg/kubelet/events/event.go, images/types.go, container/sync_result.go and kubelet_pods.go (constants).
"""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct


class EventType(StrEnum):
    """Whether an event tells of trouble."""

    NORMAL = "Normal"
    WARNING = "Warning"


class EventReason(StrEnum):
    """Reasons of pod events."""

    SCHEDULED = "Scheduled"
    FAILED_SCHEDULING = "FailedScheduling"
    EVICTED = "Evicted"
    PULLING = "Pulling"
    PULLED = "Pulled"
    FAILED = "Failed"
    BACK_OFF = "BackOff"
    ERR_IMAGE_NEVER_PULL = "ErrImageNeverPull"
    INSPECT_FAILED = "InspectFailed"
    CREATED = "Created"
    STARTED = "Started"
    KILLING = "Killing"
    UNHEALTHY = "Unhealthy"
    PROBE_WARNING = "ProbeWarning"
    FAILED_POST_START_HOOK = "FailedPostStartHook"
    FAILED_PRE_STOP_HOOK = "FailedPreStopHook"
    LIFECYCLE_HTTP_FALLBACK = "LifecycleHTTPFallback"
    SANDBOX_CHANGED = "SandboxChanged"
    FAILED_CREATE_SANDBOX = "FailedCreatePodSandBox"
    FAILED_SANDBOX_STATUS = "FailedPodSandBoxStatus"
    FAILED_KILL_POD = "FailedKillPod"
    FAILED_MOUNT = "FailedMount"
    FAILED_SYNC = "FailedSync"
    DEADLINE_EXCEEDED = "DeadlineExceeded"
    EXCEEDED_GRACE_PERIOD = "ExceededGracePeriod"
    FAILED_PULL_SECRET = "FailedToRetrieveImagePullSecret"
    DNS_CONFIG_FORMING = "DNSConfigForming"
    SYSCTL_FORBIDDEN = "SysctlForbidden"
    APPARMOR = "AppArmor"
    GROUPS_POLICY_NOT_SUPPORTED = "SupplementalGroupsPolicyNotSupported"
    INVALID_ENV_NAMES = "InvalidEnvironmentVariableNames"
    FAULT_INJECTED = "FaultInjected"
    BREAKPOINT = "Breakpoint"


class WorkloadReason(StrEnum):
    """Reasons of the events about workloads (pkg/controller); a failed Job's is that of its condition."""

    SUCCESSFUL_CREATE = "SuccessfulCreate"
    SUCCESSFUL_DELETE = "SuccessfulDelete"
    SCALING_REPLICA_SET = "ScalingReplicaSet"
    FAILED_DAEMON_POD = "FailedDaemonPod"
    SUCCEEDED_DAEMON_POD = "SucceededDaemonPod"
    SUSPENDED = "Suspended"
    COMPLETED = "Completed"
    SAW_COMPLETED_JOB = "SawCompletedJob"
    BACKOFF_LIMIT_EXCEEDED = "BackoffLimitExceeded"
    DEADLINE_EXCEEDED = "DeadlineExceeded"
    POD_FAILURE_POLICY = "PodFailurePolicy"
    FAILED_INDEXES = "FailedIndexes"
    MAX_FAILED_INDEXES_EXCEEDED = "MaxFailedIndexesExceeded"


class WaitingReason(StrEnum):
    """Why a container is not running yet, or again."""

    CONTAINER_CREATING = "ContainerCreating"
    POD_INITIALIZING = "PodInitializing"
    CRASH_LOOP_BACK_OFF = "CrashLoopBackOff"
    ERR_IMAGE_PULL = "ErrImagePull"
    IMAGE_PULL_BACK_OFF = "ImagePullBackOff"
    ERR_IMAGE_NEVER_PULL = "ErrImageNeverPull"
    INVALID_IMAGE_NAME = "InvalidImageName"
    IMAGE_INSPECT_ERROR = "ImageInspectError"
    REGISTRY_UNAVAILABLE = "RegistryUnavailable"
    SIGNATURE_VALIDATION_FAILED = "SignatureValidationFailed"
    CREATE_CONTAINER_CONFIG_ERROR = "CreateContainerConfigError"
    CREATE_CONTAINER_ERROR = "CreateContainerError"
    RUN_CONTAINER_ERROR = "RunContainerError"
    POST_START_HOOK_ERROR = "PostStartHookError"
    RESTARTING_ALL_CONTAINERS = "RestartingAllContainers"


class TerminatedReason(StrEnum):
    """Why a container ended; a failed start has containerd's word, which clusters show."""

    COMPLETED = "Completed"
    ERROR = "Error"
    OOM_KILLED = "OOMKilled"
    START_ERROR = "StartError"
    STATUS_UNKNOWN = "ContainerStatusUnknown"
    RESTARTING_ALL_CONTAINERS = "RestartingAllContainers"


class Note(Struct, frozen=True, kw_only=True):
    """What an event says, before it is known about which object and when."""

    type: EventType
    reason: EventReason | WorkloadReason
    message: str


def normal(reason: EventReason | WorkloadReason, message: str) -> Note:
    return Note(type=EventType.NORMAL, reason=reason, message=message)


def warning(reason: EventReason | WorkloadReason, message: str) -> Note:
    return Note(type=EventType.WARNING, reason=reason, message=message)


def start_failed(error: str) -> Note:
    """The event that follows every failed start of a container, whatever failed (kuberuntime_container.go)."""
    return warning(EventReason.FAILED, f"Error: {error}")
