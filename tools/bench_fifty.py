"""`python -m tools.bench_fifty`: many pods in one run, beside a plain script that makes the same things with eight threads.

Pairs of processes, one after the other. Each pod has a sandbox, a volume, two init containers and a main container. What
podrunner's process takes meanwhile is looked at from outside: threads, open files, and how much more memory than a run of
one pod. What each leaves is removed outside the measured time.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import docker
import yaml

from runner.sandbox.image import sandbox_image
from tools.bench import MARK, PODRUNNER, compile_package, seconds

PODS = 50
IMAGE = "busybox:latest"
SAMPLE_SECONDS = 0.02
THREADS_ALLOWED, FILES_ALLOWED, FILES_A_POD, MEGABYTES_A_POD = 24, 100, 5, 1.0

# The plain way: eight threads, each making one pod after the other.
PLAIN = f"""
import docker, sys
from concurrent.futures import ThreadPoolExecutor
api = docker.from_env(max_pool_size=32).api
MARK, IMAGE = "{MARK}", "{IMAGE}"
def start(name, image, command, **host):
    config = api.create_host_config(**host)
    one = api.create_container(image, command, name=name, labels=[MARK], host_config=config)
    api.start(one)
    return one["Id"]
def pod(number):
    volume = f"bench-{{number}}"
    api.create_volume(volume, labels={{MARK: ""}})
    binds = [f"{{volume}}:/work"]
    sandbox = start(f"bench-sandbox-{{number}}", sys.argv[1], None, ipc_mode="shareable", binds=binds)
    joined = {{mode: f"container:{{sandbox}}" for mode in ("network_mode", "ipc_mode")}}
    for init in (1, 2):
        one = start(f"bench-init-{{number}}-{{init}}", IMAGE, ["true"], binds=binds, **joined)
        assert api.wait(one)["StatusCode"] == 0
    main = start(f"bench-main-{{number}}", IMAGE, ["sleep", "3600"], binds=binds, **joined)
    assert api.inspect_container(main)["State"]["Running"]
with ThreadPoolExecutor(8) as pool:
    list(pool.map(pod, range(int(sys.argv[2]))))
"""


@dataclass(slots=True)
class Usage:
    """The most that a process was seen to have at once: threads, open files, memory in megabytes; and its seconds."""

    seconds: float = 0.0
    processor: float = 0.0
    threads: int = 0
    files: int = 0
    megabytes: float = 0.0


def pod(number: int) -> dict[str, object]:
    """One pod's manifest."""
    mounts = {"volumeMounts": [{"name": "work", "mountPath": "/work"}]}
    once = {"image": IMAGE, "imagePullPolicy": "IfNotPresent", **mounts}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": f"bench-{number}"},
        "spec": {
            "terminationGracePeriodSeconds": 0,
            "volumes": [{"name": "work", "emptyDir": {}}],
            "initContainers": [{"name": f"init-{one}", "command": ["true"], **once} for one in (1, 2)],
            "containers": [{"name": "main", "command": ["sleep", "3600"], **once}],
        },
    }


def watched(command: Sequence[str], environment: dict[str, str], note: Path) -> Usage:
    """Run a command to its end, and look at its process again and again meanwhile."""
    usage = Usage()
    with note.open("w") as output:
        begin = time.perf_counter()
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=environment)
        while True:
            with suppress(subprocess.TimeoutExpired):
                process.wait(SAMPLE_SECONDS)
                break
            with suppress(OSError):
                look(usage, Path(f"/proc/{process.pid}"))
        usage.seconds = time.perf_counter() - begin
    if process.returncode != 0:
        raise SystemExit(f"{note.read_text()}\n{command[0]} ended with exit code {process.returncode}")
    return usage


def look(usage: Usage, place: Path) -> None:
    """Take down what a process has now. Raises OSError when it has gone."""
    status = dict(line.split(":", 1) for line in (place / "status").read_text().splitlines())
    if "VmHWM" in status:
        usage.threads = max(usage.threads, int(status["Threads"]))
        usage.megabytes = max(usage.megabytes, int(status["VmHWM"].split()[0]) / 1024)
    usage.files = max(usage.files, sum(1 for _ in (place / "fd").iterdir()))
    fields = (place / "stat").read_text().rpartition(")")[2].split()
    usage.processor = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def ours(folder: Path, pods: int) -> Usage:
    """Measure one run of so many pods to Ready; deleting them is not part of it."""
    manifest = folder / f"{pods}.yaml"
    manifest.write_text(yaml.safe_dump_all([pod(number) for number in range(pods)]))
    environment = {**os.environ, "PODRUNNER_HOME": str(folder / "state"), "PODRUNNER_PROGRESS": "plain"}
    run = [PODRUNNER, "run", str(manifest), "--until", "ready", "--keep", "always"]
    usage = watched(run, environment, folder / "run.log")
    seconds([PODRUNNER, "delete", "-f", str(manifest)], environment, folder / "delete.log")
    return usage


def plain(folder: Path, client: docker.DockerClient, sandbox: str, pods: int) -> float:
    """Measure the plain script, and remove what it has made."""
    taken = seconds([sys.executable, "-c", PLAIN, sandbox, str(pods)], dict(os.environ), folder / "plain.log")
    for container in client.api.containers(all=True, filters={"label": MARK}):
        client.api.remove_container(container["Id"], force=True)
    for volume in client.api.volumes(filters={"label": MARK})["Volumes"] or []:
        client.api.remove_volume(volume["Name"])
    return taken


def main() -> int:
    """Measure and print; exit code 1 when a limit that was given is passed."""
    parser = argparse.ArgumentParser(prog="python -m tools.bench_fifty", description="many pods in one run")
    parser.add_argument("--pods", type=int, default=PODS, help=f"how many pods (default {PODS})")
    parser.add_argument("--pairs", type=int, default=3, help="how many pairs (default 3)")
    parser.add_argument(
        "--limit", type=float, help="fail when the median ratio is above this, or a process takes too much"
    )
    options = parser.parse_args()
    compile_package()
    client = docker.from_env(timeout=600)
    if not client.images.list(name=IMAGE):
        client.images.pull(IMAGE)
    sandbox = sandbox_image(client.version()["Arch"])
    if not client.images.list(name=sandbox.reference):
        client.images.load(sandbox.archive)
    pods, found = options.pods, []
    with tempfile.TemporaryDirectory(prefix="podrunner-bench-") as name:
        folder = Path(name)
        one = ours(folder, 1)
        for number in range(1, options.pairs + 1):
            bare = plain(folder, client, sandbox.reference, pods)
            usage = ours(folder, pods)
            found.append((usage, usage.seconds / bare))
            print(
                f"pair {number}: podrunner {usage.seconds:.2f} s ({usage.processor:.1f} s of processor time), plain {bare:.2f} s,"
                f" ratio {found[-1][1]:.2f}",
                flush=True,
            )
    ratio = statistics.median(ratio for _, ratio in found)
    threads, files = max(usage.threads for usage, _ in found), max(usage.files for usage, _ in found)
    growth = max(usage.megabytes - one.megabytes for usage, _ in found) / max(1, pods - 1)
    print(f"{pods} pods in one run: ratio {ratio:.2f}; {threads} threads, {files} files, {growth:.2f} MB more a pod")
    few = (
        threads <= THREADS_ALLOWED + pods and files <= FILES_ALLOWED + FILES_A_POD * pods and growth <= MEGABYTES_A_POD
    )
    return 1 if options.limit is not None and (ratio > options.limit or not few) else 0


if __name__ == "__main__":
    sys.exit(main())
