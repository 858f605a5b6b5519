"""``pod.debug(…)``: a copy of a failed attempt, or an ephemeral container, in which a program runs commands."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from runner.api.into.outcome import ExecOutcome, outcome_of
from runner.api.into.part import Part
from runner.api.settings import Seconds, seconds_of
from runner.core.kindwords import PODS
from runner.core.labels import CONTAINER_NAME, DOCKER_TYPE, POD_UID, TYPE_CONTAINER
from runner.core.model import EMPTY
from runner.engine.protocol import EngineState
from runner.errors import NoSuchObject, UsageError

if TYPE_CHECKING:
    from runner.client.contract import Client
    from runner.core.model import Json
    from runner.engine.protocol import Engine


class DebugContainer:
    """A container to look around from. ``root`` is where it sees the files of the attempt, ``attempt`` its number.

    Of an ephemeral container ``attempt`` is None, and ``root`` is the root of its own image.
    """

    def __init__(
        self, engine: Engine, container_id: str, name: str, *, root: str = "/", attempt: int | None = None
    ) -> None:
        self.name = name
        self.root = root
        self.attempt = attempt
        self._engine = engine
        self._id = container_id

    def exec(self, command: Sequence[str], *, timeout: Seconds = None) -> ExecOutcome:
        """Run a command, a list of words; what it exits with is no error. Raises as ``ContainerHandle.exec``."""
        __tracebackhide__ = True
        return outcome_of(self._engine, lambda: self._id, self.name, command, timeout)

    def __repr__(self) -> str:
        which = "ephemeral" if self.attempt is None else f"a copy of attempt {self.attempt}"
        return f"<DebugContainer {self.name}, {which}>"


class Debugging(Part):
    """What a pod's handle has for it."""

    @property
    @abstractmethod
    def _client(self) -> Client: ...

    @property
    @abstractmethod
    def uid(self) -> str: ...

    @property
    @abstractmethod
    def engine(self) -> Engine: ...

    @contextmanager
    def debug(
        self,
        container: str = "",
        *,
        attempt: int | None = None,
        image: str = "",
        target: str = "",
        command: Sequence[str] = (),
        env: Mapping[str, str] = EMPTY,
        profile: str = "general",
        timeout: Seconds = 60,
    ) -> Iterator[DebugContainer]:
        """Look into a failed attempt, or beside a container that runs.

        Without ``target``: a copy of an attempt of ``container`` ("": the one that has failed last), by default its last
        failed one; with an ``image`` commands run beside it, and see its files at ``root``. It is gone after the block.

        With ``target`` an ephemeral container of ``image`` is added to the pod, which sees the target's processes; it is
        called ``container``, or a name is drawn, and runs ``command``, by default the image's own. It stays as long as the pod.

        Raises UsageError when there is no such attempt, or an API server would refuse the container; WaitTimeout when the
        container does not run within ``timeout``; EngineError.
        """
        if not target:
            if command or env or profile != "general":
                raise UsageError("command, env and profile go with target")
            client, place = self._client, (self.namespace, self.name)
            with client.copy_attempt(*place, container, attempt, image=image) as copy:
                found = copy.attempt
                yield DebugContainer(copy.engine, copy.container_id, found.name, root=copy.root, attempt=found.number)
            return
        if attempt is not None:
            raise UsageError("attempt is about a copy: it does not go with target")
        yield self._beside(container, image, target, command, env, profile, timeout)

    def _beside(
        self,
        name: str,
        image: str,
        target: str,
        command: Sequence[str],
        env: Mapping[str, str],
        profile: str,
        timeout: Seconds,
    ) -> DebugContainer:
        from runner.core.manifest.ephemeral import PROFILES, Debugger

        if profile not in PROFILES:
            raise UsageError(f"unknown profile: {profile}", hint=f"there are {', '.join(PROFILES)}")
        asked = Debugger(
            name=name, image=image, target=target, command=command, env=env, profile=profile, stdin=True, tty=True
        )
        made = self._client.add_debugger(self.namespace, self.name, asked)
        self._client.wait(PODS.kind, self.namespace, self.name, _has_begun(made), seconds_of(timeout))
        labels = {POD_UID: self.uid, DOCKER_TYPE: TYPE_CONTAINER, CONTAINER_NAME: made}
        engine = self.engine.of(container=made)
        running = [one.id for one in engine.list_containers(labels) if one.state is EngineState.RUNNING]
        if not running:
            raise UsageError(f"ephemeral container {made} of pod {self.name} has ended", hint="its command has to wait")
        return DebugContainer(engine, running[0], made)


def _has_begun(name: str) -> Callable[[Json | None], bool]:
    """Whether an ephemeral container of a pod runs, or has ended."""

    def holds(pod: Json | None) -> bool:
        if pod is None:
            raise NoSuchObject(f'{PODS.resource} of container "{name}" not found')
        found: Sequence[Any] = (pod.get("status") or {}).get("ephemeralContainerStatuses") or ()
        states = [one.get("state") or {} for one in found if one["name"] == name]
        return any("running" in state or "terminated" in state for state in states)

    return holds
