"""Many processes over one state directory: none is refused, and every watch sees every status and the deletion."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from runner.clock import SystemClock, Wakeup
from runner.core.changes import ChangeType
from runner.registry.contract import Change
from runner.registry.home import Home
from runner.registry.sqlite import SqliteRegistry

WRITERS, PODS, STATUSES = 4, 25, 6
SECONDS = 60.0
WATCHED_SECONDS, IDLE_SHARE = 3.0, 0.02
"""Once a second a watch that nobody wakes looks whether the file has changed."""
RUNS = """
import sys
from pathlib import Path
from runner.core.status.podstatus import PodStatus
from runner.registry.deletion import forget_pod
from runner.registry.home import Home
from runner.registry.sqlite import SqliteRegistry

registry, me, pods, statuses = SqliteRegistry(Home(Path(sys.argv[1]))), sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
for number in range(pods):
    uid = f"{me}-{number}"
    metadata = {"name": uid, "namespace": "default", "uid": uid}
    registry.create({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {"containers": []}}, holder=me)
    for count in range(statuses):
        registry.publish_status(uid, PodStatus(message=str(count)))
    forget_pod(registry, uid)
registry.close()
"""
LINE = "jsonpath={.metadata.name} {.metadata.resourceVersion} {.status.message}{'\\n'}"


def shown(change: Change) -> str:
    message = change.value.get("status", {}).get("message", "")
    return f"{change.name} {change.resource_version} {message}"


def test_get_w_shows_every_status_in_order_and_the_deletion_while_others_write(tmp_path: Path) -> None:
    registry = SqliteRegistry(Home(tmp_path))
    since = str(registry.version())
    environ = {**os.environ, "PODRUNNER_HOME": str(tmp_path)}
    get = subprocess.Popen(
        [sys.executable, "-m", "runner", "get", "pods", "-w", "-o", LINE],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environ,
        text=True,
    )
    arguments = [str(tmp_path), "", str(PODS), str(STATUSES)]
    with registry.watch(since, kinds=["Pod"]) as watch:
        never = Wakeup()
        while not registry.database.read("SELECT 1 FROM watchers"):
            assert get.poll() is None
            never.wait(0.05)
        writers = []
        for number in range(WRITERS):
            arguments[1] = f"w{number}"
            command = [sys.executable, "-c", RUNS, *arguments]
            writers.append(subprocess.Popen(command, stderr=subprocess.PIPE, text=True))
        assert [writer.communicate(timeout=SECONDS)[1] for writer in writers] == [""] * WRITERS
        changes = watch.next(0)
        while more := watch.next(0):
            changes += more
    expected = WRITERS * PODS * (STATUSES + 2)
    assert len(changes) == expected
    assert [change.type for change in changes].count(ChangeType.DELETED) == WRITERS * PODS
    assert get.stdout is not None
    lines = [get.stdout.readline().rstrip() for _ in range(expected)]
    idle = share_of_processor(get.pid, WATCHED_SECONDS)
    get.terminate()
    get.communicate(timeout=SECONDS)
    assert lines == [shown(change).rstrip() for change in changes]
    assert idle < IDLE_SHARE
    registry.close()


def share_of_processor(process: int, seconds: float) -> float:
    """How much of its time on the wall a process spends on a processor, all its threads together."""

    def spent() -> float:
        return sum(int((thread / "schedstat").read_text().split()[0]) for thread in tasks.iterdir()) / 1e9

    tasks, clock, never = Path(f"/proc/{process}/task"), SystemClock(), Wakeup()
    began, before = clock.steady(), spent()
    never.wait(seconds)
    return (spent() - before) / (clock.steady() - began)
