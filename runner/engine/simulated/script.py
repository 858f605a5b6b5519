"""What containers and pulls do in a simulated Engine. Times are seconds; a sequence's last entry repeats."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from msgspec import Struct, field

from runner.core.model import ProbeKind
from runner.core.sync.probing import ProbeRun, RunResult
from runner.errors import PullFailure

SIGTERM_EXIT: Final = 143
KILLED_FOR_MEMORY: Final = 137


class OnTerm(Struct, frozen=True, kw_only=True):
    """What a process makes of its stop signal: exit after a while, or ignore it and wait for SIGKILL."""

    exit_code: int = 0
    after: float = 0.0
    ignore: bool = False


class OutputLine(Struct, frozen=True, kw_only=True):
    """One line of output, ``at`` seconds after the start."""

    at: float = 0.0
    data: bytes
    stream: str = "stdout"


class Attempt(Struct, frozen=True, kw_only=True):
    """One run of a container: it exits after some seconds (None: never by itself), is killed for memory, or does not start.

    Without ``on_term`` a process that runs for ever is taken for a server and exits 0 at once when told to stop; one that
    would have ended by itself dies of the signal (143).
    ``is_spared``: only a child was killed for memory, as on cgroup v1; the container ends with its own code.
    A failed start leaves ``exit_code`` (0 stands for 127) and the text in the container, which stays created.
    """

    exit_code: int = 0
    after: float | None = 1.0
    oom: bool = False
    is_spared: bool = False
    start_error: str = ""
    on_term: OnTerm | None = None
    output: tuple[OutputLine, ...] = ()

    @property
    def natural_code(self) -> int:
        """The exit code of an end that was not asked for."""
        return KILLED_FOR_MEMORY if self.oom and not self.is_spared else self.exit_code

    def term(self) -> OnTerm:
        """What the stop signal does."""
        if self.on_term is not None:
            return self.on_term
        return OnTerm() if self.after is None else OnTerm(exit_code=SIGTERM_EXIT)


FOREVER: Final = Attempt(after=None)
"""Runs until it is told to stop."""


class ProbePoint(Struct, frozen=True, kw_only=True):
    """From ``at`` seconds after the start on, a probe gives this."""

    at: float
    result: RunResult
    output: str = ""


class ExecStep(Struct, frozen=True, kw_only=True):
    """What a command in a container does; ``command`` None stands for every command.

    Only a session tells ``errors`` apart, fails with ``start_error``, and gives back what it is told when it ``echoes``.
    """

    command: tuple[str, ...] | None = None
    exit_code: int = 0
    output: bytes = b""
    took: float = 0.0
    errors: bytes = b""
    start_error: str = ""
    echoes: bool = False


class ContainerScript(Struct, frozen=True, kw_only=True):
    """A container's runs in order, its probes' answers (success before the first point), its execs (first match; else exit
    code 0 at once), and what it leaves in its termination message file."""

    attempts: tuple[Attempt, ...] = (FOREVER,)
    probes: Mapping[ProbeKind, tuple[ProbePoint, ...]] = field(default_factory=dict)
    execs: tuple[ExecStep, ...] = ()
    termination_message: str = ""

    def attempt(self, number: int) -> Attempt:
        """The run of this number, from 0."""
        return self.attempts[min(number, len(self.attempts) - 1)] if self.attempts else FOREVER

    def exec(self, command: tuple[str, ...]) -> ExecStep:
        matching = (step for step in self.execs if step.command is None or step.command == command)
        return next(matching, ExecStep())

    def probe(self, kind: ProbeKind, seconds: float) -> ProbeRun:
        """The answer of a probe, seconds after the start of the run."""
        answer = ProbeRun(result=RunResult.SUCCESS)
        for point in self.probes.get(kind, ()):
            if point.at <= seconds:
                answer = ProbeRun(result=point.result, output=point.output)
        return answer


class PullStep(Struct, frozen=True, kw_only=True):
    """One pull: an error's text, or "" for success, after some seconds."""

    error: str = ""
    kind: PullFailure = PullFailure.OTHER
    took: float = 0.0


class Script(Struct, frozen=True, kw_only=True):
    """A whole simulation's behaviour. ``containers`` goes by the pod's name for the container, or the Engine's where no
    label tells; ``images`` by reference. What is not named does ``default``, and pulls succeed at once."""

    containers: Mapping[str, ContainerScript] = field(default_factory=dict)
    images: Mapping[str, tuple[PullStep, ...]] = field(default_factory=dict)
    default: ContainerScript = field(default_factory=ContainerScript)
