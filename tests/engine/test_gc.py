"""Sweeping on the real Engine: what a killed process left goes, and nothing else."""

from __future__ import annotations

import subprocess
import sys
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from runner.clock import SystemClock
from runner.core.container.containerconfig import ContainerConfig, Mount, MountType, VolumeConfig
from runner.core.labels import (
    DOCKER_TYPE,
    MANAGED,
    OWNER,
    POD_NAME,
    POD_NAMESPACE,
    POD_UID,
    TYPE_CONTAINER,
    TYPE_SANDBOX,
)
from runner.engine.docker import DockerEngine
from runner.janitor.gc import GcReport, sweep
from runner.registry.home import Home
from runner.registry.memory import MemoryRegistry
from runner.registry.ownership import owner_label
from tests.support.sweeping import no_other_sweeps

pytestmark = pytest.mark.docker

IMAGE = "busybox:1.36"


@pytest.fixture
def dead_owner() -> str:
    """The label of a process that was killed."""
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    label = owner_label(process.pid)
    process.kill()
    process.wait()
    assert process.stdin is not None
    process.stdin.close()
    return label


class PodOnEngine:
    """A sandbox, a container in its network, and a volume in both."""

    def __init__(self, engine: DockerEngine, owner: str) -> None:
        self.engine = engine
        self.uid = str(uuid.uuid4())
        self.labels = {
            MANAGED: "1",
            OWNER: owner,
            POD_UID: self.uid,
            POD_NAME: "gc-test",
            POD_NAMESPACE: "default",
        }
        self.volume = f"k8s_data_gc-test_default_{self.uid}"
        engine.create_volume(VolumeConfig(name=self.volume, labels=self.labels))
        self.sandbox = self._container("POD", TYPE_SANDBOX, "")
        self.main = self._container("main", TYPE_CONTAINER, f"container:{self.sandbox}")

    def _container(self, name: str, kind: str, network: str) -> str:
        config = ContainerConfig(
            name=f"k8s_{name}_gc-test_default_{self.uid}_0",
            image=IMAGE,
            command=("sleep", "300"),
            labels={**self.labels, DOCKER_TYPE: kind},
            network_mode=network,
            mounts=(Mount(type=MountType.VOLUME, source=self.volume, target="/data"),),
        )
        container_id = self.engine.create_container(config)
        self.engine.start_container(container_id)
        return container_id

    def left(self) -> tuple[int, int]:
        """How many containers and volumes there are."""
        wanted = {POD_UID: self.uid}
        return len(self.engine.list_containers(wanted)), len(self.engine.list_volumes(wanted))

    def remove(self) -> None:
        self.engine.remove_container(self.main)
        self.engine.remove_container(self.sandbox)
        self.engine.remove_volume(self.volume)


@pytest.fixture
def living(docker_engine: DockerEngine) -> Iterator[PodOnEngine]:
    pod = PodOnEngine(docker_engine, owner_label())
    yield pod
    pod.remove()


@pytest.fixture
def orphan(docker_engine: DockerEngine, dead_owner: str) -> Iterator[PodOnEngine]:
    with no_other_sweeps():
        pod = PodOnEngine(docker_engine, dead_owner)
        yield pod
        pod.remove()


def known(pod: PodOnEngine, owner: str) -> MemoryRegistry:
    """A store that knows the pod. Sweeps of these tests ask for known pods only: others test on this Engine, too."""
    store = MemoryRegistry()
    store.create({"kind": "Pod", "metadata": {"name": "gc-test", "uid": pod.uid}, "spec": {}}, holder=owner)
    return store


def test_a_dead_owners_pod_goes_and_a_living_owners_stays(
    docker_engine: DockerEngine, orphan: PodOnEngine, living: PodOnEngine, tmp_path: Path
) -> None:
    store = known(orphan, orphan.labels[OWNER])
    report = sweep(docker_engine, store, Home(tmp_path), SystemClock(), strangers=False)
    assert report == GcReport(
        containers=(f"k8s_main_gc-test_default_{orphan.uid}_0", f"k8s_POD_gc-test_default_{orphan.uid}_0"),
        volumes=(orphan.volume,),
        pods=("default/gc-test",),
    )
    assert orphan.left() == (0, 0)
    assert living.left() == (2, 1)
    assert store.list("Pod").items == []


def test_a_living_owners_pod_stays_even_when_it_is_known(
    docker_engine: DockerEngine, living: PodOnEngine, tmp_path: Path
) -> None:
    store = known(living, owner_label())
    assert sweep(docker_engine, store, Home(tmp_path), SystemClock(), strangers=False).is_empty
    assert living.left() == (2, 1)


def test_sweeps_at_once_leave_nothing_and_complain_of_nothing(
    docker_engine: DockerEngine, orphan: PodOnEngine, tmp_path: Path
) -> None:
    reports: list[GcReport] = []

    def work() -> None:
        store = known(orphan, orphan.labels[OWNER])
        reports.append(sweep(docker_engine, store, Home(tmp_path), SystemClock(), strangers=False))

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [report.problems for report in reports] == [()] * 3
    assert orphan.left() == (0, 0)
