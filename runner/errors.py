"""Every error this package raises, as one tree.

::

    RunnerError
    ├── ManifestError            the manifest's fault
    ├── UsageError               the caller's fault
    │   ├── AlreadyExists        the name is taken
    │   └── Refusal              what an API server would refuse
    │       ├── NoSuchObject     what a command or a call names is not there
    │       ├── Conflict         an object is not what its writer took it for any more
    │       └── Expired          a watch cannot go back so far: list again
    ├── EngineError              a call to the Engine has failed
    │   ├── EngineUnavailable    nothing answers at all, or what answers cannot be used
    │   │   └── TooManyFiles     this process may open no more connections
    │   └── EngineRefusal        the answer is an error
    │       ├── NotFound         no such container, image or volume
    │       ├── EngineConflict   name taken, wrong state, removal in progress
    │       ├── StartError       the runtime could not start the process
    │       ├── CommandNotStarted the same of a command in a container that runs
    │       ├── ImagePullError   the registry's or the image's fault
    │       └── Withdrawn        not asked for: the pod is being removed
    ├── StoreError               the state directory cannot be used
    ├── RunBroken                something of ours kept a run that had begun from going on
    └── PodError                 about one pod
        ├── WaitTimeout          what was waited for did not come in time
        └── PodFailed            the pod cannot reach what was asked for

``fault`` says whose fault it is and decides the exit code (``ExitCode``); ``recoverable`` says whether the same call may
succeed a moment later. No caller ever matches a message text.

While pods run no error of the Engine is final: a kubelet says it, looks again and goes on (``is_final``). Exit code 3 is
for a run that found no usable Engine when it began, 2 for one that touched nothing.
"""

from __future__ import annotations

import errno
from enum import IntEnum, StrEnum


class ExitCode(IntEnum):
    """What the process answers to its caller."""

    OK = 0
    POD_FAILED = 1
    USAGE = 2
    NO_ENGINE = 3
    TIMEOUT = 4
    INTERRUPTED = 130


class Fault(StrEnum):
    """Who has to act to make it work."""

    USER = "user"
    IMAGE = "image"
    REGISTRY = "registry"
    ENGINE = "engine"
    US = "us"


class RunnerError(Exception):
    """Base of the tree: a message, whose fault it is, and what may help."""

    fault: Fault = Fault.US
    exit_code: ExitCode = ExitCode.POD_FAILED
    recoverable: bool = False
    is_final: bool = True
    """Whether it ends a run that has begun, when a pod's worker meets it; else it is told, and what failed is tried again.

    Mirrors pkg/kubelet/pod_workers.go, where every error of a sync is tried again.
    """

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def advise(self, hint: str) -> None:
        """Say what may help where it is met."""
        self.hint = hint

    def __str__(self) -> str:
        return self.message


class UsageError(RunnerError):
    """The call makes no sense: unknown pod, contradicting flags, unreadable file."""

    fault = Fault.USER
    exit_code = ExitCode.USAGE


