"""What a rule finds: a cause with its evidence. The stages of a container's life say which cause explains which."""

from __future__ import annotations

from enum import IntEnum, StrEnum
from typing import Any

from msgspec import Struct


class Certainty(StrEnum):
    """How sure a cause is. Certain is only what Kubernetes or the container's runtime says itself."""

    CERTAIN = "certain"
    LIKELY = "likely"
    POSSIBLE = "possible"


class Stage(IntEnum):
    """Where in a pod's life a cause sits. An earlier one explains what goes wrong in the same container later."""

    NODE = 0
    CONFIG = 1
    IMAGE = 2
    START = 3
    PROGRAM = 4
    NEEDS = 5
    PROBE = 6
    END = 7


class Cause(StrEnum):
    """Every cause that there is a rule for."""

    FAULT_INJECTED = "fault-injected"
    EVICTED = "evicted"
    PREEMPTED = "preempted"
    NODE_GONE = "node-gone"
    NOT_ADMITTED = "not-admitted"
    UNSCHEDULABLE = "unschedulable"
    HOST_PORT_TAKEN = "host-port-taken"
    CLAIM_MISSING = "claim-missing"
    CLAIM_PENDING = "claim-pending"
    CONFIG_MISSING = "config-missing"
    SECRET_MISSING = "secret-missing"
    KEY_MISSING = "key-missing"
    MOUNT_FAILED = "mount-failed"
    SANDBOX_FAILED = "sandbox-failed"
    IMAGE_NAME_INVALID = "image-name-invalid"
    IMAGE_NEVER_PULLED = "image-never-pulled"
    IMAGE_NOT_FOUND = "image-not-found"
    IMAGE_DENIED = "image-denied"
    REGISTRY_AUTH = "registry-auth"
    REGISTRY_TLS = "registry-tls"
    REGISTRY_LIMIT = "registry-limit"
    REGISTRY_UNREACHABLE = "registry-unreachable"
    IMAGE_FAILED = "image-failed"
    WRONG_ARCHITECTURE = "wrong-architecture"
    RUNS_AS_ROOT = "runs-as-root"
    USER_UNKNOWN = "user-unknown"
    OOM_KILLED = "oom-killed"
    CRLF_SCRIPT = "crlf-script"
    COMMAND_NOT_FOUND = "command-not-found"
    NOT_EXECUTABLE = "not-executable"
    MOUNT_TYPE = "mount-type"
    WORKING_DIRECTORY = "working-directory"
    NEEDS_PRIVILEGE = "needs-privilege"
    CHOWN_NOT_ROOT = "chown-not-root"
    VOLUME_PERMISSION = "volume-permission"
    IMAGE_PERMISSION = "image-permission"
    READ_ONLY_VOLUME = "read-only-volume"
    READ_ONLY_ROOT = "read-only-root"
    PORT_TAKEN = "port-taken"
    PORT_NEEDS_ROOT = "port-needs-root"
    FILE_NAME = "file-name"
    FILE_MISSING = "file-missing"
    DISK_FULL = "disk-full"
    HOOK_FAILED = "hook-failed"
    VARIABLE_ORDER = "variable-order"
    DNS_NAME = "dns-name"
    LOGIN_REFUSED = "login-refused"
    WAITS_FOR_ITSELF = "waits-for-itself"
    NEEDS_LATER_CONTAINER = "needs-later-container"
    SERVICE_PORT = "service-port"
    CONNECTION_REFUSED = "connection-refused"
    INIT_NEVER_ENDS = "init-never-ends"
    PROBE_PORT = "probe-port"
    PROBE_PATH = "probe-path"
    PROBE_SCHEME = "probe-scheme"
    PROBE_TIMEOUT = "probe-timeout"
    PROBE_COMMAND = "probe-command"
    SLOW_START = "slow-start"
    PROBE_FAILS = "probe-fails"
    DEADLINE = "deadline"
    CANNOT_START = "cannot-start"
    CRASHED = "crashed"
    KILLED = "killed"
    TERMINATED = "terminated"
    USAGE_ERROR = "usage-error"
    PROGRAM_ERROR = "program-error"


_BEGINNINGS = (
    (Cause.FAULT_INJECTED, Stage.NODE),
    (Cause.CLAIM_MISSING, Stage.CONFIG),
    (Cause.IMAGE_NAME_INVALID, Stage.IMAGE),
    (Cause.WRONG_ARCHITECTURE, Stage.START),
    (Cause.NEEDS_PRIVILEGE, Stage.PROGRAM),
    (Cause.DNS_NAME, Stage.NEEDS),
    (Cause.PROBE_PORT, Stage.PROBE),
    (Cause.DEADLINE, Stage.END),
)
ORDER = {cause: number for number, cause in enumerate(Cause)}
"""What is told first. Within a stage an earlier cause explains a later one too."""


def stage_of(cause: Cause) -> Stage:
    """Where a cause sits."""
    return max(stage for first, stage in _BEGINNINGS if ORDER[cause] >= ORDER[first])


GENERIC = frozenset({Cause.CRASHED, Cause.KILLED, Cause.TERMINATED, Cause.USAGE_ERROR, Cause.PROGRAM_ERROR})
"""An end, and no more: what its exit code means."""


class Quote(Struct, frozen=True):
    """A piece of evidence: where it stands, and the words that stand there."""

    where: str
    text: str

    def __str__(self) -> str:
        return f"{self.where}: {self.text}"


class Finding(Struct, frozen=True, kw_only=True):
    """A cause. ``container`` is "" for the pod itself; ``attempt`` counts from 0, None where nothing ran.

    ``next`` is what to change or type. ``because_of`` names another container: what is wrong with that one explains this.
    ``is_final``: no attempt of the same pod can go better.
    """

    cause: Cause
    certainty: Certainty
    sentence: str
    next: str
    evidence: tuple[Quote, ...] = ()
    container: str = ""
    attempt: int | None = None
    because_of: str = ""
    is_final: bool = False

    @property
    def stage(self) -> Stage:
        return stage_of(self.cause)

    def explains(self, other: Finding) -> bool:
        """Whether the other one is a symptom of this one.

        What is merely possible explains an end of which nothing else is known, and nothing more; beside a cause that is
        likely it has nothing to say.
        """
        if other is self:
            return False
        if other.because_of and other.because_of == self.container:
            return True
        if self.container != other.container and self.container and other.container:
            return False
        if self.certainty is Certainty.POSSIBLE and other.cause not in GENERIC:
            return False
        if (
            self.cause not in GENERIC
            and other.certainty is Certainty.POSSIBLE
            and self.certainty is not other.certainty
        ):
            return True
        return ORDER[self.cause] < ORDER[other.cause]

    def to_json(self) -> dict[str, Any]:
        """As ``explain -o json`` prints it."""
        return {
            "cause": str(self.cause),
            "certainty": str(self.certainty),
            **({"container": self.container} if self.container else {}),
            **({} if self.attempt is None else {"attempt": self.attempt}),
            "sentence": self.sentence,
            "evidence": [{"where": quote.where, "text": quote.text} for quote in self.evidence],
            "next": self.next,
        }
