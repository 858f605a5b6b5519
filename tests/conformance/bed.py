"""The test bed: pods of many scenarios side by side in one process on the real Engine, and all that is seen of them."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Mapping
from contextlib import ExitStack, closing
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import yaml
from docker.api import APIClient

from runner.clock import SystemClock, Wakeup
from runner.core.admission import admit
from runner.core.labels import CONTAINER_NAME, DOCKER_TYPE, POD_UID, TYPE_SANDBOX
from runner.core.manifest import Source, load
from runner.core.model import Pod
from runner.engine.docker import DockerEngine
from runner.retry import CAP_SECONDS, INITIAL_SECONDS, RetryPolicy
from runner.runtime.audience import Audience
from runner.runtime.handlers import EngineHandlers
from runner.runtime.home import Home
from runner.runtime.narration import Gone, LogLine, Narration, StatusChanged
from runner.runtime.options import RunOptions, WorkerOptions
from runner.runtime.outcome import StopRequest
from runner.runtime.owning import own_new
from runner.runtime.sandboxes import sandbox_reference
from runner.runtime.session import Running, Session
from runner.runtime.sqlite_store import SqliteStore
from tests.conformance.marks import Mark, read_marks
from tests.conformance.reading import Json

EXEC_SECONDS: Final = 60.0
_LOOK_SECONDS: Final = 0.3


class Ended(Exception):
    """The test run is over before the scenario is."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A published pod and when; ``pod`` is None once it is gone."""

    at: datetime
    pod: Json | None


@dataclass
class View:
    """All that was seen of one pod, from first to last."""

    uid: str
    name: str
    bed: TestBed
    states: list[Seen] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    changed: threading.Condition = field(default_factory=threading.Condition)

    def hear(self, narration: Narration) -> None:
        """Take a message in; from any thread."""
        with self.changed:
            match narration:
                case StatusChanged():
                    self.states.append(Seen(narration.at, narration.pod))
                case Gone():
                    self.states.append(Seen(narration.at, None))
                case LogLine():
                    self.lines.append(narration.data.decode(errors="replace"))
                case _:
                    return
            self.changed.notify_all()

    def pods(self) -> list[Json]:
        """Every state in which the pod was there."""
        return [seen.pod for seen in tuple(self.states) if seen.pod is not None]

    def last(self) -> Json | None:
        """The last state before the pod was gone."""
        return next(iter(reversed(self.pods())), None)

    def marks(self) -> list[Mark]:
        return read_marks(tuple(self.lines))

    def events(self) -> list[str]:
        """Every event as ``Reason: message``."""
        found = self.bed.store.events(uid=self.uid)
        return [f"{event.get('reason')}: {event.get('message')}" for event in found]

    def wait(self, known: int) -> None:
        """Wait until there are more states than are known, or for a moment. Raises what ``check`` raises."""
        with self.changed:
            self.changed.wait_for(lambda: len(self.states) > known, _LOOK_SECONDS)
        self.check()

    def check(self) -> None:
        """Raise Ended when the test run is over, and what broke the pod's worker."""
        if self.bed.is_closing:
            raise Ended("the test run is over")
        error = self.bed.running(self).error
        if error is not None:
            raise error


