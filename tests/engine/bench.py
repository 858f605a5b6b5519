"""One view on both Engines for tests: how a container behaves, how to wait, what was heard, and cleaning up."""

from __future__ import annotations

import io
import itertools
import tarfile
import threading
import uuid
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Protocol

from runner.clock import Deadline, VirtualClock, Wakeup
from runner.core.container.containerconfig import ContainerConfig, Resources, VolumeConfig
from runner.engine.docker import DockerEngine
from runner.engine.protocol import ContainerDetails, Engine, EngineEvent, EngineState
from runner.engine.simulated import (
    FOREVER,
    Attempt,
    ContainerScript,
    ExecStep,
    OnTerm,
    OutputLine,
    PullStep,
    Script,
    SimulatedEngine,
)
from runner.errors import PullFailure

IMAGE = "busybox:1.36"
PATIENCE = 30.0
LABEL = "dev.podrunner.test"


@dataclass(frozen=True, slots=True, kw_only=True)
class Behaviour:
    """What a process does: the command for a real Engine, the script for the simulated one."""

    command: tuple[str, ...]
    attempt: Attempt
    execs: tuple[ExecStep, ...] = ()
    resources: Resources = field(default_factory=Resources)


def shell(text: str) -> tuple[str, ...]:
    return ("sh", "-c", text)


TALKS = ExecStep(command=shell("echo out; echo err >&2; exit 5"), exit_code=5, output=b"out\n", errors=b"err\n")
ECHOES = ExecStep(command=("cat",), echoes=True)
MISSING = ExecStep(
    command=("nope",), exit_code=127, start_error='exec: "nope": executable file not found in $PATH: unknown'
)
EXITS_3 = Behaviour(command=shell("exit 3"), attempt=Attempt(exit_code=3, after=0.1))
SERVES = Behaviour(
    command=shell("trap 'exit 0' TERM; while :; do sleep 0.05; done"),
    attempt=FOREVER,
    execs=(
        ExecStep(command=shell("echo out; exit 4"), exit_code=4, output=b"out\n"),
        ExecStep(command=shell("sleep 20"), took=20),
        TALKS,
        ECHOES,
        MISSING,
    ),
)
IGNORES_TERM = Behaviour(command=("sleep", "1000"), attempt=Attempt(after=None, on_term=OnTerm(ignore=True)))
CANNOT_START = Behaviour(
    command=("nope",), attempt=Attempt(start_error='exec: "nope": executable file not found in $PATH')
)
EATS_MEMORY = Behaviour(
    # The first process survives its child: where it is killed itself, cgroup v1 often loses the notice.
    command=shell("tail /dev/zero; sleep 0.2; exit 137"),
    attempt=Attempt(oom=True, after=0.1),
    resources=Resources(memory=32 * 1024 * 1024),  # runc itself needs 12 MiB to start
)
SPEAKS = Behaviour(
    command=shell("echo one; sleep 0.1; echo two >&2; sleep 0.1; echo three"),
    attempt=Attempt(
        after=0.3,
        output=(
            OutputLine(at=0.0, data=b"one\n"),
            OutputLine(at=0.1, data=b"two\n", stream="stderr"),
            OutputLine(at=0.2, data=b"three\n"),
        ),
    ),
)


class Recording:
    """Events as they were heard, in order."""

    def __init__(self) -> None:
        self.events: list[EngineEvent] = []

    def actions(self, container_id: str) -> list[str]:
        return [event.action for event in self.events if event.container_id == container_id]


class EngineBench(Protocol):
    """An Engine under test."""

    engine: Engine
    labels: Mapping[str, str]

    def config(self, behaviour: Behaviour, name: str = "") -> ContainerConfig: ...

    def until(self, condition: Callable[[], bool]) -> None: ...

    def settle(self) -> None: ...

    def record(self) -> Recording: ...

    def volume(self) -> VolumeConfig: ...

    def run(self, behaviour: Behaviour) -> str: ...

    def wait_for(self, container_id: str, state: EngineState) -> ContainerDetails: ...


