"""A node in threads runs what another client has written for it, and lets go of what another one has taken."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from runner.clock import SystemClock
from runner.core.admission import admit
from runner.core.labels import POD_UID
from runner.core.runspec import RunSpec
from runner.engine.docker import DockerEngine
from runner.kubelet.options import WorkerOptions
from runner.kubelet.prober.handlers import EngineHandlers
from runner.kubelet.sandboximage import sandbox_reference
from runner.node.newcomers import Newcomers
from runner.node.node import Node
from runner.node.owning import begin_sandbox, own_found
from runner.node.threads import Threads
from runner.registry.admission import create
from runner.registry.deletion import request_deletion
from runner.registry.holders import NodeInstance
from runner.registry.home import Home
from runner.registry.identities import new_uid
from runner.registry.ownership import owner_label
from runner.registry.sqlite import SqliteRegistry
from tests.e2e.support import container, pod, until

pytestmark = pytest.mark.docker


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


@pytest.fixture
def node(home: Home, docker_engine: DockerEngine) -> Iterator[Node]:
    with ExitStack() as stack:
        registry = stack.enter_context(closing(SqliteRegistry(home)))
        instance = stack.enter_context(NodeInstance(home))
        image = sandbox_reference(docker_engine, "")
        clock = SystemClock()
        begin = partial(begin_sandbox, engine=docker_engine, store=registry, clock=clock, image=image)
        means = partial(own_found, owner=owner_label(home=home))
        made = Node(
            engine=docker_engine,
            store=registry,
            clock=clock,
            home=home,
            handlers=EngineHandlers(docker_engine),
            options=WorkerOptions(),
            listener=lambda _: None,
            sandbox_image=image,
            newcomers=Newcomers(registry, instance.id, means, begin),
        )
        threads = Threads(made)
        stack.callback(threads.close)
        threads.open(made.clock.now())
        yield made
        made.kill_all()
        threads.join(30)


def test_pods_come_and_go_by_the_ledger(home: Home, node: Node, docker_engine: DockerEngine) -> None:
    with closing(SqliteRegistry(home)) as client:

        def write(name: str, command: str, run_spec: str | None = None) -> str:
            value: Any = pod(name, container("main", command), restartPolicy="Never", terminationGracePeriodSeconds=0)
            made = admit(value, namespace="default", uid=new_uid(), suffix="x", now=node.clock.now())
            create(client, made, holder=node.holder, run_spec=run_spec)
            return str(made["metadata"]["uid"])

        def phase(uid: str) -> str:
            return str((client.get_by_uid(uid) or {}).get("status", {}).get("phase"))

        short = write("given-short", "true", RunSpec(max_restarts=5).to_text())
        long = write("given-long", "sleep 600")
        until(lambda: (phase(short), phase(long)) == ("Succeeded", "Running"), "both pods")
        assert node.live[short].worker.options.max_restarts == 5
        request_deletion(client, short, node.clock.now(), 0)
        until(lambda: client.get_by_uid(short) is None, "the deletion")
        until(lambda: node.find(short) is None, "forgetting")

        assert client.ledger.take(long, node.holder, "another")
        until(lambda: long not in node.live, "letting go")
        assert len(docker_engine.list_containers({POD_UID: long})) == 2
        assert client.ledger.take(long, "another", node.holder)
        until(lambda: long in node.live, "taking back")
        request_deletion(client, long, node.clock.now(), 0)
        until(lambda: client.get_by_uid(long) is None, "the deletion")
        assert docker_engine.list_containers({POD_UID: long}) == []
