"""The test bed: pods of many scenarios side by side in one process on the real Engine, and all that is seen of them."""

from __future__ import annotations

import re
import signal
import threading
import uuid
from collections.abc import Mapping
from contextlib import ExitStack, closing
from copy import deepcopy
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any, Final

import yaml
from docker.api import APIClient

from runner.api.waiting import Waiting
from runner.clock import SystemClock, Wakeup
from runner.core.admission import admit
from runner.core.labels import CONTAINER_NAME, DOCKER_TYPE, POD_UID, TYPE_SANDBOX
from runner.core.manifest import Source, load
from runner.core.model import Pod
from runner.core.narration import Narration
from runner.engine.docker import DockerEngine
from runner.kubelet.options import RunOptions, WorkerOptions
from runner.kubelet.prober.handlers import EngineHandlers
from runner.kubelet.sandboximage import sandbox_reference
from runner.node.audience import Audience
from runner.node.newcomers import Newcomers
from runner.node.node import Node
from runner.node.outcome import StopRequest
from runner.node.owning import Title, begin_sandbox, own_found
from runner.node.running import Running
from runner.node.threads import Threads
from runner.registry.admission import create
from runner.registry.deletion import request_deletion
from runner.registry.holders import NodeInstance
from runner.registry.home import Home
from runner.registry.ownership import owner_label
from runner.registry.sqlite import SqliteRegistry
from runner.retry import CAP_SECONDS, INITIAL_SECONDS, RetryPolicy
from tests.conformance.view import LOOK_SECONDS, View

EXEC_SECONDS: Final = 60.0


class Ended(Exception):
    """The test run is over before the scenario is."""


class TestBed:
    """Runs pods as the library does, one node for each back-off maximum, and keeps what is seen of them."""

    __test__ = False

    def __init__(self, engine: DockerEngine, home: Path) -> None:
        self.engine = engine
        self.clock = SystemClock()
        self.is_closing = False
        self._home = Home(home)
        self._resources = ExitStack()
        self.store = SqliteRegistry(self._home)
        self._resources.callback(self.store.close)
        self._titles: dict[float, Title] = {}
        self._audience = self._resources.enter_context(
            Audience(engine, self._home, RunOptions(), self._hear, self.clock)
        )
        self._sandbox_image = sandbox_reference(engine, "")
        self._lock = threading.Lock()
        self._nodes: dict[float, Waiting] = {}
        self._views: dict[str, View] = {}

    def _hear(self, narration: Narration) -> None:
        view = self._views.get(narration.ref.uid)
        if view is not None:
            view.hear(narration)

    def _node(self, cap: float) -> Waiting:
        """The node of the pods whose restarts wait at most ``cap`` seconds."""
        if cap not in self._nodes:
            retry = RetryPolicy(scope="container", initial=min(INITIAL_SECONDS, cap), cap=cap)
            options = RunOptions(worker=WorkerOptions(retry=retry))
            instance = self._resources.enter_context(NodeInstance(self._home))
            owner = owner_label(home=self._home)
            title = self._titles[cap] = Title(holder=instance.id, owner=owner, lease=owner)
            node = Node(
                engine=self.engine,
                store=self.store,
                clock=self.clock,
                home=self._home,
                handlers=EngineHandlers(self.engine),
                options=options.worker,
                listener=self._audience,
                sandbox_image=self._sandbox_image,
                newcomers=self._newcomers(title),
            )
            made = self._nodes[cap] = Waiting(node, Threads(node), options)
            made.open(self.clock.now())
            self._resources.callback(made.close)
        return self._nodes[cap]

    def _newcomers(self, title: Title) -> Newcomers:
        image, means = self._sandbox_image, partial(own_found, owner=title.owner)
        begin = partial(begin_sandbox, engine=self.engine, store=self.store, clock=self.clock, image=image)
        return Newcomers(self.store, title.holder, means, begin)

    def create(self, manifest: Mapping[str, Any], *, cap: float = CAP_SECONDS) -> View:
        """Load a manifest as from a file, and start its pod."""
        text = yaml.safe_dump(dict(manifest))
        loaded = load([Source(name="pod.yaml", text=text)])
        assert not loaded.problems, loaded.problems
        (found,) = loaded.objects
        value = admit(found.value, namespace="default", uid=str(uuid.uuid4()), suffix="", now=self.clock.now())
        pod = Pod.from_json(value)
        view = View(uid=pod.uid, name=pod.name, store=self.store, check=partial(self._check, pod.uid))
        with self._lock:
            self._views[pod.uid] = view
            run = self._node(cap)
            title = self._titles[cap]
            create(self.store, value, holder=title.holder, lease=title.lease)
            run.node.roster.pick_up(pod.uid)
            run.start()
        return view

    # --- what is done to a pod -----------------------------------------------------------------------------------------

    def delete(self, view: View, grace: int | None = None) -> None:
        """Ask for the deletion; without ``grace`` (seconds) with the pod's own."""
        value = self.store.get_by_uid(view.uid)
        if value is not None:
            own = value["spec"].get("terminationGracePeriodSeconds", 30)
            request_deletion(self.store, view.uid, self.clock.now(), own if grace is None else grace)

    def set_image(self, view: View, container: str, image: str) -> None:
        """Change the image of one container of the live pod."""
        value = deepcopy(self.store.get_by_uid(view.uid))
        assert value is not None
        for group in ("initContainers", "containers"):
            for one in value["spec"].get(group) or ():
                if one["name"] == container:
                    one["image"] = image
        self.store.update({"kind": "Pod", **value})

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

    def catches_term(self, view: View, container: str) -> bool:
        """Whether a running container has come to set a trap for SIGTERM, as the kernel tells."""
        caught = re.search(r"^SigCgt:\s*(\w+)$", self.exec(view, container, ["cat", "/proc/1/status"]), re.MULTILINE)
        return caught is not None and bool(int(caught[1], 16) & 1 << signal.SIGTERM - 1)

    def pause(self, container_id: str) -> None:
        """Freeze a container, as ``docker pause`` does."""
        with closing(APIClient(self.engine.address)) as client:
            client.pause(container_id)

    def let_pass(self, view: View, seconds: float) -> None:
        """Let time pass while a pod is watched. Raises what ``View.check`` raises."""
        end, quiet = self.clock.now() + timedelta(seconds=seconds), Wakeup()
        while (left := (end - self.clock.now()).total_seconds()) > 0:
            quiet.wait(min(left, LOOK_SECONDS))
            view.check()

    # --- the end -------------------------------------------------------------------------------------------------------

    def _running(self, uid: str) -> Running | None:
        found = (run.node.find(uid) for run in tuple(self._nodes.values()))
        return next((one for one in found if isinstance(one, Running)), None)

    def _check(self, uid: str) -> None:
        """Raise Ended when the test run is over, and what broke the pod's worker."""
        if self.is_closing:
            raise Ended("the test run is over")
        running = self._running(uid)
        if running is not None and running.error is not None:
            raise running.error

    def remove(self, view: View) -> None:
        """Delete a pod at once and wait until it is gone."""
        self.delete(view, 0)
        running = self._running(view.uid)
        while running is not None and not running.is_over:
            with view.changed:
                view.changed.wait(LOOK_SECONDS)

    def close(self) -> None:
        """End every pod that is left, and everything else."""
        self.is_closing = True
        with self._resources:
            for run in self._nodes.values():
                stop = StopRequest()
                stop.request()
                stop.request()
                run.delete_all(stop)
