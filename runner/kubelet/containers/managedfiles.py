"""Writes the files of a pod that its containers share, before one of them starts. Mirrors kubelet_pods.go (makeHostsMount)."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from runner.clock import Clock
from runner.core.archives import ArchiveWriter
from runner.core.container.managedfiles import HOSTS, RESOLVER, TARGETS, managed_files
from runner.core.container.messages import FOLDER, MESSAGES
from runner.core.labels import SANDBOX_CONTAINER, volume_name
from runner.core.model import Pod
from runner.core.network.etchosts import hosts_file
from runner.core.network.resolvconf import ResolverConfig, parse_resolver_config, resolver_config
from runner.engine.localvolumes import local_volume
from runner.engine.protocol import Engine
from runner.errors import NotFound
from runner.kubelet.loop.podcache import PodCache
from runner.kubelet.loop.reporter import Reporter

_MODE = 0o644


@dataclass(slots=True)
class ManagedFiles:
    """The files that the containers of one pod share. ``_told``: the sandbox for which the resolver's limits were reported."""

    cache: PodCache
    engine: Engine
    reporter: Reporter
    clock: Clock
    _told: str = ""

    def write(self, sandbox_id: str) -> None:
        """Write the pod's files anew; do nothing for a pod that has none. Raises EngineError."""
        pod = self.cache.pod
        paths = managed_files(pod)
        if not paths:
            return
        engine = self.engine.of(container=SANDBOX_CONTAINER)
        contents = {}
        if HOSTS in paths:
            node_hosts = _engine_file(engine, sandbox_id, TARGETS[HOSTS]) if pod.host_network else ""
            contents[HOSTS] = hosts_file(pod, self.cache.facts.pod_ip, node_hosts)
        if RESOLVER in paths:
            contents[RESOLVER] = self._resolver_file(pod, engine, sandbox_id)
        directory = local_volume(engine, volume_name(pod, MESSAGES))
        if directory is None:
            engine.upload(sandbox_id, FOLDER, _archive(contents, self.clock.now()))
        else:
            _write(directory, contents)

    def _resolver_file(self, pod: Pod, engine: Engine, sandbox_id: str) -> str:
        node = ResolverConfig()
        if pod.spec.get("dnsPolicy") != "None":
            node = parse_resolver_config(_engine_file(engine, sandbox_id, TARGETS[RESOLVER]))
        config, notes = resolver_config(pod, node)
        if self._told != sandbox_id:
            # A kubelet computes the file once per sandbox (kuberuntime_sandbox.go, GetPodDNS), not once per container.
            self._told = sandbox_id
            for note in notes:
                self.reporter.event(note)
        return config.text()


def _engine_file(engine: Engine, sandbox_id: str, path: str) -> str:
    """A file that the Engine has made for the sandbox; empty when there is none."""
    try:
        archive = engine.download(sandbox_id, path)
    except NotFound:
        return ""
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        readers = (tar.extractfile(member) for member in tar if member.isfile())
        return next((reader.read().decode(errors="replace") for reader in readers if reader is not None), "")


def _write(directory: Path, contents: Mapping[str, str]) -> None:
    """Write in place, because running containers have these very files mounted."""
    for path, text in contents.items():
        file = directory / path
        file.write_text(text, encoding="utf-8")
        file.chmod(_MODE)


def _archive(contents: Mapping[str, str], now: datetime) -> bytes:
    archive = ArchiveWriter(now)
    for path, text in contents.items():
        archive.file(path, text.encode(), _MODE)
    return archive.content()