class Refusal(UsageError):
    """What an API server would refuse, in its words; ``reason`` is its StatusReason, as kubectl shows it."""

    exit_code = ExitCode.POD_FAILED

    def __init__(self, message: str, *, reason: str, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.reason = reason


class AlreadyExists(UsageError):
    """An object of this kind, namespace and name exists; the text is kubectl's."""

    def __init__(self, resource: str, name: str, *, hint: str = "") -> None:
        super().__init__(f'{resource} "{name}" already exists', hint=hint)


class NoSuchObject(Refusal):
    """What a command or a call names is not there: a pod, a workload, an object."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message, reason="NotFound", hint=hint)


class Conflict(Refusal):
    """The object is not what the writer took it for any more (k8s.io/apiserver pkg/registry/generic/registry/store.go).

    ``resource`` as an API server's errors name it, ``deployments.apps``.
    """

    def __init__(self, resource: str, name: str) -> None:
        text = "the object has been modified; please apply your changes to the latest version and try again"
        super().__init__(f'Operation cannot be fulfilled on {resource} "{name}": {text}', reason="Conflict")


class Expired(Refusal):
    """The change log does not go back to this version: list again (k8s.io/apiserver pkg/storage/cacher, HTTP's 410)."""

    def __init__(self, since: int, oldest: int) -> None:
        super().__init__(f"too old resource version: {since} ({oldest})", reason="Expired")


class ManifestError(RunnerError):
    """A manifest was refused; ``problems`` holds one printable line each."""

    fault = Fault.USER
    exit_code = ExitCode.USAGE

    def __init__(self, problems: tuple[str, ...], *, hint: str = "") -> None:
        super().__init__("\n".join(problems), hint=hint)
        self.problems = problems


class EngineError(RunnerError):
    """A call to the Engine has failed. Nothing that an Engine answers, or does not answer, is final."""

    fault = Fault.ENGINE
    is_final = False

    def __init__(self, message: str, *, hint: str = "", recoverable: bool = False) -> None:
        super().__init__(message, hint=hint)
        self.recoverable = recoverable

    @property
    def may_pass(self) -> bool:
        """Whether the call, made before there is a pod, is worth trying again a moment later."""
        return self.recoverable


class EngineUnavailable(EngineError):
    """No Engine answers at the address. ``is_absent``: nothing listens there, so a moment later nothing will either."""

    exit_code = ExitCode.NO_ENGINE

    def __init__(
        self, message: str, *, hint: str = "", recoverable: bool = True, is_absent: bool | None = None
    ) -> None:
        super().__init__(message, hint=hint, recoverable=recoverable)
        self.is_absent = not recoverable if is_absent is None else is_absent

    @property
    def may_pass(self) -> bool:
        return self.recoverable and not self.is_absent


FILES_HINT = "let it have more open files, for instance with ulimit -n 4096"


class TooManyFiles(EngineUnavailable):
    """This process, or the machine, has as many files and connections open as it may; the Engine was not asked."""

    fault = Fault.USER

    def __init__(self) -> None:
        super().__init__("too many open files", hint=FILES_HINT)


def is_out_of_files(problem: BaseException) -> bool:
    """Whether a system call failed, here or below in the chain of causes, since no more files may be opened."""
    inner: BaseException | None = problem
    while inner is not None:
        if isinstance(inner, OSError) and inner.errno in (errno.EMFILE, errno.ENFILE):
            return True
        inner = inner.__cause__ or inner.__context__
    return False


class EngineRefusal(EngineError):
    """The Engine has answered a call with an error; the message is the daemon's own."""


class NotFound(EngineRefusal):
    """The container, image or volume does not exist."""


class EngineConflict(EngineRefusal):
    """The name is taken, or the object is not in a state for this call."""


class CommandNotStarted(EngineRefusal):
    """A command could not be started in a running container; ``code`` is a shell's: 126 not permitted, 127 not found."""

    fault = Fault.USER

    def __init__(self, message: str, *, code: int) -> None:
        super().__init__(message)
        self.code = code


class StartError(EngineRefusal):
    """The runtime could not start the container's process."""

    fault = Fault.IMAGE


class PullFailure(StrEnum):
    """Why an image could not be pulled."""

    NOT_FOUND = "not found"
    DENIED = "denied"
    UNAVAILABLE = "unavailable"
    OTHER = "other"


class ImagePullError(EngineRefusal):
    """The image could not be pulled; ``kind`` says why as far as the status tells."""

    fault = Fault.REGISTRY

    def __init__(self, message: str, *, kind: PullFailure = PullFailure.OTHER, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.kind = kind


class Withdrawn(EngineRefusal):
    """Nothing is made for this pod any more: it is being removed."""


class StoreError(RunnerError):
    """The state directory or its database cannot be used."""

    exit_code = ExitCode.USAGE

    def __init__(self, message: str, *, hint: str = "", recoverable: bool = False) -> None:
        super().__init__(message, hint=hint)
        self.recoverable = recoverable


class RunBroken(RunnerError):
    """A run that had begun could not go on for a reason that is not its pods'; what it had made was removed."""


class PodError(RunnerError):
    """Something about one pod; ``pod`` is its handle (``runner.PodHandle``) where there is one."""

    def __init__(self, message: str, *, hint: str = "", pod: object = None) -> None:
        super().__init__(message, hint=hint)
        self.pod = pod


class WaitTimeout(PodError):
    """The time ran out before the condition held."""

    fault = Fault.USER
    exit_code = ExitCode.TIMEOUT


class PodFailed(PodError):
    """The pod cannot reach what was asked for any more."""

    fault = Fault.IMAGE
    exit_code = ExitCode.POD_FAILED