class TestBed:
    """Runs pods as the library does, one session for each back-off maximum, and keeps what is seen of them."""

    __test__ = False

    def __init__(self, engine: DockerEngine, home: Path) -> None:
        self.engine = engine
        self.clock = SystemClock()
        self.is_closing = False
        self._home = Home(home)
        self._resources = ExitStack()
        self.store = SqliteStore(self._home)
        self._resources.callback(self.store.close)
        self._audience = self._resources.enter_context(Audience(engine, self._home, RunOptions(), self._hear))
        self._sandbox_image = sandbox_reference(engine, "")
        self._lock = threading.Lock()
        self._sessions: dict[float, Session] = {}
        self._views: dict[str, View] = {}

    def _hear(self, narration: Narration) -> None:
        view = self._views.get(narration.ref.uid)
        if view is not None:
            view.hear(narration)

    def _session(self, cap: float) -> Session:
        """The session of the pods whose restarts wait at most ``cap`` seconds."""
        if cap not in self._sessions:
            retry = RetryPolicy(scope="container", initial=min(INITIAL_SECONDS, cap), cap=cap)
            session = Session(
                engine=self.engine,
                store=self.store,
                clock=self.clock,
                home=self._home,
                handlers=EngineHandlers(self.engine),
                options=RunOptions(worker=WorkerOptions(retry=retry)),
                listener=self._audience,
                sandbox_image=self._sandbox_image,
            )
            session.open(self.clock.now())
            self._resources.callback(session.close)
            self._sessions[cap] = session
        return self._sessions[cap]

    def create(self, manifest: Mapping[str, Any], *, cap: float = CAP_SECONDS) -> View:
        """Load a manifest as from a file, and start its pod."""
        text = yaml.safe_dump(dict(manifest))
        loaded = load([Source(name="pod.yaml", text=text)])
        assert not loaded.problems, loaded.problems
        (found,) = loaded.objects
        value = admit(found.value, namespace="default", uid=str(uuid.uuid4()), suffix="", now=self.clock.now())
        pod = Pod.from_json(value)
        view = View(uid=pod.uid, name=pod.name, bed=self)
        with self._lock:
            self._views[pod.uid] = view
            session = self._session(cap)
            (owned,) = own_new([pod], self.store, self._home, lambda: None)
            session.add(owned)
            session.start()
        return view

    # --- what is done to a pod -----------------------------------------------------------------------------------------

    def delete(self, view: View, grace: int | None = None) -> None:
        """Ask for the deletion; without ``grace`` (seconds) with the pod's own."""
        value = self.store.pod_by_uid(view.uid)
        if value is not None:
            own = value["spec"].get("terminationGracePeriodSeconds", 30)
            self.store.request_deletion(view.uid, self.clock.now(), own if grace is None else grace)

    def set_image(self, view: View, container: str, image: str) -> None:
        """Change the image of one container of the live pod."""
        value = deepcopy(self.store.pod_by_uid(view.uid))
        assert value is not None
        for group in ("initContainers", "containers"):
            for one in value["spec"].get(group) or ():
                if one["name"] == container:
                    one["image"] = image
        self.store.update_pod(value)

    def containers(self, view: View, name: str) -> list[str]:
        """The ids of a container's instances, newest first."""
        labels = {POD_UID: view.uid, CONTAINER_NAME: name}
        return [summary.id for summary in self.engine.list_containers(labels)]

    def sandbox(self, view: View) -> str:
        """The id of the newest sandbox."""
        labels = {POD_UID: view.uid, DOCKER_TYPE: TYPE_SANDBOX}
        return self.engine.list_containers(labels)[0].id

    def exec(self, view: View, container: str, command: list[str]) -> str:
        """Run a command in the newest instance of a container."""
        target = self.containers(view, container)[0]
        result = self.engine.exec(target, command, timeout=EXEC_SECONDS, limit=1 << 20)
        return result.output.decode(errors="replace")

    def pause(self, container_id: str) -> None:
        """Freeze a container, as ``docker pause`` does."""
        with closing(APIClient(self.engine.address)) as client:
            client.pause(container_id)

    def let_pass(self, view: View, seconds: float) -> None:
        """Let time pass while a pod is watched. Raises what ``View.check`` raises."""
        end, quiet = self.clock.now() + timedelta(seconds=seconds), Wakeup()
        while (left := (end - self.clock.now()).total_seconds()) > 0:
            quiet.wait(min(left, _LOOK_SECONDS))
            view.check()

    # --- the end -------------------------------------------------------------------------------------------------------

    def running(self, view: View) -> Running:
        return next(run for session in self._sessions.values() for run in session.runs if run.pod.uid == view.uid)

    def remove(self, view: View) -> None:
        """Delete a pod at once and wait until it is gone."""
        self.delete(view, 0)
        while not self.running(view).is_over:
            with view.changed:
                view.changed.wait(_LOOK_SECONDS)

    def close(self) -> None:
        """End every pod that is left, and everything else."""
        self.is_closing = True
        with self._resources:
            for session in self._sessions.values():
                stop = StopRequest()
                stop.request()
                stop.request()
                session.delete_all(stop)