class _Bench(ABC):
    """What both benches share."""

    engine: Engine

    def __init__(self) -> None:
        self.labels: Mapping[str, str] = {LABEL: uuid.uuid4().hex}
        self._numbers = itertools.count(1)

    def _name(self) -> str:
        return f"podrunner-test-{self.labels[LABEL][:12]}-{next(self._numbers)}"

    def config(self, behaviour: Behaviour, name: str = "") -> ContainerConfig:
        return ContainerConfig(
            name=name or self._name(),
            image=IMAGE,
            labels=self.labels,
            command=behaviour.command,
            resources=behaviour.resources,
        )

    def volume(self) -> VolumeConfig:
        return VolumeConfig(name=self._name(), labels=self.labels)

    def run(self, behaviour: Behaviour) -> str:
        """Create and start a container; returns its id."""
        container_id = self.engine.create_container(self.config(behaviour))
        self.engine.start_container(container_id)
        return container_id

    @abstractmethod
    def until(self, condition: Callable[[], bool]) -> None: ...

    def wait_for(self, container_id: str, state: EngineState) -> ContainerDetails:
        self.until(lambda: self.engine.inspect_container(container_id).state is state)
        return self.engine.inspect_container(container_id)


class DockerBench(_Bench):
    """The real Engine: conditions are polled."""

    def __init__(self, engine: DockerEngine) -> None:
        super().__init__()
        self.engine = engine
        self._ends: list[Callable[[], None]] = []

    def until(self, condition: Callable[[], bool]) -> None:
        deadline, pause = Deadline(PATIENCE), Wakeup()
        while not condition():
            assert deadline.remaining(), "the condition did not come true"
            pause.wait(0.02)

    def settle(self) -> None:
        """Blocking verbs have blocked."""

    def record(self) -> Recording:
        recording = Recording()
        stream = self.engine.events(self.labels)

        def listen() -> None:
            for event in stream:
                recording.events.append(event)  # it never ends by itself

        thread = threading.Thread(target=listen)
        thread.start()

        def end() -> None:
            stream.close()
            thread.join(PATIENCE)
            assert not thread.is_alive(), "a closed event stream goes on"

        self._ends.append(end)
        return recording

    def clean(self) -> None:
        for end in self._ends:
            end()
        for row in self.engine.list_containers(self.labels):
            self.engine.remove_container(row.id)
        for volume in self.engine.list_volumes(self.labels):
            self.engine.remove_volume(volume.name)


class SimulatedBench(_Bench):
    """The simulated Engine: to wait is to let the next happening happen."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = VirtualClock()
        self.scripts: dict[str, ContainerScript] = {}
        images = {
            "nosuch:1": (PullStep(error="manifest unknown", kind=PullFailure.NOT_FOUND, took=1),),
        }
        self.simulated = SimulatedEngine(self.clock, Script(containers=self.scripts, images=images), images=[IMAGE])
        self.engine = self.simulated

    def config(self, behaviour: Behaviour, name: str = "") -> ContainerConfig:
        config = super().config(behaviour, name)
        self.scripts[config.name] = ContainerScript(attempts=(behaviour.attempt,), execs=behaviour.execs)
        return config

    def until(self, condition: Callable[[], bool]) -> None:
        while not condition():
            following = self.clock.next_happening()
            assert following is not None, "the condition can not come true"
            self.clock.advance(following)

    def settle(self) -> None:
        self.clock.sleep(self.simulated.take_elapsed())

    def record(self) -> Recording:
        recording = Recording()
        self.simulated.subscribe(self.labels, recording.events.append)
        return recording


@contextmanager
def docker_bench(engine: DockerEngine) -> Iterator[DockerBench]:
    bench = DockerBench(engine)
    try:
        yield bench
    finally:
        bench.clean()


def tar_of(files: Mapping[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def files_of(archive: bytes) -> dict[str, bytes]:
    """The regular files of a tar."""
    found = {}
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        for member in tar:
            reader = tar.extractfile(member) if member.isfile() else None
            if reader is not None:
                found[member.name] = reader.read()
    return found
