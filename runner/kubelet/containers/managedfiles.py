"""Writes the files of a pod that its containers share, before one of them starts. Mirrors kubelet_pods.go (makeHostsMount)."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from runner.core.archives import ArchiveWriter
from runner.core.container.managedfiles import HOSTS, RESOLVER, TARGETS, managed_files
from runner.core.container.messages import FOLDER, messages_plan
from runner.core.labels import SANDBOX_CONTAINER
from runner.core.network.etchosts import hosts_file
from runner.core.network.resolvconf import ResolverConfig, parse_resolver_config, resolver_config
from runner.errors import NotFound
from runner.kubelet.containers.termination_messages import local_directory

if TYPE_CHECKING:
    from runner.kubelet.loop.context import PodContext

_MODE = 0o644


def write_managed_files(context: PodContext, sandbox_id: str) -> None:
    """Write what the pod has of them, every time anew; nothing is done for a pod that has none. Raises EngineError."""
    pod = context.pod
    paths = managed_files(pod)
    if not paths:
        return
    contents = {}
    if HOSTS in paths:
        node_hosts = _engine_file(context, sandbox_id, TARGETS[HOSTS]) if pod.host_network else ""
        contents[HOSTS] = hosts_file(pod, context.facts.pod_ip, node_hosts)
    if RESOLVER in paths:
        contents[RESOLVER] = _resolver_file(context, sandbox_id)
    plan = messages_plan(pod, context.owner)
    engine = context.engine.of(container=SANDBOX_CONTAINER)
    directory = local_directory(engine, plan)
    if directory is None:
        engine.upload(sandbox_id, FOLDER, _archive(contents, context.now()))
    else:
        _write(directory, contents)


def _resolver_file(context: PodContext, sandbox_id: str) -> str:
    node = ResolverConfig()
    if context.pod.spec.get("dnsPolicy") != "None":
        node = parse_resolver_config(_engine_file(context, sandbox_id, TARGETS[RESOLVER]))
    config, notes = resolver_config(context.pod, node)
    if context.resolver_told != sandbox_id:
        # A kubelet works the file out once a sandbox (kuberuntime_sandbox.go, GetPodDNS), not once a container.
        context.resolver_told = sandbox_id
        for note in notes:
            context.event(note)
    return config.text()


def _engine_file(context: PodContext, sandbox_id: str, path: str) -> str:
    """A file that the Engine has made for the sandbox; empty when there is none."""
    try:
        archive = context.engine.of(container=SANDBOX_CONTAINER).download(sandbox_id, path)
    except NotFound:
        return ""
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        readers = (tar.extractfile(member) for member in tar if member.isfile())
        return next((reader.read().decode(errors="replace") for reader in readers if reader is not None), "")


def _write(directory: Path, contents: Mapping[str, str]) -> None:
    """In place: containers that run already have these very files mounted."""
    for path, text in contents.items():
        file = directory / path
        file.write_text(text, encoding="utf-8")
        file.chmod(_MODE)


def _archive(contents: Mapping[str, str], now: datetime) -> bytes:
    archive = ArchiveWriter(now)
    for path, text in contents.items():
        archive.file(path, text.encode(), _MODE)
    return archive.content()
