"""Examines the environment: which Engine, what it can do, and whether anything was left behind."""

from __future__ import annotations

import socket
import uuid
from collections.abc import Iterator

from runner.clock import Clock
from runner.core.container.containerconfig import ContainerConfig
from runner.core.labels import MANAGED, OWNER
from runner.engine.creating import create
from runner.engine.protocol import Engine
from runner.janitor.gc import sweep
from runner.registry.contract import Registry
from runner.registry.home import Home
from runner.registry.ownership import owner_label

Row = tuple[str, str]
_CONNECT_SECONDS = 1.0


def engine_rows(engine: Engine) -> Iterator[Row]:
    """The Engine's facts about itself. Raises EngineUnavailable."""
    info = engine.info()
    yield "Engine version", info.version
    yield "API version", info.api_version
    yield "Platform", f"{info.os}/{info.arch}"
    yield "Storage driver", info.storage_driver or "unknown"
    yield "Cgroup version", info.cgroup_version or "unknown"
    yield "Rootless", "yes" if info.rootless else "no"


def leftover_rows(engine: Engine, store: Registry, home: Home, clock: Clock) -> Iterator[Row]:
    """What dead processes left behind. Nothing is removed."""
    report = sweep(engine, store, home, clock, dry_run=True)
    parts = [
        f"{len(found)} {word}{'' if len(found) == 1 else 's'}"
        for found, word in ((report.containers, "container"), (report.volumes, "volume"), (report.pods, "pod"))
        if found
    ]
    yield "Leftovers", f"{', '.join(parts)} (podrunner gc removes them)" if parts else "none"
    yield "Pods", str(len(store.list("Pod").items))
    yield "Managed containers", str(len(engine.list_containers({MANAGED: ""})))


def network_row(engine: Engine, image: str) -> Row:
    """Whether a pod's address can be reached from here. It starts a sandbox of this image to find out."""
    labels = {MANAGED: "1", OWNER: owner_label()}
    config = ContainerConfig(name=f"podrunner-doctor-{uuid.uuid4().hex[:8]}", image=image, labels=labels)
    container_id = create(engine, config)
    try:
        engine.start_container(container_id)
        ip = engine.inspect_container(container_id).ip
        return "Pod IPs reachable", "yes" if _answers(ip) else "no (probes go through the sandbox)"
    finally:
        engine.remove_container(container_id)


def _answers(ip: str) -> bool:
    """Whether an address answers: a refused connection is an answer."""
    try:
        with socket.create_connection((ip, 9), timeout=_CONNECT_SECONDS):
            return True
    except ConnectionRefusedError:
        return True
    except OSError:
        return False
